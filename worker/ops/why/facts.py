"""What the explanation of one payment rests on: the books at one moment, what callbacks claim, and what Redis knows now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.policy import SPACING
from models.answers import Said
from models.case import CaseKind
from models.check import Lane
from models.queries.browse import CaseLine
from models.queries.history import CheckLine, InvoiceFacts
from models.queries.standing import Standing
from models.queries.stops import StopLine
from models.stop import Switch
from models.transaction import Kind
from tasks.toolbox import BreakerView, LaneLevel, LockView

CLOSEST = timedelta(seconds=SPACING / 2)
"""Two questions are further apart than this, and one question's two accounts of when it was over are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one callback claims. `amount` is francs, None when it names none that can be read."""

    callback_id: int
    received_at: datetime
    says: Said
    amount: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What Redis holds, at one moment. With Redis away there is none of this, and nobody knows."""

    lock: LockView
    breaker: BreakerView | None
    """Of the account that the invoice belongs to; None when that is not set up here."""
    lanes: tuple[LaneLevel, ...]
    waiting: Mapping[str, int] | None
    """Messages in each queue; None when the broker is another server and does not answer."""

    def room(self, lane: Lane) -> int | None:
        """Questions this lane could ask now; None when the budget is not known."""
        return next((level.room for level in self.lanes if level.lane is lane), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything there is to know about one invoice or payout. `claims` are oldest first; `first_check` and the others are settings."""

    standing: Standing
    claims: tuple[Claim, ...]
    fleet: Fleet | None
    has_account: bool
    """Whether the account it belongs to is set up here."""
    first_check: timedelta
    longest_question: timedelta
    """From the moment a question is begun until it is answered or given up."""

    @property
    def invoice(self) -> InvoiceFacts:
        """As the books hold it."""
        return self.standing.history.invoice

    @property
    def now(self) -> datetime:
        """By the database's clock."""
        return self.invoice.now

    @property
    def age(self) -> timedelta:
        """Since it was created; of a payout that was sent, since then: it may have waited for days before."""
        return self.now - (self.invoice.sent_at or self.invoice.created_at)

    @property
    def is_payout(self) -> bool:
        """Whether the money goes out."""
        return self.invoice.kind is Kind.PAYOUT

    @property
    def last(self) -> CheckLine | None:
        """The last question that came to something, be it silence."""
        return max(self.standing.history.checks, key=lambda check: (check.asked_at, check.id), default=None)

    @property
    def spoken(self) -> CheckLine | None:
        """The last question to which the gateway said something about the payment."""
        answers = [check for check in self.standing.history.checks if check.said.is_an_answer]
        return max(answers, key=lambda check: (check.asked_at, check.id), default=None)

    @property
    def asked_at(self) -> datetime | None:
        """When the last question went out, answered or not."""
        return self._begun_since or (self.last.asked_at if self.last else None)

    @property
    def is_called(self) -> bool:
        """Whether a callback was read after the last question went out."""
        nudged_at = self.standing.nudged_at
        return nudged_at is not None and (self.asked_at is None or nudged_at > self.asked_at)

    @property
    def is_unanswered(self) -> bool:
        """Whether the last question that was begun has come to nothing yet. One asked for a prediction alone never does."""
        history = self.standing.history
        return self._begun_since is not None and self.invoice.asked > history.checks_in_all

    @property
    def _begun_since(self) -> datetime | None:
        """When a question was begun after the last recorded one, which leaves in the row the time at which it was over."""
        begun, last = self.invoice.last_asked_at, self.last
        if begun is None or last is None:
            return begun
        over_at = last.asked_at + timedelta(seconds=last.took)
        return begun if begun - over_at > CLOSEST else None

    @property
    def open_cases(self) -> tuple[CaseLine, ...]:
        """What a person has to look at."""
        return tuple(case for case in self.standing.history.cases if case.resolved_at is None)

    def has_open(self, *kinds: CaseKind) -> bool:
        """Whether a case of one of these kinds is open."""
        return any(case.kind in kinds for case in self.open_cases)

    def off(self, switch: Switch) -> StopLine | None:
        """Who switched this off, if it is off."""
        return next((stop for stop in self.standing.stops if stop.switch is switch), None)


def objects(check: CheckLine, invoice: InvoiceFacts) -> bool:
    """Whether a `completed` answer cannot settle it: another amount or another reference.

    About a payout an answer names neither, as a rule; what it does name must be ours.
    """
    if invoice.kind is Kind.PAYOUT:
        return check.amount not in (None, invoice.amount) or check.reference not in ("", invoice.transaction_id)
    return check.amount != invoice.amount or check.reference != invoice.transaction_id
