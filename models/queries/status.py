"""How the books stand, in a few counts, for a person. Reads what is open and never what is settled; changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.callback import Outcome
from models.case import CaseKind
from models.queries.turn import waits_its_turn
from models.transaction import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutsStatus:
    """Payouts that are open, which the other counts include. `amount` is whole francs."""

    open: int = 0
    amount: int = 0
    parked: int = 0
    overdue: int = 0
    queued: int = 0
    """Wait for sending to go on."""
    awaiting: int = 0
    """Wait until a person approves them."""
    unknown: int = 0
    """Sent, without a reply so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BooksStatus:
    """What is open. `open_by_age` counts those that are asked about by themselves; `parked` the others."""

    now: datetime
    open_by_age: tuple[int, ...]
    """One count for each age class: younger than the first bound, than the second, and so on, and at last the oldest."""
    parked: int
    overdue: int
    """How many should have been asked about, or sent, more than a minute ago. None that waits its turn in a queue that moves."""
    most_overdue_at: datetime | None
    unread: int
    oldest_unread_at: datetime | None
    open_cases: Mapping[CaseKind, int]
    payouts: PayoutsStatus = PayoutsStatus()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticesStatus:
    """What the merchant's application has not been told."""

    waiting: int
    """No more than `MOST_WAITING` are counted."""
    oldest_at: datetime | None
    """When the oldest of those was written, among the ones that are due first."""
    stopped: int
    """Given up, among the newest `NEWEST_NOTICES`. Each account with such has a case of the kind `endpoint` anyway."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningReplay:
    """A replay plan that is worked off."""

    plan: int
    done: int
    items: int
    run_by: str
    reason: str


class PayoutStands(StrEnum):
    """Where an open payout is."""

    AWAITING = "awaiting"
    """It waits for approval."""
    QUEUED = "queued"
    """It waits for sending to be switched on again."""
    UNSENT = "unsent"
    """Somebody is about to send it."""
    UNKNOWN = "unknown"
    """It was sent, and no reply is stored."""
    PENDING = "pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutCount:
    """The open payouts that stand in one place; the oldest by when it was sent, or else made."""

    stands: PayoutStands
    count: int
    oldest: float
    """Its age in seconds."""


MOST_WAITING = 10_000
NEWEST_NOTICES = 50_000

OPEN_STATUSES = [Status.CREATED.value, Status.PENDING.value]

TURN = waits_its_turn("interval '1 minute'")

OPEN = text(
    f"""
    SELECT width_bucket(extract(epoch FROM clock_timestamp() - created_at)::float8, CAST(:bounds AS float8[])) AS class,
           count(next_check_at) AS armed, count(*) - count(next_check_at) AS parked,
           count(*) FILTER (WHERE kind = 'payout') AS payouts, sum(amount) FILTER (WHERE kind = 'payout') AS francs,
           count(*) FILTER (WHERE kind = 'payout' AND next_check_at IS NULL) AS payouts_parked,
           count(*) FILTER (WHERE status = 'created' AND queued_at IS NOT NULL) AS queued,
           count(*) FILTER (WHERE status = 'created' AND approval = 'awaiting') AS awaiting,
           count(*) FILTER (WHERE status = 'created' AND sent_at IS NOT NULL) AS unknown,
           count(*) FILTER (
               WHERE kind = 'payout' AND next_check_at < clock_timestamp() - interval '1 minute' AND NOT {TURN}
           ) AS overdue
    FROM transactions WHERE status = ANY(CAST(:open AS text[])) GROUP BY class
"""  # noqa: S608 - our own words
)

OVERDUE = text(
    f"""
    SELECT count(*) AS overdue, min(next_check_at) AS most_overdue_at, clock_timestamp() AS now
    FROM transactions WHERE next_check_at < clock_timestamp() - interval '1 minute' AND NOT {TURN}
