"""What customers asked to have erased: written down, worked off in small handfuls of items, and ended when nothing is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.queries.cases import Signature
from models.queries.retention import Things
from models.shelf import SETTLED, Shelf

BEGIN = text("""
    INSERT INTO erasures (author, reason, keeps_settled) VALUES (:author, :reason, :keeps_settled) RETURNING id
""")
ADD = text("""
    INSERT INTO erasure_items (erasure_id, transaction_pk, callback_id)
    SELECT :erasure, id, NULL FROM unnest(CAST(:transactions AS bigint[])) AS given(id)
    UNION ALL SELECT :erasure, NULL, id FROM unnest(CAST(:callbacks AS bigint[])) AS given(id)
""")
WAITING = text("""
    SELECT i.transaction_pk, i.callback_id FROM erasures e JOIN erasure_items i ON i.erasure_id = e.id
    WHERE e.ended_at IS NULL AND i.done_at IS NULL AND (:keeps_settled OR NOT e.keeps_settled)
""")


def not_waiting(session: Session, things: Things, *, keeps_settled: bool) -> Things:
    """Those of these things that wait for no erasure yet which clears as much of them."""
    rows = session.execute(WAITING, {"keeps_settled": keeps_settled}).all()
    transactions, callbacks = {row.transaction_pk for row in rows}, {row.callback_id for row in rows}
    return Things(
        transactions=tuple(pk for pk in things.transactions if pk not in transactions),
        callbacks=tuple(number for number in things.callbacks if number not in callbacks),
    )


def begin_erasure(session: Session, things: Things, by: Signature, *, keeps_settled: bool) -> int:
    """Write down that these things are to be erased, by whom and why. The number of the erasure."""
    words = {"author": by.author, "reason": by.reason, "keeps_settled": keeps_settled}
    erasure: int = session.execute(BEGIN, words).scalar_one()
    rows = {"erasure": erasure, "transactions": list(things.transactions), "callbacks": list(things.callbacks)}
    session.execute(ADD, rows)
    return erasure


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureLine:
    """One erasure, with how many rows went for it and what still waits, by our ids of the transactions."""

    id: int
    author: str
    reason: str
    keeps_settled: bool
    asked_at: datetime
    ended_at: datetime | None
    rows: dict[Shelf, int]
    transactions: tuple[str, ...]
    waiting: tuple[str, ...]
    waiting_callbacks: tuple[int, ...]

    @property
    def shelves(self) -> tuple[Shelf, ...]:
        """What it clears."""
        return shelves_of(keeps_settled=self.keeps_settled)


def shelves_of(*, keeps_settled: bool) -> tuple[Shelf, ...]:
    """What an erasure clears that keeps, or does not keep, what is settled."""
    return tuple(shelf for shelf in Shelf if not (keeps_settled and shelf in SETTLED))


LINES = """
    SELECT e.*, i.* FROM erasures e CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(t.transaction_id ORDER BY i.id) FILTER (WHERE t.id IS NOT NULL), '{}') AS transactions,
               COALESCE(array_agg(t.transaction_id ORDER BY i.id)
                        FILTER (WHERE t.id IS NOT NULL AND i.done_at IS NULL), '{}') AS waiting,
               COALESCE(array_agg(i.callback_id ORDER BY i.id)
                        FILTER (WHERE t.id IS NULL AND i.done_at IS NULL), '{}') AS waiting_callbacks
        FROM erasure_items i LEFT JOIN transactions t ON t.id = i.transaction_pk WHERE i.erasure_id = e.id
    ) AS i
"""
OPEN = text(f"{LINES} WHERE e.ended_at IS NULL ORDER BY e.id")
ONE = text(f"{LINES} WHERE e.id = :id")
PAGE = text(f"{LINES} WHERE e.id < :before ORDER BY e.id DESC LIMIT :limit")


def open_erasures(session: Session) -> list[ErasureLine]:
    """Those of which something waits, oldest first."""
    return [_line(row) for row in session.execute(OPEN)]


def find_erasure(session: Session, erasure: int) -> ErasureLine:
    """The one of this number, which there is."""
    return _line(session.execute(ONE, {"id": erasure}).one())


def list_erasures(session: Session, *, limit: int, before: int) -> list[ErasureLine]:
    """Up to `limit` with numbers below `before`, newest first."""
    return [_line(row) for row in session.execute(PAGE, {"before": before, "limit": limit})]


NEXT = text("""
    SELECT id, transaction_pk, callback_id FROM erasure_items
    WHERE erasure_id = :erasure AND id > :after AND done_at IS NULL ORDER BY id LIMIT :limit
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handful:
    """Some items of an erasure. `upto` is the last of them; `things` are what they are about."""

    upto: int
    things: Things


def next_items(session: Session, erasure: int, *, after: int, limit: int) -> Handful | None:
    """The next items behind the id `after` that are not done; None when there are no more."""
    rows = session.execute(NEXT, {"erasure": erasure, "after": after, "limit": limit}).all()
    if not rows:
        return None
    things = Things(
        transactions=tuple(row.transaction_pk for row in rows if row.transaction_pk is not None),
        callbacks=tuple(row.callback_id for row in rows if row.callback_id is not None),
    )
    return Handful(upto=rows[-1].id, things=things)


COUNTS = {
    shelf: text(f"UPDATE erasures SET {shelf.value} = {shelf.value} + :rows WHERE id = :erasure")  # noqa: S608 - our own words
    for shelf in Shelf
}


def count_erased(session: Session, erasure: int, shelf: Shelf, *, rows: int) -> None:
    """Count rows of this shelf that go in the same transaction."""
    session.execute(COUNTS[shelf], {"erasure": erasure, "rows": rows})


DONE = text("""
    UPDATE erasure_items SET done_at = clock_timestamp()
    WHERE erasure_id = :erasure AND done_at IS NULL AND (
        transaction_pk = ANY(CAST(:transactions AS bigint[])) AND NOT transaction_pk = ANY(CAST(:open AS bigint[]))
        OR callback_id = ANY(CAST(:callbacks AS bigint[])) AND NOT callback_id = ANY(CAST(:open_callbacks AS bigint[]))
    )
""")
END = text("""
    UPDATE erasures SET ended_at = clock_timestamp()
    WHERE id = :erasure AND ended_at IS NULL
      AND NOT EXISTS (SELECT FROM erasure_items WHERE erasure_id = :erasure AND done_at IS NULL)
""")


def close_items(session: Session, erasure: int, handful: Things, *, left: Things) -> None:
    """Of this handful, all are done but those of which something is `left`."""
    parameters = {
        "erasure": erasure,
        "transactions": list(handful.transactions),
        "callbacks": list(handful.callbacks),
        "open": list(left.transactions),
        "open_callbacks": list(left.callbacks),
    }
    session.execute(DONE, parameters)


def end_erasure(session: Session, erasure: int) -> None:
    """It is over if nothing waits."""
    session.execute(END, {"erasure": erasure})


def _line(row: Row[Any]) -> ErasureLine:
    return ErasureLine(
        id=row.id,
        author=row.author,
        reason=row.reason,
        keeps_settled=row.keeps_settled,
        asked_at=row.asked_at,
        ended_at=row.ended_at,
        rows={shelf: getattr(row, shelf.value) for shelf in Shelf},
        transactions=tuple(row.transactions),
        waiting=tuple(row.waiting),
        waiting_callbacks=tuple(row.waiting_callbacks),
    )
