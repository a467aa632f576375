"""The numbers of notices: from 1 without a gap, and the counter at the last one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queries.fsck.rule import Violation
from models.queries.fsck.slices import before_lately


@dataclass(frozen=True, slots=True)
class Numbers:
    """A slice of one account's numbers, in order: how many, the last one, and what is wrong with them."""

    rows: int
    last: int | None
    """Where to go on; none when there are no more."""
    violations: tuple[Violation, ...]


# Every account that has numbers or a counter, by hops over the index on (account, seq).
ACCOUNTS = text("""
    WITH RECURSIVE hop AS (
        (SELECT account FROM notices ORDER BY account LIMIT 1)
        UNION ALL
        SELECT (SELECT n.account FROM notices n WHERE n.account > hop.account ORDER BY n.account LIMIT 1)
        FROM hop WHERE hop.account IS NOT NULL
    )
    SELECT account FROM hop WHERE account IS NOT NULL UNION SELECT account FROM notice_counters ORDER BY 1
""")

GAPS = text("""
    WITH slice AS (
        SELECT seq FROM notices WHERE account = :account AND seq > :after ORDER BY seq LIMIT :size
    ), steps AS (
        SELECT seq, lag(seq, 1, CAST(:after AS bigint)) OVER (ORDER BY seq) AS before FROM slice
    )
    SELECT (SELECT count(*) FROM slice) AS rows, (SELECT max(seq) FROM slice) AS last, before, seq
    FROM (SELECT 1) AS always LEFT JOIN steps ON steps.seq <> steps.before + 1
""")

# One statement, one snapshot: counter and notice are written together.
COUNTER = text("""
    SELECT (SELECT last_seq FROM notice_counters WHERE account = :account) AS counted,
           (SELECT max(seq) FROM notices WHERE account = :account) AS highest
""")

# Numbers and ids of one account grow together. From the number before, so that a gap right there shows.
BEFORE_LATELY = text("""
    WITH first AS (SELECT seq FROM notices WHERE account = :account AND id > :id ORDER BY id LIMIT 1)
    SELECT COALESCE((SELECT max(n.seq) FROM notices n WHERE n.account = :account AND n.seq < first.seq), 0) FROM first
""")


def accounts(session: Session) -> list[str]:
    """Every account that was ever told anything."""
    return list(session.scalars(ACCOUNTS))


def numbers(session: Session, account: str, *, after: int, size: int) -> Numbers:
    """Up to `size` numbers that follow `after`, and the gaps in them."""
    rows = session.execute(GAPS, {"account": account, "after": after, "size": size}).all()
    broken = tuple(_gap(account, row.before, row.seq) for row in rows if row.seq is not None)
    count, last = rows[0].rows, rows[0].last
    return Numbers(rows=count, last=last if count == size else None, violations=broken)


def counter(session: Session, account: str) -> Violation | None:
    """What is wrong with the counter of this account."""
    counted, highest = session.execute(COUNTER, {"account": account}).one()
    if (counted or 0) == (highest or 0):
        return None
    return Violation(
        rule="notice_counter",
        subject=f"account {account}",
        detail=f"the counter stands at {counted or 0}, the highest notice has {highest or 0}",
        advice="stop the workers, set notice_counters.last_seq to the highest number ever told, and start them",
    )


def number_before_lately(session: Session, account: str, *, since: timedelta) -> int | None:
    """The last number before the first one of the last `since`; None when nothing was told that lately."""
    before = session.scalar(BEFORE_LATELY, {"account": account, "id": before_lately(session, "notices", since=since)})
    return None if before is None else int(before)


def _gap(account: str, before: int, number: int) -> Violation:
    missing = f"{before + 1}" if number == before + 2 else f"{before + 1} to {number - 1}"
    return Violation(
        rule="notice_gap",
        subject=f"account {account}",
        detail=f"after notice {before} comes {number}" + (f"; {missing} missing" if number > before + 1 else ""),
        advice="find out who removed or doubled notices by hand; readers of the numbers wait at the gap",
    )
