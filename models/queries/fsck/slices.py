"""Which rows are looked at together: everything in slices by id, or only what is open or moved lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

BIGGEST_ID = 2**63 - 1

LAST = {
    table: text(f"SELECT COALESCE(max(id), 0) FROM {table}")  # noqa: S608 - our own words
    for table in (
        "transactions",
        "callbacks",
        "checks",
        "notices",
        "overrides",
        "deliveries",
        "replay_plans",
        "differences",
        "erasure_items",
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Rows with an id past `after` and up to `upto`; of these only `ids`, where a list is given."""

    after: int
    upto: int
    rows: int
    ids: Sequence[int] | None = None

    @property
    def is_last(self) -> bool:
        """Whether there was nothing more to take."""
        return self.upto == BIGGEST_ID

    @property
    def parameters(self) -> dict[str, object]:
        """As the statements of a walk take them."""
        if self.ids is None:
            return {"after": self.after, "upto": self.upto, "every": True, "ids": []}
        return {"after": 0, "upto": BIGGEST_ID, "every": False, "ids": self.ids}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where slices come from: a statement that gives the last id, the number of rows and, where it picks, the ids."""

    what: str
    """What these rows are, for whoever follows the progress."""
    table: str
    picks: bool
    statement: TextClause


def _everything(table: str) -> Source:
    return Source(
        what=table.replace("_", " "),
        table=table,
        picks=False,
        statement=text(
            f"SELECT max(id), count(*), NULL FROM (SELECT id FROM {table} WHERE id > :after ORDER BY id LIMIT :size) AS s"  # noqa: S608 - our own words
        ),
    )


def _picked(what: str, table: str, rows: str) -> Source:
    statement = text(f"SELECT max(id), count(*), array_agg(pk) FILTER (WHERE wanted) FROM ({rows}) AS slice")  # noqa: S608 - our own words
    return Source(what=what, table=table, picks=True, statement=statement)


EVERY_TRANSACTION = _everything("transactions")
EVERY_CALLBACK = _everything("callbacks")
EVERY_PLAN = _everything("replay_plans")
EVERY_DIFFERENCE = _everything("differences")
EVERY_ERASURE = replace(_everything("erasure_items"), what="erasures")
OPEN_ERASURES = _picked(
    "erasures",
    "erasure_items",
    """SELECT id, id AS pk, done_at IS NULL OR done_at > now() - interval '1 day' AS wanted
       FROM erasure_items WHERE id > :after ORDER BY id LIMIT :size""",
)

OPEN_TRANSACTIONS = _picked(
    "open transactions",
    "transactions",
    """SELECT id, id AS pk, TRUE AS wanted FROM transactions
       WHERE status IN ('created', 'pending') AND id > :after ORDER BY id LIMIT :size""",
)
UNFINISHED_CALLBACKS = _picked(
    "unfinished callbacks",
    "callbacks",
    """SELECT id, id AS pk, TRUE AS wanted FROM callbacks
       WHERE outcome IN ('received', 'unmatched') AND id > :after ORDER BY id LIMIT :size""",
)
FINISHED_CALLBACKS = _picked(
    "callbacks",
    "callbacks",
    """SELECT id, id AS pk, outcome NOT IN ('received', 'unmatched') AS wanted FROM callbacks
       WHERE id > :after ORDER BY id LIMIT :size""",
)
# Each transaction once, at its newest row; the open ones are looked at anyway.
ANSWERED_TRANSACTIONS = _picked(
    "answers",
    "checks",
    """SELECT c.id, c.transaction_pk AS pk, NOT EXISTS (
           SELECT FROM checks newer WHERE newer.transaction_pk = c.transaction_pk AND newer.id > c.id
       ) AND NOT EXISTS (
           SELECT FROM transactions t WHERE t.id = c.transaction_pk AND t.status IN ('created', 'pending')
       ) AS wanted
       FROM checks c WHERE c.id > :after ORDER BY c.id LIMIT :size""",
)

RECENT_PLANS = _picked(
    "replay plans",
    "replay_plans",
    """SELECT id, id AS pk, state = 'running' OR over_at > now() - interval '1 day' AS wanted
       FROM replay_plans WHERE id > :after ORDER BY id LIMIT :size""",
)


# The same for what persons changed by hand: an override may be made without any answer.
OVERRIDDEN_TRANSACTIONS = _picked(
    "overridden transactions",
    "overrides",
    """SELECT o.id, o.transaction_pk AS pk, NOT EXISTS (
           SELECT FROM overrides newer WHERE newer.transaction_pk = o.transaction_pk AND newer.id > o.id
       ) AND NOT EXISTS (
           SELECT FROM transactions t WHERE t.id = o.transaction_pk AND t.status IN ('created', 'pending')
       ) AS wanted
       FROM overrides o WHERE o.id > :after ORDER BY o.id LIMIT :size""",
)

EVERY_NOTICE = replace(_everything("notices"), what="tellings")
TRIED_NOTICES = _picked(
    "deliveries",
    "deliveries",
    """SELECT d.id, d.notice_id AS pk, NOT EXISTS (
           SELECT FROM deliveries newer WHERE newer.notice_id = d.notice_id AND newer.id > d.id
       ) AS wanted
       FROM deliveries d WHERE d.id > :after ORDER BY d.id LIMIT :size""",
)


def next_slice(session: Session, source: Source, *, after: int, size: int) -> Slice:
    """Up to `size` rows that follow. The last slice ends at the biggest id, so that nothing beyond the rows is left out."""
    upto, rows, ids = session.execute(source.statement, {"after": after, "size": size}).one()
    last = rows < size
    return Slice(after=after, upto=BIGGEST_ID if last else upto, rows=rows, ids=(ids or []) if source.picks else None)


def last_id(session: Session, table: str) -> int:
    """The highest id there is now; 0 when there is none."""
    return int(session.execute(LAST[table]).scalar_one())


# In these tables ids and times grow together, so that the row at which "lately" begins is found by halving, without an
# index on the time. A row that is out of order by a little only makes lately begin a little elsewhere.
TIMES = {
    "checks": "asked_at",
    "overrides": "made_at",
    "callbacks": "COALESCE(stored_at, received_at)",
    "notices": "created_at",
    "deliveries": "tried_at",
    "differences": "found_at",
}
PROBES = {
    table: text(
        f"SELECT {at} >= clock_timestamp() - CAST(:since AS interval) FROM {table} WHERE id >= :id ORDER BY id LIMIT 1"  # noqa: S608 - our own words
    )
    for table, at in TIMES.items()
}


def before_lately(session: Session, table: str, *, since: timedelta) -> int:
    """An id behind which everything of the last `since` is found."""
    low, high = 0, last_id(session, table) + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if session.execute(PROBES[table], {"id": middle, "since": since}).scalar_one():
            high = middle
        else:
            low = middle
    return low
