"""Erase what is past its time: personal data and raw bodies, in short transactions with rests between them.

Never what is open: a payment without an outcome, a parked one, what an open case is about. The facts that prove a settlement
stay whatever the settings say: status, amount, reference, ids, times, and the hash of each body that goes. How far it got stands
in the books, so that it goes on wherever it was cut short, and any number may run: they leave each other's shelf alone.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import structlog
from celery import shared_task
from sqlalchemy.orm import Session

from config import retention
from config.retention import Retention
from models.queries import shelf_counts
from models.queries.fsck.reading import reading
from models.queries.retention import Step, erase_some, keep_for, start_anew, way_of
from models.queries.shelf_counts import Fate, Tally
from models.session import Sessions, transaction
from models.shelf import Shelf
from tasks.erase import carry_on
from tasks.gently import Turn, handfuls
from tasks.job import Job

__all__ = ["AGES", "Counting", "Fate", "Pruned", "Shelf", "Tally", "prune", "stock"]

log = structlog.get_logger()

AGES = (30, 90, 180, 365, 730)
"""Days at which one age ends and the next begins, where what is on the shelves is counted."""

COUNTED = 20_000
"""Rows counted together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """Progress: so many more rows of a shelf looked at and erased; `is_done` when its walk is over."""

    shelf: Shelf
    looked: int
    erased: int
    bytes: int
    share: float
    """Of the walk over this shelf, 0 to 1, about."""
    is_done: bool


def _unseen(_: Pruned) -> None:
    """Nobody wants to see the progress."""


def prune(
    sessions: Sessions,
    keep: Retention,
    *,
    seconds: float = float("inf"),
    again_after: timedelta = timedelta(0),
    anew: bool = False,
    told: Callable[[Pruned], object] = _unseen,
    is_wanted: Callable[[], bool] = lambda: True,
    rest: Callable[[float], object] = time.sleep,
) -> Counter[Shelf]:
    """Erase what is due, for `seconds` at most and as long as it `is_wanted`; how many rows of each shelf.

    A shelf whose last walk ended less than `again_after` ago is left alone. With `anew` they walk over everything, also over
    what was passed by. Raises `StoreAway`; what was erased stays so.
    """
    turn = Turn(sessions=sessions, until=time.monotonic() + seconds, rest=rest, is_wanted=is_wanted)
    erased: Counter[Shelf] = Counter()
    with transaction(sessions) as step:
        for shelf in Shelf:
            keep_for(step.session, shelf, keep.days(shelf))
        if anew:
            start_anew(step.session)
    for shelf in Shelf:
        if days := keep.days(shelf):
            for done in _walk(turn, shelf, keep=timedelta(days=days), again_after=again_after):
                erased[shelf] += done.erased
                told(done)
    return erased


def _walk(turn: Turn, shelf: Shelf, *, keep: timedelta, again_after: timedelta) -> Iterator[Pruned]:
    """Walk one shelf to its end, or to the end of the turn."""

    def erase(session: Session, most: int, look: int) -> Step | None:
        return erase_some(session, shelf, keep=keep, rest=again_after, most=most, look=look)

    way: range | None = None
    for done in handfuls(turn, erase):
        if way is None:
            with transaction(turn.sessions) as step:
                way = way_of(step.session, shelf, keep=keep)
        yield _progress(shelf, done, way)


def _progress(shelf: Shelf, done: Step, way: range) -> Pruned:
    share = 1.0 if done.is_over or not way else min(1.0, (done.walked - way.start) / len(way))
    return Pruned(
        shelf=shelf, looked=done.looked, erased=done.erased, bytes=done.bytes, share=share, is_done=done.is_over
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """Progress: so many rows of this shelf's table were looked at so far."""

    shelf: Shelf
    looked: int


def stock(
    sessions: Sessions, keep: Retention, *, told: Callable[[Counting], object] = lambda _: None
) -> dict[Shelf, list[Tally]]:
    """What stands on each shelf, by age (`AGES`) and by what would become of it now. Changes nothing. Raises `StoreAway`."""
    return {shelf: list(_counted(sessions, shelf, days=keep.days(shelf), told=told)) for shelf in Shelf}


def _counted(sessions: Sessions, shelf: Shelf, *, days: int, told: Callable[[Counting], object]) -> Iterator[Tally]:
    rows: Counter[tuple[int, Fate]] = Counter()
    size: Counter[tuple[int, Fate]] = Counter()
    after, looked = 0, 0
    while True:
        with reading(sessions) as session:
            found = shelf_counts.count_some(
                session, shelf, keep=timedelta(days=days) if days else None, ages=AGES, after=after, size=COUNTED
            )
        for one in found.tallies:
            rows[one.age, one.fate] += one.rows
            size[one.age, one.fate] += one.bytes
        after, looked = found.upto, looked + found.looked
        told(Counting(shelf=shelf, looked=looked))
        if found.looked < COUNTED:
            break
    for (age, fate), count in sorted(rows.items()):
        yield Tally(age=age, fate=fate, rows=count, bytes=size[age, fate])


@shared_task(bind=True, base=Job, name="reconciler.prune", acks_late=False)
def prune_for_a_turn(self: Job) -> None:
    """Message from beat: erase what customers asked for, and what is due, for a while. The next message goes on from there.

    Acknowledged before it runs, as fsck is: one that is lost is made up for by the next.
    """
    tools, until = self.tools, time.monotonic() + retention.TURN
    carry_on(tools.sessions, seconds=retention.TURN)
    left = until - time.monotonic()
    erased = prune(tools.sessions, tools.retention, seconds=left, again_after=retention.WALK_REST)
    if erased.total():
        log.info("pruned", **{shelf.value: rows for shelf, rows in erased.items()})
