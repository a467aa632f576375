"""What stands on the shelves, counted by age: what would be erased now, what has to stay, and what is not old enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from models.queries.due import now
from models.queries.retention import Things, statement
from models.shelf import Shelf


class Fate(StrEnum):
    """What becomes of a thing on a shelf."""

    DUE = "due"
    """Its time is over."""
    OPEN = "open"
    """Its time is over, and it stays: the payment or a case about it is open, or the books are not done with it yet."""
    KEPT = "kept"
    """Its time is not over."""
    ERASED = "erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """So many things of one age and fate. `age` counts the limits given that it has reached; `bytes` is what erasing frees."""

    age: int
    fate: Fate
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """One slice of a shelf's table: `looked` rows, the last of them `upto`, and what of the shelf is among them."""

    looked: int
    upto: int
    tallies: Sequence[Tally]


COUNT = """
    {slice}
    SELECT width_bucket(CAST(extract(epoch FROM clock_timestamp() - at) / 86400 AS float8), CAST(:ages AS float8[])) AS age,
           CASE WHEN is_gone THEN 'erased' WHEN (at < CAST(:horizon AS timestamptz)) IS NOT TRUE THEN 'kept'
                WHEN is_open THEN 'open' ELSE 'due' END AS fate,
           count(*) AS rows, COALESCE(sum(size) FILTER (WHERE is_here), 0) AS bytes, 0 AS upto
    FROM slice WHERE is_here OR is_gone GROUP BY 1, 2
    UNION ALL SELECT 0, '', count(*), 0, COALESCE(max(id), 0) FROM slice
"""
COUNTS = {shelf: statement(COUNT, shelf) for shelf in Shelf}
COUNTS_THINGS = {shelf: statement(COUNT, shelf, of_things=True) for shelf in Shelf}


def count_some(
    session: Session, shelf: Shelf, *, keep: timedelta | None, ages: Sequence[float], after: int, size: int
) -> Counted:
    """Count the next `size` rows behind the id `after`; kept for ever without `keep`. `ages` are days, in order."""
    horizon: datetime | None = None if keep is None else now(session) - keep
    parameters = {"ages": list(ages), "horizon": horizon, "after": after, "look": size}
    *rows, total = session.execute(COUNTS[shelf], parameters).all()
    tallies = [Tally(age=row.age, fate=Fate(row.fate), rows=row.rows, bytes=int(row.bytes)) for row in rows]
    return Counted(looked=total.rows, upto=total.upto, tallies=tallies)


def count_things(session: Session, shelf: Shelf, things: Things) -> Sequence[Tally]:
    """What of this shelf is these things, as if the time of all of it were over. Their age is not looked at."""
    whole = {**things.parameters, "ages": [], "after": 0, "look": None}
    *rows, _total = session.execute(COUNTS_THINGS[shelf], whole).all()
    return [Tally(age=0, fate=Fate(row.fate), rows=row.rows, bytes=int(row.bytes)) for row in rows]
