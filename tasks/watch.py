"""Hold the books against every rule that is always so: an accountant who trusts neither the code nor the guards.

Reads only, in slices that are each over within a second or so; what settles meanwhile cannot look broken. Mends nothing:
what is impossible has a cause that a person must find.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import structlog
from celery import shared_task
from sqlalchemy.orm import Session

from config import policy
from config.retention import LATE_AFTER
from models.answers import Said
from models.case import PARKING_KINDS
from models.queries.fsck import notices, plans, slices
from models.queries.fsck.callbacks import CALLBACKS
from models.queries.fsck.deliveries import DELIVERIES
from models.queries.fsck.differences import DIFFERENCES
from models.queries.fsck.erasures import ERASURES
from models.queries.fsck.payments import PAYMENTS
from models.queries.fsck.reading import reading
from models.queries.fsck.retention import stalled
from models.queries.fsck.rule import Violation, Walk
from models.queries.fsck.slices import Slice, Source
from models.queries.fsck.sums import Sums
from models.queries.overrides import OverrideLine, count_overrides, list_overrides
from models.session import Sessions
from tasks.job import Job

__all__ = ["Looked", "OverrideLine", "Overrides", "Violation", "fsck", "overrides"]

log = structlog.get_logger()

SLICE = 20_000
"""Rows looked at together: each statement takes well under a second, and what it needs of memory is bounded."""

LOGGED = 20
"""Violations of one rule that one run writes to the log; the others are counted there."""

WATCHED, WATCHED_IN_FULL = "watched", "watched_in_full"
"""The signs that runs leave which beat rang for: how many violations of each rule they found."""

WATCHED_LIFE = 3 * policy.DAY
"""Seconds those signs stay: longer than a night may be missed unseen."""

LIMITS: dict[str, object] = {
    "overdue": policy.OVERDUE_AFTER,
    "deadline": policy.CALLBACK_DEADLINE,
    "sent_grace": policy.CREATE_GRACE + policy.OVERDUE_AFTER,
    "ages": [timedelta(seconds=tier.until) for tier in policy.AGE_TIERS],
    "patiences": [policy.patience(tier) for tier in policy.AGE_TIERS],
    "longest": policy.patience(policy.AGE_TIERS[-1]),
    "answers": [said.value for said in Said if said.is_an_answer],
    "late": LATE_AFTER,
    "longest_notice_wait": timedelta(seconds=policy.LONGEST_NOTICE_WAIT),
    "parking": [kind.value for kind in PARKING_KINDS],
}
"""What the rules take for late, in the words of their statements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """Progress: so many more rows of this kind were looked at, and this share of the kind, 0 to 1, is done."""

    what: str
    rows: int
    share: float
    is_done: bool


def _unseen(_: Looked) -> None:
    """Nobody wants to see the progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run over the books."""

    sessions: Sessions
    since: timedelta | None
    size: int
    looked: Callable[[Looked], object]


