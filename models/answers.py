"""What the gateway can say, in our words: answers to a confirm, the content of a callback, the reply to a create."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Said(StrEnum):
    """What one answer of the gateway comes to. Every answer is exactly one of these; see docs/gateway.md."""

    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"
    PENDING = "pending"
    UNKNOWN = "unknown"
    """An answer without a status we know, or one that contradicts itself."""
    NOT_FOUND = "not_found"
    """The gateway does not know the token, or no longer."""
    REFUSED = "refused"
    """Our credentials, address or project are refused: says nothing about the payment."""
    SILENCE = "silence"
    """No answer: timeout, reset, 5xx, 429, HTML."""

    @property
    def is_an_answer(self) -> bool:
        """Whether the gateway spoke about the payment at all. Only such answers bring it nearer to being parked."""
        return self not in (Said.REFUSED, Said.SILENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer to `confirm`, as facts. Holds what was said, not what it means for the books: `decisions.judge` does.

    `amount` is whole francs, None when absent, unreadable, or when `amount` and `montant` disagree.
    `references` are all the places that name our transaction id, most trustworthy first; empty when none does.
    `body` is verbatim, cut at 64 kB; it is evidence, and may hold a phone number, never our credentials.
    """

    said: Said
    amount: int | None = None
    references: tuple[str, ...] = ()
    operator_id: str = ""
    operator_name: str = ""
    request_id: str = ""
    sub_code: str = ""
    text: str = ""
    details: str = ""
    wiki: str = ""
    http_status: int | None = None
    body: bytes = field(default=b"", repr=False)
    trouble: str = ""
    """For SILENCE and UNKNOWN: one sentence on what went wrong."""
    took: float = 0.0
    """Seconds from asking to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackContent:
    """What a callback claims. A rumour: it chooses which question to ask and never moves money.

    Equal for the form and the JSON twin of one event. The callback's `token` is left out on purpose: it is empty for
    payins, and three pages of the documentation disagree about it.
    """

    claims: Said
    references: tuple[str, ...] = ()
    """Where to look for our transaction id: custom_data, then root transaction_id, then external_id."""
    amount: int | None = None
    operator_id: str = ""
    operator_name: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The gateway accepted an invoice. `token` is a secret: it is the only key to the truth about this payment."""

    token: str = field(repr=False)
    payment_url: str = field(repr=False)
    """What the customer opens; empty where the operator asks on the phone."""
