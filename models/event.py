"""Events: what the merchant's application is told of one outcome. Pure; the same object by push and by cursor, for ever."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from models.notice import NoticeKind
from models.order import CURRENCY
from models.transaction import Kind

PREFIX = "evt"
TAIL = 16
"""Hexadecimal digits that tell two outcomes apart which got the same number, as after a restored backup."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvidence:
    """The stored answer of the gateway that an outcome rests on. Amount in francs; none when the answer named none."""

    check_id: int
    asked_at: datetime
    said: str
    amount: int | None
    reference: str
    sha256: str
    """Of the answer's body as it was received, in hexadecimal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideEvidence:
    """The person an outcome rests on, where no answer of the gateway says so."""

    override_id: int
    by: str
    reason: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionEvidence:
    """The person who rejected a payout that waited."""

    by: str
    reason: str
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalEvidence:
    """The gateway's refusal of a payout that had waited, in one sentence; empty once it is erased."""

    reason: str


Evidence = AnswerEvidence | OverrideEvidence | RejectionEvidence | RefusalEvidence
"""What an outcome rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One outcome of one transaction, as the books know it. Amount in francs: what settled, or what did not."""

    account: str
    seq: int
    kind: NoticeKind
    at: datetime
    transaction_id: str
    amount: int
    settled_at: datetime | None
    evidence: Evidence | None
    """None only in damaged books."""
    about: Kind = Kind.INVOICE

    @property
    def id(self) -> str:
        """Its name: the same whenever and however it is told, and never that of another outcome."""
        told = json.dumps([self.account, self.seq, self.transaction_id, self.kind.value])
        return f"{PREFIX}_{self.seq}_{hashlib.sha256(told.encode()).hexdigest()[:TAIL]}"

    @property
    def type(self) -> str:
        """What it is about, in the words of the application: money that came in is a `payment`, money that went out a `payout`."""
        return f"{'payout' if self.about is Kind.PAYOUT else 'payment'}.{self.kind.value}"

    def document(self) -> dict[str, object]:
        """The one documented shape, ready for JSON."""
        return {
            "id": self.id,
            "type": self.type,
            "timestamp": _moment(self.at),
            "seq": self.seq,
            "data": {
                "transaction_id": self.transaction_id,
                "account": self.account,
                "status": self.kind.value,
                "amount": self.amount,
                "currency": CURRENCY,
                "settled_at": _moment(self.settled_at) if self.settled_at else None,
                "evidence": _evidence(self.evidence),
            },
        }

    def body(self) -> str:
        """The document as it is signed and sent: ASCII, so that whoever reads it cannot get its bytes wrong."""
        return json.dumps(self.document(), separators=(",", ":"))


def seq_of(event_id: str) -> int | None:
    """The number in an event's id; None when it is no such id. Says nothing about whether there is one."""
    parts = event_id.split("_")
    if len(parts) != 3 or parts[0] != PREFIX or not (parts[1].isascii() and parts[1].isdecimal()):  # noqa: PLR2004 - as built above
        return None
    return int(parts[1])


def _evidence(evidence: Evidence | None) -> Mapping[str, object] | None:
    match evidence:
        case AnswerEvidence():
            return {
                "kind": "answer",
                "check_id": evidence.check_id,
                "asked_at": _moment(evidence.asked_at),
                "said": evidence.said,
                "amount": evidence.amount,
                "reference": evidence.reference,
                "sha256": evidence.sha256,
            }
        case OverrideEvidence():
            return {
                "kind": "override",
                "override_id": evidence.override_id,
                "by": evidence.by,
                "reason": evidence.reason,
                "made_at": _moment(evidence.made_at),
            }
        case RejectionEvidence():
            return {
                "kind": "rejection",
                "by": evidence.by,
                "reason": evidence.reason,
                "made_at": _moment(evidence.made_at),
            }
        case RefusalEvidence():
            return {"kind": "refusal", "reason": evidence.reason}
        case None:
            return None


def _moment(at: datetime) -> str:
    """ISO 8601 in UTC, always with six digits behind the second."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
