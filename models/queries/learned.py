"""How the payments of the last hours came to be known: announced by a callback, or found by asking; and how soon.

A callback that is held back by the spacing is asked about by the sweep, and the check then bears the sweep's lane. So the
lane does not say whether a callback came. What counts here is the callback itself: a payment is *announced* when a
callback about it, one that claims neither `pending` nor `notcompleted`, was received before it was settled. A forged one
counts like a genuine one, for nobody can tell them apart. What was not announced is counted by the lane of the check that
proves it, and what a person settled by hand as a person's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.check import Lane
from models.queries.fsck.slices import before_lately

MOST_UNREAD = 10_000
"""Unread callbacks are counted up to here: in a flood the number says nothing more."""

LAST_NOTICES = 1000
"""Among so many notices the last completed payments are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Payments of one hour and one operator that came to be known in one way."""

    hour: datetime
    """When it began, UTC."""
    operator: str
    """As the gateway names it; empty when it does not."""
    learned_by: Lane
    """`callback` for those that were announced."""
    is_recent: bool
    """Settled within the window that is held against the hours before."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How long payments took to be settled, in seconds. Nobody tells us when a customer paid: see `announced`."""

    hour: datetime | None
    """None for all hours together."""
    announced: bool
    """True: from the first callback about it to its settlement. False: from its creation, so that the time the customer
    took to pay is part of it."""
    count: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """All of it, as of `now`."""

    now: datetime
    since: datetime
    """The beginning of the first hour that is counted."""
    tallies: Sequence[Tally]
    waits: Sequence[Wait]
    heard_at: datetime | None
    """When the last callback was received that is about a payment, or may be: it is not read yet. None when none ever was."""
    unread: int
    missed: int
    """How many of the last completed payments were settled after that callback, and without one of their own."""


ANNOUNCES = "b.note NOT LIKE 'claims pending%' AND b.note NOT LIKE 'claims notcompleted%'"
"""Of a callback `b`: whether it may have announced that a payment is completed."""

# Entered by the ids of the notices: there is one for each outcome, and many checks. `OFFSET 0` keeps each table from being
# joined as a whole, which the planner finds cheaper while it is small, or when it has no figures about it.
FACTS = f"""
WITH facts AS (
    SELECT s.settled_at, date_trunc('hour', s.settled_at, 'UTC') AS hour,
           COALESCE(NULLIF(t.operator_name, ''), t.operator_id) AS operator,
           CASE WHEN s.check_id IS NULL THEN 'person' WHEN told.at IS NOT NULL THEN 'callback' ELSE k.lane END AS learned_by,
           extract(epoch FROM s.settled_at - CASE
               WHEN s.check_id IS NOT NULL AND told.at IS NOT NULL THEN told.at
               WHEN k.lane IS DISTINCT FROM 'callback' THEN t.created_at
           END)::float8 AS took
    FROM notices n
    JOIN LATERAL (SELECT * FROM settlements WHERE transaction_pk = n.transaction_pk OFFSET 0) AS s ON TRUE
    JOIN LATERAL (SELECT * FROM transactions WHERE id = n.transaction_pk OFFSET 0) AS t ON TRUE
    LEFT JOIN LATERAL (SELECT * FROM checks WHERE id = s.check_id OFFSET 0) AS k ON TRUE
    LEFT JOIN LATERAL (
        SELECT min(b.received_at) AS at FROM callbacks b
        WHERE b.transaction_pk = n.transaction_pk AND b.received_at <= s.settled_at
          AND {ANNOUNCES}
    ) AS told ON TRUE
    WHERE n.kind = 'completed' AND {{these}}
)
"""  # noqa: S608 - our own words
LATELY = FACTS.format(these="n.id > :after AND s.settled_at >= :since")
THE_LAST = FACTS.format(
    these="""n.id = ANY(ARRAY(
        SELECT id FROM (SELECT id, kind FROM notices ORDER BY id DESC LIMIT :notices) AS newest
        WHERE kind = 'completed' ORDER BY id DESC LIMIT :last
    )) AND s.settled_at > :now - CAST(:reach AS interval)"""
)

TALLIES = text(f"""
    {LATELY}
    SELECT hour, operator, learned_by, settled_at > :now - CAST(:window AS interval) AS is_recent, count(*) AS payments
    FROM facts GROUP BY hour, operator, learned_by, is_recent ORDER BY hour, operator, learned_by
""")  # noqa: S608 - our own words

WAITS = text(f"""
    {LATELY}
    SELECT hour, learned_by = 'callback' AS announced, count(took) AS payments,
           percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY took) AS took
    FROM facts WHERE took IS NOT NULL
    GROUP BY GROUPING SETS ((hour, learned_by = 'callback'), (learned_by = 'callback'))
    ORDER BY hour NULLS FIRST, announced DESC
""")  # noqa: S608 - our own words

MISSED = text(f"""
    {THE_LAST}
    SELECT count(*) FROM facts
    WHERE learned_by <> 'callback' AND settled_at > COALESCE(CAST(:heard_at AS timestamptz), '-infinity')
""")  # noqa: S608 - our own words

# Counts and times are of the same payments, whatever is settled between two statements.
ONE_SNAPSHOT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")

HEARD = text("""
    SELECT clock_timestamp() AS now,
           date_trunc('hour', clock_timestamp(), 'UTC') - (:hours - 1) * interval '1 hour' AS since,
           GREATEST((SELECT received_at FROM callbacks WHERE outcome = 'matched' ORDER BY id DESC LIMIT 1),
                    (SELECT received_at FROM callbacks WHERE outcome = 'received' ORDER BY id DESC LIMIT 1)) AS heard_at,
           (SELECT count(*) FROM (
               SELECT FROM callbacks WHERE outcome = 'received' LIMIT :most
           ) AS waiting) AS unread
""")


def learned_lately(
    session: Session, *, hours: int, waits_of: int, window: timedelta, last: int, reach: timedelta
) -> Learned:
    """The payments settled in the last `hours` hours of the clock, the present one included.

    The waits are those of the last `waits_of` hours of these. `missed` counts among the `last` completed payments, those longer ago than `reach` left out. Costs what these payments
    cost, however many there are from before. Wants a session of `reading`, in which nothing was asked yet.
    """
    session.execute(ONE_SNAPSHOT)
    heard = session.execute(HEARD, {"hours": hours, "most": MOST_UNREAD}).one()
    after = before_lately(session, "notices", since=timedelta(hours=hours))
    these = {"after": after, "since": heard.since}
    waited = {"after": after, "since": heard.since + timedelta(hours=hours - waits_of)}
    tallies = session.execute(TALLIES, {**these, "now": heard.now, "window": window})
    waits = session.execute(WAITS, waited).all() if waits_of else []
    recent = {"notices": LAST_NOTICES, "last": last, "reach": reach, "now": heard.now, "heard_at": heard.heard_at}
    return Learned(
        now=heard.now,
        since=heard.since,
        tallies=[
            Tally(
                hour=row.hour,
                operator=row.operator,
                learned_by=Lane(row.learned_by),
                is_recent=row.is_recent,
                count=row.payments,
            )
            for row in tallies
        ],
        waits=[
            Wait(hour=row.hour, announced=row.announced, count=row.payments, p50=p50, p95=p95, p99=p99)
            for row in waits
            for p50, p95, p99 in [row.took]
        ],
        heard_at=heard.heard_at,
        unread=heard.unread,
        missed=int(session.scalar(MISSED, recent) or 0),
    )
