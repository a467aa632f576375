"""What a person has switched off: for how long, and whether it is off now. The database's clock decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
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


IS_OFF = text("""
    SELECT EXISTS (SELECT FROM stops WHERE switch = :switch AND ended_at IS NULL AND until > clock_timestamp())
""")

OFF_NOW = text("""
    SELECT switch, author, reason, off_at, until FROM stops
    WHERE ended_at IS NULL AND until > clock_timestamp() ORDER BY off_at
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


def is_off(session: Session, switch: Switch) -> bool:
    """Whether this is off at this moment. One probe of a partial index that holds a row per switch at most."""
    return bool(session.scalar(IS_OFF, {"switch": switch.value}))


def off_now(session: Session) -> list[StopLine]:
    """Every switch that is off, the one that has been off for longest first."""
    return [
        StopLine(switch=Switch(row.switch), author=row.author, reason=row.reason, off_at=row.off_at, until=row.until)
        for row in session.execute(OFF_NOW)
    ]


def switch_off(session: Session, switch: Switch, *, author: str, reason: str, length: timedelta) -> StopLine:
    """Off from now on for this long. A switch that is off already is off anew, in these words and until then."""
    session.execute(END, {"switch": switch.value, "author": author})
    parameters = {"switch": switch.value, "author": author, "reason": reason, "length": length}
    row = session.execute(BEGIN, parameters).one()
    return StopLine(switch=switch, author=row.author, reason=row.reason, off_at=row.off_at, until=row.until)


def switch_on(session: Session, switch: Switch, *, author: str) -> bool:
    """On again; False when it was on already."""
    return any(session.scalars(END, {"switch": switch.value, "author": author}).all())
