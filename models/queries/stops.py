"""What a person has switched off: for how long, and whether it is off now. The database's clock decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.stop import Switch


@dataclass(frozen=True, slots=True, kw_only=True)
class StopLine:
    """One switch that is off."""

    switch: Switch
    author: str
    reason: str
    off_at: datetime
    until: datetime


# Shared by whoever acts while the switch is on, and taken alone to switch it off. Not the row: there may be none.
KEYS = {switch: 5_461_743_210_100 + place for place, switch in enumerate(Switch)}
ACTING = text("SELECT pg_advisory_xact_lock_shared(:key)")
SWITCHING = text("SELECT pg_advisory_xact_lock(:key)")

IS_OFF = text("""
    SELECT EXISTS (SELECT FROM stops WHERE switch = :switch AND ended_at IS NULL AND until > clock_timestamp())
""")

OFF_NOW = text("""
    SELECT switch, author, reason, off_at, until FROM stops
    WHERE ended_at IS NULL AND until > clock_timestamp() ORDER BY off_at
""")

# Nobody writes down that a stop ran out: it is over all the same.
HISTORY = text("""
    SELECT id, switch, author, reason, off_at, until, ended_at, ended_by,
           ended_at IS NULL AND until > clock_timestamp() AS is_off, clock_timestamp() AS now
    FROM stops WHERE id < :before ORDER BY id DESC LIMIT :limit
""")

END = text("""
    UPDATE stops SET ended_at = clock_timestamp(), ended_by = :author
    WHERE switch = :switch AND ended_at IS NULL RETURNING until > clock_timestamp()
""")

BEGIN = text("""
    INSERT INTO stops (switch, author, reason, until)
    VALUES (:switch, :author, :reason, clock_timestamp() + :length)
    RETURNING switch, author, reason, off_at, until
""")

# What waits for sending to go on is due when the stop ends. Few are created at any moment, and the index by status holds
# them together.
QUEUE_DUE = text("""
    UPDATE transactions SET next_check_at = COALESCE(CAST(:until AS timestamptz), clock_timestamp())
    WHERE status = 'created' AND kind = 'payout' AND queued_at IS NOT NULL AND sent_at IS NULL
""")


def is_off(session: Session, switch: Switch) -> bool:
    """Whether this is off at this moment. One probe of a partial index that holds a row per switch at most."""
    return bool(session.scalar(IS_OFF, {"switch": switch.value}))


def keep_on(session: Session, switch: Switch) -> StopLine | None:
    """The stop while this is off. When it is on, it stays so until this transaction is over: who switches it off waits.

    Two statements, for the second has to see what was committed while the first one waited.
    """
    session.execute(ACTING, {"key": KEYS[switch]})
    return next((line for line in off_now(session) if line.switch is switch), None)


def off_now(session: Session) -> list[StopLine]:
    """Every switch that is off, the one that has been off for longest first."""
    return [
        StopLine(switch=Switch(row.switch), author=row.author, reason=row.reason, off_at=row.off_at, until=row.until)
        for row in session.execute(OFF_NOW)
    ]


def switch_off(session: Session, switch: Switch, *, author: str, reason: str, length: timedelta) -> StopLine:
    """Off from now on for this long. A switch that is off already is off anew, in these words and until then.

    Waits for the transactions of those who act under `keep_on`: once it is committed, none of them commits any more.
    """
    session.execute(SWITCHING, {"key": KEYS[switch]})
    session.execute(END, {"switch": switch.value, "author": author})
    parameters = {"switch": switch.value, "author": author, "reason": reason, "length": length}
    row = session.execute(BEGIN, parameters).one()
    if switch is Switch.SEND:
        session.execute(QUEUE_DUE, {"until": row.until})
    return StopLine(switch=switch, author=row.author, reason=row.reason, off_at=row.off_at, until=row.until)


def off_now_alone(session: Session, switch: Switch) -> StopLine | None:
    """The stop while this is off. From then on nobody else switches it until this transaction is over."""
    session.execute(SWITCHING, {"key": KEYS[switch]})
    return next((line for line in off_now(session) if line.switch is switch), None)


def switch_on(session: Session, switch: Switch, *, author: str) -> bool:
    """On again; False when it was on already. Payouts that wait for it are due at once."""
    was_off = any(session.scalars(END, {"switch": switch.value, "author": author}).all())
    if switch is Switch.SEND:
        session.execute(QUEUE_DUE, {"until": None})
    return was_off


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStop:
    """One stop, as it went or as it goes. `ended_at` is when it was over, if it is; `ended_by` is empty when it ran out."""

    id: int
    switch: Switch
    author: str
    reason: str
    off_at: datetime
    until: datetime
    ended_at: datetime | None
    ended_by: str
    is_off: bool
    now: datetime


def history(session: Session, *, limit: int, before: int = 2**63 - 1) -> list[PastStop]:
    """Up to `limit` stops with a smaller id than `before`, the newest first, whether they are over or not."""
    return [_past(row) for row in session.execute(HISTORY, {"limit": limit, "before": before})]


def _past(row: Row[Any]) -> PastStop:
    ran_out = not row.is_off and (row.ended_at is None or row.ended_at >= row.until)
    return PastStop(
        id=row.id,
        switch=Switch(row.switch),
        author=row.author,
        reason=row.reason,
        off_at=row.off_at,
        until=row.until,
        ended_at=row.until if ran_out else row.ended_at,
        ended_by="" if ran_out else row.ended_by,
        is_off=row.is_off,
        now=row.now,
    )
