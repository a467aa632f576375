"""What an answer means for the books: pure, total, and the only place that decides it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.answers import Answer, Said
from models.case import CaseKind
from models.transaction import Kind, Status


class When(StrEnum):
    """When to ask again; `config.policy` knows how long each is."""

    NEVER = "never"
    BY_AGE = "by_age"
    SOON = "soon"
    """Nothing was learned: soon, with jitter; it brings nothing nearer to being parked."""
    SLOWLY = "slowly"
    """A person has to decide; keep an eye on it."""
    HELD = "held"
    """Settling is switched off: the gateway is asked again until its answer may count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the books hold about a transaction at the moment of judging, read under its row lock."""

    status: Status
    amount: int
    """Whole francs."""
    transaction_id: str
    decided_asked_at: datetime | None = None
    """When the last question was asked whose answer justified `status`, or a person changed it; none while undecided."""
    kind: Kind = Kind.INVOICE
    settled_amount: int | None = None
    """Whole francs that were settled by hand, which need not be `amount`; none while nothing was, or by evidence."""

    @property
    def expected(self) -> int:
        """The sum, in whole francs, that an answer must name to agree with the books."""
        return self.amount if self.settled_amount is None else self.settled_amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do about one answer. `move` to COMPLETED always means: settle, in the same transaction."""

    reason: str
    when: When
    move: Status | None = None
    case: CaseKind | None = None
    last_resort: CaseKind | None = None
    """The case to open, and park, when `when` is BY_AGE and the last age tier is over."""
    affirms: bool = False
    """The answer says again what closed it. The status rests on this later question from now on."""


HELD_BACK = "; held back: "
"""Stands in the note of a check whose answer would have moved the status and did not."""


def judge(books: Books, answer: Answer, *, asked_at: datetime) -> Verdict:  # noqa: PLR0911 - one return per answer
    """Sort one answer. Every status times every `Said` has a place; nothing here raises.

    An answer speaks against a status only if it was asked after the question that justified that status: an older one
    that arrives late (a paused worker, a lost lock) is evidence and moves nothing.
    """
    if books.status in (Status.CREATED, Status.REFUSED):
        return Verdict(
            reason=f"a {books.status} transaction cannot be asked about",
            when=When.BY_AGE,
            last_resort=CaseKind.TOKEN_LOST,
        )
    late = books.decided_asked_at is not None and asked_at <= books.decided_asked_at
    match answer.said:
        case Said.COMPLETED:
            return _completed(books, answer, late=late)
        case Said.NOTCOMPLETED:
            return _notcompleted(books, late=late)
        case Said.PENDING:
            return _pending(books, late=late)
        case Said.UNKNOWN:
            reason = f"not understood: {answer.trouble or answer.text or 'no usable status'}"
            return _nothing_new(books, reason, CaseKind.PARKED, late=late)
        case Said.NOT_FOUND:
            reason = "the gateway does not know the token, or no longer"
            return _nothing_new(books, reason, CaseKind.TOKEN_REFUSED, late=late)
        case Said.REFUSED:
            return Verdict(
                reason=f"the gateway refuses us, not the payment: {answer.trouble or answer.text}", when=When.SOON
            )
        case Said.SILENCE:
            return Verdict(reason=f"no answer: {answer.trouble}", when=When.SOON)


def hold_back(verdict: Verdict, *, why: str) -> Verdict:
    """The same answer where no status may move: kept as evidence, and asked for again. Opens, ends and parks nothing."""
    if verdict.move is None:
        return verdict
    return Verdict(reason=f"{verdict.reason}{HELD_BACK}{why}", when=When.HELD)


def objection(books: Books, answer: Answer) -> str:
    """What keeps a `completed` answer from being evidence for this transaction, in one sentence; empty when nothing does.

    An answer about a payout names neither amount nor reference (vendor page "reference/endpoints/withdrawal-confirm"): the
    token that came with the reply to our own sending is the link, and what the answer does name must not be another's.
    """
    says_less = books.kind is Kind.PAYOUT
    if answer.amount is None and not says_less:
        return f"completed, without a readable amount; {books.expected} XOF expected"
    if answer.amount not in (books.expected, None):
        return f"completed over {answer.amount} XOF; {books.expected} XOF expected"
    if not answer.references and not says_less:
        return "completed, without our reference"
    if answer.references and answer.references[0] != books.transaction_id:
        return f"completed for {answer.references[0]!r}, which is not our reference"
    return ""


def _completed(books: Books, answer: Answer, *, late: bool) -> Verdict:
    wrong = objection(books, answer)
    if books.status is Status.COMPLETED:
        if wrong and not late:
            return Verdict(reason=wrong, when=When.NEVER, case=CaseKind.CONTRADICTION)
        return Verdict(reason="completed, as the books say", when=When.NEVER)
    if wrong:
        when = When.SLOWLY if books.status is Status.PENDING else When.NEVER
        return Verdict(reason=wrong, when=when, case=CaseKind.MISMATCH, last_resort=CaseKind.PARKED)
    if books.status is Status.NOTCOMPLETED and late:
        return Verdict(
            reason="completed, by an answer older than what closed it",
            when=When.SOON,  # whoever is asked now has the last word
            case=CaseKind.CONTRADICTION,
        )
    case = CaseKind.LATE_SUCCESS if books.status is Status.NOTCOMPLETED else None
    return Verdict(reason=f"completed over {books.amount} XOF", when=When.NEVER, move=Status.COMPLETED, case=case)


def _notcompleted(books: Books, *, late: bool) -> Verdict:
    if books.status is Status.PENDING:
        return Verdict(reason="notcompleted", when=When.NEVER, move=Status.NOTCOMPLETED)
    if books.status is Status.NOTCOMPLETED:
        return Verdict(reason="notcompleted, as the books say", when=When.NEVER, affirms=not late)
    return _against(books, "notcompleted", late=late)


def _pending(books: Books, *, late: bool) -> Verdict:
    if books.status is Status.PENDING:
        return Verdict(reason="still pending", when=When.BY_AGE, last_resort=CaseKind.PARKED)
    if books.status is Status.NOTCOMPLETED and not late:
        return Verdict(
            reason="pending again, after it said notcompleted", when=When.BY_AGE, last_resort=CaseKind.PARKED
        )
    return _against(books, "pending", late=late)


def _against(books: Books, said: str, *, late: bool) -> Verdict:
    """An answer other than completed about a transaction that is final."""
    if books.status is Status.COMPLETED and not late:
        return Verdict(
            reason=f"{said}, after it said completed; nothing moves", when=When.NEVER, case=CaseKind.CONTRADICTION
        )
    return Verdict(reason=f"{said}; nothing moves", when=When.NEVER)


def _nothing_new(books: Books, reason: str, last_resort: CaseKind, *, late: bool) -> Verdict:
    """Whoever was asked about had a reason to be: a failure is provisional, and is asked about until there is an answer."""
    if books.status is Status.PENDING or (books.status is Status.NOTCOMPLETED and not late):
        return Verdict(reason=reason, when=When.BY_AGE, last_resort=last_resort)
    return Verdict(reason=reason, when=When.NEVER)
