"""What keeps the next question, or its answer, from doing its work: a closed set, found by a pure function."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.check import Lane
from models.queries.stops import StopLine
from models.stop import Switch
from models.transaction import Status
from tasks.toolbox import BreakerState
from worker.ops.why.facts import Facts
from worker.ops.why.timing import Asking, Plan, Rule, expected_at


class Obstacle(StrEnum):
    """What is in the way."""

    SETTLE_OFF = "settle_off"
    """A person switched settling off: answers are kept and move nothing."""
    SEND_OFF = "send_off"
    """A person switched sending money off."""
    SWEEP_OFF = "sweep_off"
    """A person switched off asking about what nobody called back about."""
    NO_ACCOUNT = "no_account"
    """Nobody asks: its account is not set up here."""
    REFUSED = "refused"
    """Nobody asks: the gateway refuses us."""
    SILENT = "silent"
    """Nobody asks: the gateway does not answer."""
    BUDGET = "budget"
    """The call budget is used up for now."""
    NOBODY_CLAIMS = "nobody_claims"
    """It is overdue, and no sweep takes it up."""
    NOBODY_ASKS = "nobody_asks"
    """A sweep takes it up, and no worker asks."""
    NOT_KNOWN = "not_known"
    """Redis is away: whether a question is under way or held up cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindrance:
    """One obstacle: since when, until when, who put it there, and why, as far as any of it is known."""

    obstacle: Obstacle
    since: datetime | None = None
    until: datetime | None = None
    author: str = ""
    reason: str = ""


def hindrances_of(facts: Facts, plan: Plan, asking: Asking) -> tuple[Hindrance, ...]:
    """All that is in the way, what a person has done on purpose first. Nothing is in the way of what is never asked."""
    found = [*_unsent(facts)]
    if facts.invoice.status in (Status.PENDING, Status.NOTCOMPLETED) and (stop := facts.off(Switch.SETTLE)):
        found.append(_stopped(Obstacle.SETTLE_OFF, stop))
    if asking in (Asking.NEVER, Asking.PARKED):
        return tuple(found)
    # What a callback came about is asked about all the same, and a hole is found all the same.
    by_itself = plan.rule is not Rule.AFTER_CALLBACK and facts.invoice.has_token
    if by_itself and (stop := facts.off(Switch.SWEEP)):
        found.append(_stopped(Obstacle.SWEEP_OFF, stop))
    if facts.invoice.has_token:
        found += _fleet(facts, plan, asking)
    explained = {hindrance.obstacle for hindrance in found} - {Obstacle.SETTLE_OFF, Obstacle.NOT_KNOWN}
    if not explained:
        found += _neglect(facts, plan, asking)
    return tuple(found)


def _unsent(facts: Facts) -> list[Hindrance]:
    """What keeps a payout from being sent, now or when a person lets it go."""
    if not facts.is_payout or facts.invoice.status is not Status.CREATED or facts.invoice.sent_at is not None:
        return []
    found = [_stopped(Obstacle.SEND_OFF, stop)] if (stop := facts.off(Switch.SEND)) else []
    return found if facts.has_account else [*found, Hindrance(obstacle=Obstacle.NO_ACCOUNT)]


def _stopped(obstacle: Obstacle, stop: StopLine) -> Hindrance:
    return Hindrance(obstacle=obstacle, since=stop.off_at, until=stop.until, author=stop.author, reason=stop.reason)


def _fleet(facts: Facts, plan: Plan, asking: Asking) -> list[Hindrance]:
    if not facts.has_account:
        return [Hindrance(obstacle=Obstacle.NO_ACCOUNT)]
    if facts.fleet is None:
        return [Hindrance(obstacle=Obstacle.NOT_KNOWN)]
    breaker = facts.fleet.breaker
    if breaker is not None and breaker.state is not BreakerState.CLOSED:
        obstacle = Obstacle.REFUSED if breaker.is_refused else Obstacle.SILENT
        return [Hindrance(obstacle=obstacle, since=breaker.since, until=breaker.until, reason=breaker.reason)]
    lane = Lane.CALLBACK if plan.rule is Rule.AFTER_CALLBACK else Lane.SWEEP
    # Under load the budget is used up all the time: it is in the way only of what waits for nothing else.
    wants_a_turn = asking in (Asking.DUE, Asking.OVERDUE, Asking.STALLED)
    if wants_a_turn and facts.fleet.room(lane) == 0:
        return [Hindrance(obstacle=Obstacle.BUDGET)]
    return []


def _neglect(facts: Facts, plan: Plan, asking: Asking) -> list[Hindrance]:
    if asking is Asking.OVERDUE:
        return [Hindrance(obstacle=Obstacle.NOBODY_CLAIMS, since=facts.invoice.next_check_at)]
    if asking is Asking.STALLED:
        return [Hindrance(obstacle=Obstacle.NOBODY_ASKS, since=expected_at(facts, plan))]
    return []
