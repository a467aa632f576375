"""Erasing what is past its time, shelf by shelf in the order of ids: so many rows in each short transaction, or only counted.

The same for certain things, whatever their age. Else entered by the primary keys, from where the shelf is cleared up to: no index exists for it, so that nobody who stores or settles
pays for one. An open payment, and what an open case is about, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.shelf import Shelf

OPEN_MATTER = """(
    t.status IN ('created', 'pending') OR t.final_at >= :horizon
    OR EXISTS (SELECT FROM cases k WHERE k.transaction_pk = t.id AND k.resolved_at IS NULL)
)"""

IS_PROOF = "EXISTS (SELECT FROM settlements s WHERE s.check_id = r.id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """How what stands on one shelf lies in its table, as SQL over a row `r` and its transaction `t`."""

    table: str
    at: str
    """Since when it is kept."""
    mine: str
    """Whether a row is of this shelf."""
    here: str
    """Whether there is anything left of it to be erased."""
    is_open: str
    """Whether it has to stay, however old it is. Unknown counts as not."""
    still: str
    """What must be so of the row once it is ours: somebody may have been quicker."""
    erase: str
    size: str
    """Bytes that go."""
    key: str = "r.transaction_pk"
    """Its transaction."""
    about: str = "transaction_pk = ANY(CAST(:transactions AS bigint[]))"
    """Which rows `Things` means, entered by an index."""


_CALLBACKS = _Kept(
    table="callbacks",
    at="GREATEST(COALESCE(r.stored_at, r.received_at), r.reopened_at)",
    mine="TRUE",
    here="r.erased_at IS NULL",
    is_open=f"r.outcome IN ('received', 'unmatched') OR {OPEN_MATTER}"
    " OR EXISTS (SELECT FROM cases k WHERE k.callback_id = r.id AND k.resolved_at IS NULL)",
    still="erased_at IS NULL AND outcome NOT IN ('received', 'unmatched')",
    erase="body = '', headers = '{}', source = '', erased_at = clock_timestamp()",
    size="octet_length(r.body)",
    about="(transaction_pk = ANY(CAST(:transactions AS bigint[])) OR id = ANY(CAST(:callbacks AS bigint[])))",
)
_ANSWERS = _Kept(
    table="checks",
    at="r.asked_at",
    mine=f"NOT {IS_PROOF}",
    here="r.erased_at IS NULL AND length(r.body) > 0",
    is_open=OPEN_MATTER,
    still="erased_at IS NULL",
    erase="body = '', digest = sha256(r.body), erased_at = clock_timestamp()",
    size="octet_length(r.body)",
)
# A payout has a customer by a rule of the table, and a payin by mobile money a payer: what is left says that there was one.
_PERSONS = _Kept(
    table="transactions",
    at="r.created_at",
    mine="r.status <> 'completed'",
    here="r.erased_at IS NULL"
    " AND (r.customer <> '' OR r.payer <> '' OR r.description <> '' OR r.refusal <> '') IS TRUE",
    is_open=OPEN_MATTER,
    still="erased_at IS NULL AND status NOT IN ('created', 'pending')",
    erase="customer = left(r.customer, 0), payer = CASE r.payer WHEN '' THEN '' ELSE '*' END, description = '',"
    " refusal = '', erased_at = clock_timestamp()",
    size="octet_length(concat(r.customer, r.payer, r.description, r.refusal))",
    key="r.id",
    about="id = ANY(CAST(:transactions AS bigint[]))",
)

SHELVES: Mapping[Shelf, _Kept] = {
    Shelf.CALLBACKS: _CALLBACKS,
    Shelf.ANSWERS: _ANSWERS,
    Shelf.PERSONS: _PERSONS,
    Shelf.PROOFS: replace(_ANSWERS, mine=IS_PROOF),
    Shelf.SETTLED: replace(_PERSONS, mine="r.status = 'completed'"),
}

SLICE = """
    WITH slice AS MATERIALIZED (
        SELECT r.id, t.id AS pk, {at} AS at, ({mine}) AND {here} AS is_here, ({mine}) AND r.erased_at IS NOT NULL AS is_gone,
               ({is_open}) IS TRUE AS is_open, {size} AS size
        FROM (SELECT * FROM {table} WHERE {about} AND id > :after ORDER BY id LIMIT :look) AS r
        LEFT JOIN transactions t ON t.id = {key}
    )
