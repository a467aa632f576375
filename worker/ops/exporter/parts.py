"""The parts of a look, each with where it is found and which metrics tell of it. One that was not found tells nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from models.account import DEFAULT
from models.queries.accounts import AccountLoad
from models.queries.cases import KindTotal
from models.queries.learned import Learned
from models.queries.status import BooksStatus, NoticesStatus, PayoutCount, RunningReplay
from models.queries.stops import StopLine
from tasks.listen import hushes
from tasks.sweep import SWEPT
from tasks.toolbox import BreakerState, Sign
from tasks.watch import WATCHED, WATCHED_IN_FULL
from worker.metrics import catalog
from worker.metrics.metric import Metric
from worker.ops.exporter.look import Look
from worker.ops.situation import AccountLook, Situation


class Put(Protocol):
    """Takes the values."""

    def __call__(self, metric: Metric, value: float, *labels: str) -> None:
        """One value, with all labels of its metric in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One part: what `find` gives is what `tell` takes, with the time of the look; None is not found."""

    name: str
    find: Callable[[Look], Any]
    tell: Callable[[Put, Any, datetime], None]


def _stops(put: Put, stops: Sequence[StopLine], now: datetime) -> None:
    off = {stop.switch.value: stop for stop in stops}
    for switch in catalog.SWITCHES:
        put(catalog.SWITCH_OFF, switch in off, switch)
        if switch in off:
            put(catalog.SWITCH_AGE, _since(off[switch].off_at, now), switch)


def _books(put: Put, books: BooksStatus, _: datetime) -> None:
    for age, count in zip(catalog.AGES, books.open_by_age, strict=True):
        put(catalog.OPEN, count, age)
    put(catalog.PARKED, books.parked)
    put(catalog.OVERDUE, books.overdue)
    put(catalog.OVERDUE_AGE, _since(books.most_overdue_at, books.now))
    put(catalog.UNREAD, books.unread)
    put(catalog.UNREAD_AGE, _since(books.oldest_unread_at, books.now))


def _notices(put: Put, found: tuple[NoticesStatus, bool], _: datetime) -> None:
    notices, pushes = found
    put(catalog.PUSHED, pushes)
    put(catalog.NOTICES_WAITING, notices.waiting)
    put(catalog.NOTICES_AGE, _since(notices.oldest_at, notices.now))
    put(catalog.NOTICES_STOPPED, notices.stopped)


def _replays(put: Put, replays: Sequence[RunningReplay], _: datetime) -> None:
    put(catalog.REPLAYS, len(replays))
    put(catalog.REPLAY_LEFT, sum(plan.items - plan.done for plan in replays))


def _learned(put: Put, learned: Learned, _: datetime) -> None:
    found = hushes(learned)
    put(catalog.HUSHES, any(hush.operator is None for hush in found), "everything")
    put(catalog.HUSHES, sum(hush.operator is not None for hush in found), "operator")
    if learned.heard_at is not None:
        put(catalog.HEARD_AGE, _since(learned.heard_at, learned.now))
    counts: Counter[str] = Counter()
    for tally in learned.tallies:
        counts[tally.learned_by.value] += tally.count if tally.is_recent else 0
    for lane in catalog.LANES:
        put(catalog.LEARNED, counts[lane], lane)


def _cases(put: Put, totals: Sequence[KindTotal], now: datetime) -> None:
    there = {total.kind.value: total for total in totals}
    for kind in catalog.CASES:
        total = there.get(kind)
        put(catalog.CASES_OPEN, total.open if total else 0, kind)
        put(catalog.CASES_RISK, total.at_risk if total else 0, kind)
        if total:
            put(catalog.CASES_AGE, _since(total.oldest_at, now), kind)


def _payouts(put: Put, counts: Sequence[PayoutCount], _: datetime) -> None:
    there = {one.stands.value: one for one in counts}
    for stands in catalog.STANDS:
        one = there.get(stands)
        put(catalog.PAYOUTS, one.count if one else 0, stands)
        if one:
            put(catalog.PAYOUTS_AGE, one.oldest, stands)


def _loads(put: Put, loads: tuple[Sequence[AccountLoad], Sequence[str]], _: datetime) -> None:
    there, names = {load.account: load for load in loads[0]}, loads[1]
    for name in names:
        load = there.get(name)
        put(catalog.ASKED_ABOUT, load.asked_about if load else 0, name)
        put(catalog.ACCOUNT_OVERDUE, load.overdue if load else 0, name)


def _migrations(put: Put, missing: Sequence[str], _: datetime) -> None:
    put(catalog.MIGRATIONS, len(missing))
    put(catalog.AT_HEAD, not missing)


def _queues(put: Put, waiting: Mapping[str, int], _: datetime) -> None:
    for queue in catalog.QUEUES:
        put(catalog.QUEUE, waiting.get(queue, 0), queue)


def _budget(put: Put, looks: Sequence[AccountLook], _: datetime) -> None:
    for look in looks:
        put(catalog.BUDGET_RATE, look.rate, look.account)
        for level in look.lanes:
            put(catalog.BUDGET_ROOM, level.room, level.lane.value, look.account)
            put(catalog.BUDGET_GRANTED, level.granted, level.lane.value, look.account)


def _breaker(put: Put, looks: Sequence[AccountLook], now: datetime) -> None:
    for look in looks:
        view = look.breaker
        for state in catalog.BREAKER:
            put(catalog.BREAKER_STATE, view.state.value == state, state, look.account)
        is_open = view.state is not BreakerState.CLOSED
        put(catalog.BREAKER_REFUSED, is_open and view.is_refused, look.account)
        put(catalog.BREAKER_HELD, view.held_back, look.account)
        if is_open:
            put(catalog.BREAKER_AGE, _since(view.since, now), look.account)


def _signs(put: Put, signs: Mapping[str, Sign], _: datetime) -> None:
    if swept := signs.get(SWEPT):
        put(catalog.SWEEP_AGE, swept.age)
    for scope, name in zip(catalog.SCOPES, (WATCHED, WATCHED_IN_FULL), strict=True):
        if watched := signs.get(name):
            put(catalog.FSCK_AGE, watched.age, scope)
            put(catalog.FSCK_VIOLATIONS, sum(watched.facts.values()), scope)
            for rule, count in watched.facts.items():
                put(catalog.FSCK_RULES, count, scope, rule)


def _notices_of(look: Look) -> tuple[NoticesStatus, bool] | None:
    notices = look.situation.notices
    return None if notices is None else (notices, look.situation.pushes)


def _loads_of(look: Look) -> tuple[Sequence[AccountLoad], Sequence[str]] | None:
    return None if look.loads is None else (look.loads, look.names)


def _accounts_of(situation: Situation) -> list[AccountLook] | None:
    """All of them, that of the plain settings first; None while not all can be looked at."""
    if situation.lanes is None or situation.breaker is None or situation.accounts is None:
        return None
    first = AccountLook(account=DEFAULT, rate=situation.rate, lanes=situation.lanes, breaker=situation.breaker)
    return [first, *situation.accounts]


def _since(moment: datetime | None, now: datetime) -> float:
    return 0.0 if moment is None else max(0.0, (now - moment).total_seconds())


PARTS = (
    Part("stops", lambda look: look.situation.stops, _stops),
    Part("books", lambda look: look.situation.books, _books),
    Part("notices", _notices_of, _notices),
    Part("replays", lambda look: look.situation.replays, _replays),
    Part("learned", lambda look: look.situation.learned, _learned),
    Part("cases", lambda look: look.cases, _cases),
    Part("payouts", lambda look: look.payouts, _payouts),
    Part("loads", _loads_of, _loads),
    Part("migrations", lambda look: look.migrations, _migrations),
    Part("queues", lambda look: look.situation.queues, _queues),
    Part("budget", lambda look: _accounts_of(look.situation), _budget),
    Part("breaker", lambda look: _accounts_of(look.situation), _breaker),
    Part("signs", lambda look: look.signs, _signs),
)
