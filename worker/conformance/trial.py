"""One trial and what it may find: closed sets, and the judgement, which is pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Protocol

from worker.ligdicash.simulator.payment import Delivery

PROMPT = 5.0
"""Seconds for an answer to a callback. No page names a limit; a handler that works before it answers is slow at the worst time."""

SPACING = 3.0
"""Seconds between two questions about one payment (vendor page `status-verification/recommendations`)."""


class Expect(StrEnum):
    """What a sound shop makes of the trial."""

    PAID = "paid"
    NOT_PAID = "not paid"
    ANSWER = "answer"
    """Nothing is asked of the shop's books: that it answers is all."""


class Flaw(StrEnum):
    """What can be wrong, by what was seen; the costliest first."""

    CREDULOUS = "credulous"
    HEARSAY = "hearsay"
    WRONG_SUM = "wrong_sum"
    LOST = "lost"
    NO_ADDRESS = "no_address"
    NOT_ORDERED = "not_ordered"
    UNTOLD = "untold"
    LOCKED = "locked"
    UNREAD = "unread"
    MOVED = "moved"
    CRASHED = "crashed"
    SILENT = "silent"
    SLOW = "slow"
    HASTY = "hasty"


class Stage(Protocol):
    """What a trial may do to the shop's order: what customers, operators and thieves do."""

    def decide(self, status: str = "completed", **decision: object) -> None:
        """The customer decides; callbacks leave."""

    def forge(self, status: str = "completed", *, unknown: bool = False) -> None:
        """Somebody sends both POSTs of a callback that no payment caused; about an id that nobody has when `unknown`."""

    def rest(self, seconds: float) -> None:
        """Let so much time pass."""

    def break_confirm(self, seconds: float) -> None:
        """Confirm answers 500 for so long."""

    def await_paid(self) -> None:
        """Wait until the shop says paid, or patience ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One thing LigdiCash or a stranger does, and what a shop must make of it. Texts are marked for translation."""

    name: str
    what: str
    expects: Expect
    meaning: str
    """Said when the shop misses what is expected: what that costs, and what mends it."""
    play: Callable[[Stage], None]
    is_early: bool = False
    """Whether the customer pays before the shop has the reply to its create."""
    is_slow: bool = False
    """Whether a sound shop may need a check of its own to get there, and so more time than patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one trial. `is_paid` is None where there is no shop to ask, or it did not say; `credited` too."""

    is_paid: bool | None = None
    credited: int | None = None
    """Francs."""
    amount: int
    asked: int = 0
    shortest_gap: float | None = None
    deliveries: Sequence[Delivery] = ()
    has_address: bool = True
    is_ordered: bool = True
    is_its_own: bool = True
    """Whether the shop ordered it. Of another's order it may say that it knows none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One trial, played."""

    trial: Trial
    seen: Seen
    flaws: Sequence[Flaw]
    trouble: str = ""
    """Why the shop could not be asked, in a sentence."""


def judge(trial: Trial, seen: Seen) -> list[Flaw]:
    """All that is wrong with what was seen, the worst first; each once."""
    return list(dict.fromkeys(_flaws(trial, seen)))


def _flaws(trial: Trial, seen: Seen) -> Iterator[Flaw]:
    if not seen.is_ordered:
        yield Flaw.NOT_ORDERED
        return
    yield from _with_the_money(trial, seen)
    may_not_know = trial.expects is Expect.ANSWER or not seen.is_its_own
    for delivery in seen.deliveries:
        if not (may_not_know and delivery.http_status == HTTPStatus.NOT_FOUND):
            yield from _at_the_door(delivery)
    if seen.shortest_gap is not None and seen.shortest_gap < SPACING * 0.9:  # clocks of two machines
        yield Flaw.HASTY


def _with_the_money(trial: Trial, seen: Seen) -> Iterator[Flaw]:
    if not seen.has_address:
        yield Flaw.NO_ADDRESS
    if seen.is_paid is None and seen.is_its_own:
        yield Flaw.UNTOLD
    if seen.is_paid is None or trial.expects is Expect.ANSWER:
        return
    if trial.expects is Expect.NOT_PAID and seen.is_paid:
        yield Flaw.CREDULOUS
    if trial.expects is Expect.PAID:
        if not seen.is_paid:
            yield Flaw.LOST
        elif seen.asked == 0:
            yield Flaw.HEARSAY
        elif seen.credited is not None and seen.credited != seen.amount:
            yield Flaw.WRONG_SUM


def _at_the_door(delivery: Delivery) -> Iterator[Flaw]:
    status = delivery.http_status
    if status is None:
        yield Flaw.SILENT
        return
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        yield Flaw.LOCKED
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield Flaw.CRASHED
    elif status >= HTTPStatus.BAD_REQUEST:
        yield Flaw.UNREAD
    elif status >= HTTPStatus.MULTIPLE_CHOICES:
        yield Flaw.MOVED
    if delivery.took > PROMPT:
        yield Flaw.SLOW