"""

# Whoever is at a row now is left alone, and it comes again with the next walk. Never more than `most` are erased: what lies
# behind the last of these counts as not looked at.
ERASE = """
    {slice}, due AS MATERIALIZED (
        SELECT id FROM slice WHERE is_here AND NOT is_open AND at < :horizon ORDER BY id LIMIT :most
    ), mine AS MATERIALIZED (
        SELECT id FROM {table} WHERE id = ANY(ARRAY(SELECT id FROM due)) AND {still}
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), erased AS (
        UPDATE {table} r SET {erase} FROM mine WHERE r.id = mine.id RETURNING r.id
    ), last AS (
        SELECT CASE WHEN (SELECT count(*) FROM due) = :most THEN (SELECT max(id) FROM due)
                    ELSE (SELECT max(id) FROM slice) END AS id
    )
    SELECT count(*) AS looked, max(slice.id) AS upto, count(erased.id) AS erased,
           COALESCE(sum(slice.size) FILTER (WHERE erased.id IS NOT NULL), 0) AS bytes,
           min(slice.id) FILTER (WHERE (is_here OR is_open OR at >= :horizon) AND erased.id IS NULL) AS first_left,
           COALESCE(bool_and(at >= :horizon), TRUE) AS is_over
    FROM slice LEFT JOIN erased ON erased.id = slice.id WHERE slice.id <= (SELECT id FROM last)
"""


def statement(form: str, shelf: Shelf, *, of_things: bool = False) -> TextClause:
    """A statement over a slice of this shelf's table; of certain `Things` alone, or of whatever stands there."""
    kept = SHELVES[shelf] if of_things else replace(SHELVES[shelf], about="TRUE")
    words = asdict(kept)
    return text(form.format(slice=SLICE.format(**words), **words))


ERASES = {shelf: statement(ERASE, shelf) for shelf in Shelf}
ERASES_THINGS = {shelf: statement(ERASE, shelf, of_things=True) for shelf in Shelf}