"""  # noqa: S608 - our own words
)

UNREAD = text("SELECT count(*) AS unread, min(received_at) AS oldest FROM callbacks WHERE outcome = :received")

# In three parts, each with the condition of a partial index; few cases are about a statement.
CASES = text("""
    SELECT kind, count(*) FROM (
        SELECT kind FROM cases WHERE resolved_at IS NULL AND transaction_pk IS NOT NULL AND difference_id IS NULL
        UNION ALL
        SELECT kind FROM cases WHERE resolved_at IS NULL AND transaction_pk IS NULL AND difference_id IS NULL
        UNION ALL
        SELECT kind FROM cases WHERE resolved_at IS NULL AND difference_id IS NOT NULL
    ) AS open_cases GROUP BY kind ORDER BY kind
""")


def books_status(session: Session, *, bounds: Sequence[float]) -> BooksStatus:
    """Count what is open. `bounds` are ages in seconds, rising: the classes in which open invoices are counted."""
    classes = session.execute(OPEN, {"bounds": list(bounds), "open": OPEN_STATUSES}).all()
    armed = {row[0]: row.armed for row in classes}
    overdue = session.execute(OVERDUE).one()
    unread = session.execute(UNREAD, {"received": Outcome.RECEIVED.value}).one()
    return BooksStatus(
        now=overdue.now,
        open_by_age=tuple(armed.get(place, 0) for place in range(len(bounds) + 1)),
        parked=sum(row.parked for row in classes),
        overdue=overdue.overdue,
        most_overdue_at=overdue.most_overdue_at,
        unread=unread.unread,
        oldest_unread_at=unread.oldest,
        open_cases={CaseKind(kind): count for kind, count in session.execute(CASES)},
        payouts=PayoutsStatus(
            open=sum(row.payouts for row in classes),
            amount=int(sum(row.francs or 0 for row in classes)),
            parked=sum(row.payouts_parked for row in classes),
            overdue=sum(row.overdue for row in classes),
            queued=sum(row.queued for row in classes),
            awaiting=sum(row.awaiting for row in classes),
            unknown=sum(row.unknown for row in classes),
        ),
    )


# No index holds the stopped ones by themselves; there are few, and the newest rows are those that matter.
NOTICES = text("""
    SELECT waiting.count AS waiting, waiting.oldest_at, clock_timestamp() AS now, (
        SELECT count(*) FROM notices
        WHERE id > (SELECT max(id) FROM notices) - :newest AND state = 'stopped'
    ) AS stopped
    FROM (
        SELECT count(*) AS count, min(created_at) AS oldest_at FROM (
            SELECT created_at FROM notices WHERE next_try_at IS NOT NULL ORDER BY next_try_at LIMIT :most
        ) AS due
    ) AS waiting
""")

PAYOUTS = text("""
    SELECT CASE WHEN approval = 'awaiting' THEN 'awaiting' WHEN status = 'pending' THEN 'pending'
                WHEN sent_at IS NOT NULL THEN 'unknown' WHEN queued_at IS NOT NULL THEN 'queued' ELSE 'unsent' END AS stands,
           count(*) AS payouts, extract(epoch FROM clock_timestamp() - min(COALESCE(sent_at, created_at)))::float8 AS oldest
    FROM transactions WHERE kind = 'payout' AND status = ANY(CAST(:open AS text[])) GROUP BY stands
""")

REPLAYS = text("""
    SELECT p.id AS plan, p.items, p.run_by, p.reason,
           p.items - (SELECT count(*) FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL) AS done
    FROM replay_plans p WHERE p.state = 'running' ORDER BY p.id
""")


def notices_status(session: Session) -> NoticesStatus:
    """Count the notices that wait, and those that were given up. Reads no more than the bounds above."""
    row = session.execute(NOTICES, {"most": MOST_WAITING, "newest": NEWEST_NOTICES}).one()
    return NoticesStatus(waiting=row.waiting, oldest_at=row.oldest_at, stopped=row.stopped, now=row.now)


def payouts_status(session: Session) -> list[PayoutCount]:
    """Count the open payouts, by where they stand."""
    return [
        PayoutCount(stands=PayoutStands(row.stands), count=row.payouts, oldest=row.oldest)
        for row in session.execute(PAYOUTS, {"open": OPEN_STATUSES})
    ]


def running_replays(session: Session) -> list[RunningReplay]:
    """The plans that are being worked off, and how far they are."""
    return [
        RunningReplay(plan=row.plan, done=row.done, items=row.items, run_by=row.run_by, reason=row.reason)
        for row in session.execute(REPLAYS)
    ]
