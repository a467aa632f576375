"""Tokens and references that look like the gateway's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

FIRST_INVOICE = 277_763_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """What the gateway makes for one invoice."""

    token: str
    request_id: str
    logfile: str
    hash: str


class Mint:
    """Makes tokens in the form of the gateway's: HS256 JWTs of about 200 characters, told apart by a secret of this run.

    Nothing verifies them. As at the gateway they are keys to be kept, not statements to be read.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def mint(self, number: int, *, created_at: float, expires_at: float, key: str = "id_invoice") -> Minted:
        """Everything for the invoice of that number, or, with the key `id_finance`, for the payout.

        Equal numbers of one run give equal tokens.
        """
        moment = datetime.fromtimestamp(created_at, UTC)
        invoice = str(FIRST_INVOICE + number)
        payload = {key: invoice, "start_date": f"{moment:%Y-%m-%d %H:%M:%S}", "expiry_date": int(expires_at)}
        return Minted(
            token=self._sign({"typ": "JWT", "alg": "HS256"}, payload),
            request_id=f"P{invoice}{moment:%Y}",
            # The vendor's sample is 14 digits of time and 13 hex digits.
            logfile=f"{moment:%Y%m%d%H%M%S}{self._digest(b'logfile' + invoice.encode())[:13]}",
            hash=self._digest(b"hash" + invoice.encode()),
        )

    def _sign(self, header: dict[str, str], payload: dict[str, object]) -> str:
        text = ".".join(_base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
        return f"{text}.{_base64url(hmac.digest(self._secret, text.encode(), 'sha256'))}"

    def _digest(self, text: bytes) -> str:
        return hashlib.sha256(self._secret + text).hexdigest()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