def fsck(
    sessions: Sessions,
    *,
    since: timedelta | None = None,
    size: int = SLICE,
    looked: Callable[[Looked], object] = _unseen,
) -> Iterator[Violation]:
    """Every violation in the books, as it is found; none when they are sound.

    With `since`, only what is open, what an answer was stored about or was changed by hand that lately, and the callbacks
    and notices of that time. Needs memory for one slice of `size` rows, however many there are. Raises `StoreAway`.
    """
    run = _Run(sessions=sessions, since=since, size=size, looked=looked)
    yield from _payments(run)
    yield from _callbacks(run)
    yield from _notices(run)
    yield from _deliveries(run)
    yield from _plans(run)
    yield from _differences(run)
    yield from _erasures(run)
    with reading(run.sessions) as session:
        late = stalled(session, late=LATE_AFTER)
    yield from late


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What persons changed by hand: no violations, and never out of sight either. How many, and each, oldest first."""

    count: int
    lines: Iterator[OverrideLine]


def overrides(sessions: Sessions, *, since: timedelta | None = None, size: int = SLICE) -> Overrides:
    """Every change by hand there is, or of the last `since`. Raises `StoreAway`, also while the lines are read."""
    with reading(sessions) as session:
        upto = slices.last_id(session, "overrides")
        after = slices.before_lately(session, "overrides", since=since) if since else 0
        count = count_overrides(session, after=after, upto=upto)
    return Overrides(count=count, lines=_lines(sessions, after, upto=upto, size=size))


def _lines(sessions: Sessions, after: int, *, upto: int, size: int) -> Iterator[OverrideLine]:
    while after < upto:
        with reading(sessions) as session:
            lines = list_overrides(session, after=after, upto=upto, limit=size)
        yield from lines
        after = lines[-1].id if lines else upto


def _payments(run: _Run) -> Iterator[Violation]:
    sums = Sums()
    by_hand: set[int] = set()

    def look(session: Session, rows: Slice) -> list[Violation]:
        sums.add(session, rows)
        return _hold(session, PAYMENTS, rows)

    def look_at_overridden(session: Session, rows: Slice) -> list[Violation]:
        by_hand.update(rows.ids or ())
        return look(session, rows)

    def look_at_answered(session: Session, rows: Slice) -> list[Violation]:
        return look(session, replace(rows, ids=[pk for pk in rows.ids or () if pk not in by_hand]))

    if run.since is None:
        yield from _walk(run, slices.EVERY_TRANSACTION, look)
    else:
        yield from _walk(run, slices.OPEN_TRANSACTIONS, look)
        yield from _walk(run, slices.OVERRIDDEN_TRANSACTIONS, look_at_overridden, since=run.since)
        yield from _walk(run, slices.ANSWERED_TRANSACTIONS, look_at_answered, since=run.since)
    yield from sums.violations()


def _callbacks(run: _Run) -> Iterator[Violation]:
    def look(session: Session, rows: Slice) -> list[Violation]:
        return _hold(session, CALLBACKS, rows)

    if run.since is None:
        yield from _walk(run, slices.EVERY_CALLBACK, look)
    else:
        yield from _walk(run, slices.UNFINISHED_CALLBACKS, look)
        yield from _walk(run, slices.FINISHED_CALLBACKS, look, since=run.since)


def _deliveries(run: _Run) -> Iterator[Violation]:
    def look(session: Session, rows: Slice) -> list[Violation]:
        return _hold(session, DELIVERIES, rows)

    yield from _walk(run, slices.EVERY_NOTICE, look, since=run.since)
    if run.since is not None:
        yield from _walk(run, slices.TRIED_NOTICES, look, since=run.since)


def _plans(run: _Run) -> Iterator[Violation]:
    """Few at a time; in full also whether each is as it was frozen. Says nothing where nobody ever made one."""
    with reading(run.sessions) as session:
        if not slices.last_id(session, "replay_plans"):
            return

    def look(session: Session, rows: Slice) -> list[Violation]:
        return _hold(session, plans.PLANS, rows)

    few = replace(run, size=min(run.size, plans.FEW))
    yield from _walk(few, slices.EVERY_PLAN if run.since is None else slices.RECENT_PLANS, look)
    after = 0 if run.since is None else None
    while after is not None:
        with reading(run.sessions) as session:
            found = plans.next_frozen(session, after=after)
        after = found[0] if found else None
        if found and found[1] is not None:
            yield found[1]


def _differences(run: _Run) -> Iterator[Violation]:
    """Says nothing where nobody ever wanted a case about one."""
    with reading(run.sessions) as session:
        if not slices.last_id(session, "differences"):
            return

    def look(session: Session, rows: Slice) -> list[Violation]:
        return _hold(session, DIFFERENCES, rows)

    yield from _walk(run, slices.EVERY_DIFFERENCE, look, since=run.since)


def _erasures(run: _Run) -> Iterator[Violation]:
    """Says nothing where no customer ever asked for one."""
    with reading(run.sessions) as session:
        if not slices.last_id(session, "erasure_items"):
            return

    def look(session: Session, rows: Slice) -> list[Violation]:
        return _hold(session, ERASURES, rows)

    yield from _walk(run, slices.EVERY_ERASURE if run.since is None else slices.OPEN_ERASURES, look)


def _hold(session: Session, walk: Walk, rows: Slice) -> list[Violation]:
    """Hold these rows against the rules of their walk."""
    found = session.execute(walk.statement, {**LIMITS, **rows.parameters})
    return [walk.violation(*row) for row in found]


def _walk(
    run: _Run, source: Source, look: Callable[[Session, Slice], Sequence[Violation]], *, since: timedelta | None = None
) -> Iterator[Violation]:
    """Look at all slices of a source, each in a transaction of its own; from where `since` begins, if given."""
    with reading(run.sessions) as session:
        end = slices.last_id(session, source.table)
        after = slices.before_lately(session, source.table, since=since) if since else 0
    start, is_over = after, False
    while not is_over:
        with reading(run.sessions) as session:
            rows = slices.next_slice(session, source, after=after, size=run.size)
            found = look(session, rows)
        yield from found
        after, is_over = rows.upto, rows.is_last
        share = min(1.0, (after - start) / max(end - start, 1))
        run.looked(Looked(what=source.what, rows=rows.rows, share=share, is_done=is_over))


def _notices(run: _Run) -> Iterator[Violation]:
    """The numbers of each account, in order; then its counter."""
    with reading(run.sessions) as session:
        accounts = notices.accounts(session)
    for done, account in enumerate(accounts, start=1):
        yield from _numbers(run, account, share=(done - 1) / len(accounts))
        with reading(run.sessions) as session:
            broken = notices.counter(session, account)
        if broken is not None:
            yield broken
        is_done = done == len(accounts)
        run.looked(Looked(what="notices", rows=0, share=done / len(accounts), is_done=is_done))


def _numbers(run: _Run, account: str, *, share: float) -> Iterator[Violation]:
    after: int | None = 0
    if run.since is not None:
        with reading(run.sessions) as session:
            after = notices.number_before_lately(session, account, since=run.since)
    while after is not None:
        with reading(run.sessions) as session:
            numbers = notices.numbers(session, account, after=after, size=run.size)
        yield from numbers.violations
        after = numbers.last
        run.looked(Looked(what="notices", rows=numbers.rows, share=share, is_done=False))


@shared_task(bind=True, base=Job, name="reconciler.watch", acks_late=False)
def watch(self: Job, lately: float | None = None) -> None:
    """Message from beat: hold the books against the rules, of the last `lately` seconds or in full.

    Acknowledged before it runs: a run may take longer than the broker waits for an acknowledgement, and one that is
    lost is made up for by the next.
    """
    broken = tell(self.tools.sessions, since=None if lately is None else timedelta(seconds=lately))
    self.tools.signs.leave(WATCHED if lately is not None else WATCHED_IN_FULL, broken, life=WATCHED_LIFE)


def tell(sessions: Sessions, *, since: timedelta | None) -> Counter[str]:
    """Run fsck and write to the log what it finds: an error for each violation, up to a bound, and the figures."""
    rows: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    began = time.monotonic()

    def count(looked: Looked) -> None:
        rows[looked.what] += looked.rows

    for violation in fsck(sessions, since=since, looked=count):
        broken[violation.rule] += 1
        if broken[violation.rule] <= LOGGED:
            log.error("broken", **_fields(violation))
    level = log.error if broken else log.info
    level("watched", seconds=round(time.monotonic() - began, 1), rows=dict(rows), broken=dict(broken))
    return broken


def _fields(violation: Violation) -> dict[str, Any]:
    return {
        "rule": violation.rule,
        "subject": violation.subject,
        "detail": violation.detail,
        "advice": violation.advice,
    }