# A crash may lose the last of these commits and nothing else: the mark goes with them, and the rows are erased again. So nobody
# who stores callbacks waits behind the disk for this. And the plan has to be that of this slice, by the index.
GENTLY = text("""
    SELECT set_config('synchronous_commit', 'off', TRUE), set_config('plan_cache_mode', 'force_custom_plan', TRUE),
           set_config('enable_seqscan', 'off', TRUE)
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a shelf is cleared, and how far the walk under way got. See `models.shelf.ShelfMark`."""

    upto: int
    walked: int

    def behind(self, last: int, first_left: int | None) -> Mark:
        """After the rows up to `last`, of which `first_left` is the first that had to stay."""
        if self.upto < self.walked:  # something had to stay before
            return Mark(upto=self.upto, walked=last)
        return Mark(upto=last if first_left is None else first_left - 1, walked=last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one transaction did: rows looked at and erased, bytes that went, up to which id, and whether the walk is over."""

    looked: int
    erased: int
    bytes: int
    walked: int
    is_over: bool


# Nothing is touched where nothing changes: whoever is at the shelf holds its row.
SET_DAYS = text("""
    INSERT INTO shelf_marks (shelf, days)
    SELECT :shelf, :days WHERE NOT EXISTS (SELECT FROM shelf_marks WHERE shelf = :shelf AND days = :days)
    ON CONFLICT (shelf) DO UPDATE SET days = EXCLUDED.days, set_at = clock_timestamp()
""")
ANEW = text("UPDATE shelf_marks SET upto = 0, walked = 0, ended_at = NULL, set_at = clock_timestamp()")
TAKE = text("""
    SELECT upto, walked, clock_timestamp() - CAST(:keep AS interval) AS horizon FROM shelf_marks
    WHERE shelf = :shelf AND (ended_at IS NULL OR ended_at <= clock_timestamp() - CAST(:rest AS interval))
    FOR NO KEY UPDATE SKIP LOCKED
""")
ADVANCE = text("""
    UPDATE shelf_marks
    SET upto = :upto, walked = CASE WHEN :is_over THEN CAST(:upto AS bigint) ELSE :walked END,
        ended_at = CASE WHEN :is_over THEN clock_timestamp() ELSE ended_at END
    WHERE shelf = :shelf
""")


def keep_for(session: Session, shelf: Shelf, days: int) -> None:
    """Write down for how many days this shelf is kept, 0 for ever: fsck goes by it."""
    session.execute(SET_DAYS, {"shelf": shelf.value, "days": days})


def start_anew(session: Session) -> None:
    """Walk every shelf from its beginning again, whatever was cleared."""
    session.execute(ANEW)


def erase_some(
    session: Session, shelf: Shelf, *, keep: timedelta, rest: timedelta, most: int, look: int
) -> Step | None:
    """Erase up to `most` rows of this shelf that are older than `keep`, among the next `look` rows of its walk.

    None when there is nothing to do: somebody is at this shelf right now, or its last walk ended less than `rest` ago. A
    walk ends where everything is younger. Wants a transaction of its own, and the mark of the shelf, see `keep_for`.
    """
    session.execute(GENTLY)
    taken = session.execute(TAKE, {"shelf": shelf.value, "keep": keep, "rest": rest}).one_or_none()
    if taken is None:
        return None
    before = Mark(upto=taken.upto, walked=taken.walked)
    parameters = {"after": before.walked, "look": look, "most": most, "horizon": taken.horizon}
    row = session.execute(ERASES[shelf], parameters).one()
    after = before.behind(row.upto, row.first_left) if row.looked else before
    session.execute(ADVANCE, {"shelf": shelf.value, "upto": after.upto, "walked": after.walked, "is_over": row.is_over})
    return Step(looked=row.looked, erased=row.erased, bytes=int(row.bytes), walked=after.walked, is_over=row.is_over)


EVER = "infinity"
"""A horizon before which everything lies, however young."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """Certain transactions, with everything about them, and certain callbacks, whatever they are about. By id."""

    transactions: tuple[int, ...] = ()
    callbacks: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.transactions or self.callbacks)

    @property
    def parameters(self) -> dict[str, object]:
        """As statements take them, with a horizon before which all of it lies."""
        return {"transactions": list(self.transactions), "callbacks": list(self.callbacks), "horizon": EVER}


def erase_things(session: Session, shelf: Shelf, things: Things, *, after: int, most: int, look: int) -> Step:
    """Erase up to `most` rows of this shelf that are these things, however young, among the next `look` of them behind `after`.

    By the same rules as `erase_some`: what is open stays. Wants a transaction of its own.
    """
    session.execute(GENTLY)
    parameters = {**things.parameters, "after": after, "look": look, "most": most}
    row = session.execute(ERASES_THINGS[shelf], parameters).one()
    # With as many as may go at once there may be more behind them. What somebody else holds is left: it is not done then.
    is_over = row.looked < look and row.erased < most
    return Step(looked=row.looked, erased=row.erased, bytes=int(row.bytes), walked=row.upto or after, is_over=is_over)


LEFT = """
    {slice} SELECT DISTINCT pk, CASE WHEN is_here AND id = ANY(CAST(:callbacks AS bigint[])) THEN id END AS id
    FROM slice WHERE is_here OR is_open
"""
LEFTS = {shelf: statement(LEFT, shelf, of_things=True) for shelf in Shelf}


def what_is_left(session: Session, shelves: Iterable[Shelf], things: Things) -> Things:
    """Those of these things of which something is left on these shelves, or that are open, so that there will be."""
    transactions: set[int | None] = set()
    callbacks: set[int | None] = set()
    whole = {**things.parameters, "after": 0, "look": None}
    for shelf in shelves:
        for row in session.execute(LEFTS[shelf], whole):
            transactions.add(row.pk)
            if shelf is Shelf.CALLBACKS:
                callbacks.add(row.id)
    return Things(
        transactions=tuple(pk for pk in things.transactions if pk in transactions),
        callbacks=tuple(number for number in things.callbacks if number in callbacks),
    )


PROBE = {
    shelf: text(f"SELECT {kept.at} < :horizon FROM {kept.table} r WHERE id >= :id ORDER BY id LIMIT 1")  # noqa: S608 - our own words
    for shelf, kept in SHELVES.items()
}
LAST = {shelf: text(f"SELECT COALESCE(max(id), 0) FROM {kept.table}") for shelf, kept in SHELVES.items()}  # noqa: S608 - our own words
BEGIN = text(
    "SELECT walked, clock_timestamp() - CAST(:keep AS interval) AS horizon FROM shelf_marks WHERE shelf = :shelf"
)


def way_of(session: Session, shelf: Shelf, *, keep: timedelta) -> range:
    """The ids a walk has before it, about: from where it goes on to the last one that is old enough, found by halving.

    Ids and times grow together but for a few rows, which is good enough to tell how long it will take.
    """
    mark = session.execute(BEGIN, {"shelf": shelf.value, "keep": keep}).one()
    low, high = mark.walked, int(session.scalar(LAST[shelf]) or 0) + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if session.scalar(PROBE[shelf], {"id": middle, "horizon": mark.horizon}):
            low = middle
        else:
            high = middle
    return range(mark.walked, max(low, mark.walked))
