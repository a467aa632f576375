"""Where a customer is named: in rows of their own, in what the gateway answered, and in what anybody wrote.

No index helps to find a number in a body, and none is kept for it: every row is read once, in slices by id. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.customer import Customer
from models.errors import NotFound
from models.transaction import Kind, Status

LOOK = 500
"""Rows one statement reads: a body may have 64 kB, and takes 50 µs for each of them."""


class Place(StrEnum):
    """A table that is looked through."""

    TRANSACTIONS = "transactions"
    CALLBACKS = "callbacks"
    ANSWERS = "answers"
    CASES = "cases"
    OVERRIDES = "overrides"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """What is looked at in one row of a place, as SQL."""

    table: str
    pk: str = "transaction_pk"
    """Its transaction."""
    goes: str
    """Bytes that can be erased."""
    stays: str
    """Text that never is."""
    customer: str = "CAST(NULL AS text)"
    payer: str = "CAST(NULL AS text)"


WORDS: Mapping[Place, _Words] = {
    Place.TRANSACTIONS: _Words(
        table="transactions",
        pk="id",
        goes="convert_to(concat_ws(' ', description, refusal), 'UTF8')",
        stays="concat_ws(' ', transaction_id, ordered_why, approval_why)",
        customer="customer",
        payer="payer",
    ),
    Place.CALLBACKS: _Words(
        table="callbacks", goes="body || convert_to(' ' || CAST(headers AS text), 'UTF8')", stays="note"
    ),
    Place.ANSWERS: _Words(table="checks", goes="body", stays="reason"),
    Place.CASES: _Words(table="cases", goes="''", stays="concat_ws(' ', detail, resolution)"),
    Place.OVERRIDES: _Words(table="overrides", goes="''", stays="reason"),
}

# The clue is one expression for all that a row is asked afterwards, and nearly no row has it.
FIND = """
    WITH slice AS MATERIALIZED (
        SELECT id, {pk} AS pk, {customer} AS customer, {payer} AS payer, encode({goes}, 'escape') AS goes,
               encode(convert_to({stays}, 'UTF8'), 'escape') AS stays
        FROM {table} WHERE id > :after ORDER BY id LIMIT :look
    ), clued AS MATERIALIZED (
        SELECT *, goes ~* :clue AS has_clue FROM slice
    ), told AS (
        SELECT id, pk, customer = ANY(CAST(:numbers AS text[])) IS TRUE AS is_customer,
               payer = ANY(CAST(:payers AS text[])) IS TRUE AS is_payer,
               CASE WHEN has_clue THEN goes ~* ALL(CAST(:patterns AS text[])) ELSE FALSE END AS by_all,
               CASE WHEN has_clue AND CAST(:local AS text) <> '' THEN goes ~* :local ELSE FALSE END AS by_local,
               CASE WHEN stays ~* :clue THEN stays ~* ALL(CAST(:patterns AS text[])) ELSE FALSE END AS stays
        FROM clued
    )
    SELECT id, pk, is_customer, is_payer, by_all, by_local, stays FROM told
    WHERE is_customer OR is_payer OR by_all OR by_local OR stays
    UNION ALL SELECT max(id), count(*), FALSE, FALSE, FALSE, FALSE, FALSE FROM slice
"""
FINDS = {place: text(FIND.format(**asdict(words))) for place, words in WORDS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """One row that names the customer, and how. `pk` is its transaction, if it has one."""

    id: int
    pk: int | None
    is_customer: bool
    """A payout to this number."""
    is_payer: bool
    """An invoice whose masked number fits: so do a hundredth of all numbers of the country."""
    by_all: bool
    """In words that can be erased."""
    by_local: bool
    """The same by the national digits alone, in a field that is called like a phone number."""
    stays: bool
    """In words that are never erased."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One slice: the rows that name the customer among so many, the last of which is `upto`."""

    rows: int
    upto: int
    namings: Sequence[Naming]


def look_for(session: Session, place: Place, customer: Customer, *, after: int) -> Looked:
    """Look through the next `LOOK` rows of this place."""
    parameters = {
        "numbers": list(customer.numbers),
        "payers": list(customer.payers),
        "clue": customer.clue,
        "patterns": list(customer.patterns),
        "local": customer.local,
        "after": after,
        "look": LOOK,
    }
    *rows, total = session.execute(FINDS[place], parameters).all()
    return Looked(rows=total.pk, upto=total.id or after, namings=[Naming(**row._mapping) for row in rows])  # noqa: SLF001 - SQLAlchemy's name for a public thing


def last_id(session: Session, place: Place) -> int:
    """The highest id of this place, 0 for none: how far there is to go."""
    return int(session.scalar(text(f"SELECT COALESCE(max(id), 0) FROM {WORDS[place].table}")) or 0)  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One transaction of the customer. Amount in francs."""

    id: int
    transaction_id: str
    kind: Kind
    status: Status
    amount: int
    created_at: datetime
    erased_at: datetime | None
    open_cases: int

    @property
    def is_open(self) -> bool:
        """Whether nothing of it may be erased yet."""
        return self.status in (Status.CREATED, Status.PENDING) or self.open_cases > 0


MATTERS = text("""
    SELECT t.id, t.transaction_id, t.kind, t.status, t.amount, t.created_at, t.erased_at,
           (SELECT count(*) FROM cases k WHERE k.transaction_pk = t.id AND k.resolved_at IS NULL) AS open_cases
    FROM transactions t WHERE t.id = ANY(CAST(:transactions AS bigint[])) ORDER BY t.id
""")


def matters(session: Session, pks: Sequence[int]) -> list[Matter]:
    """These transactions, in order."""
    rows = session.execute(MATTERS, {"transactions": list(pks)})
    return [Matter(**{**row._mapping, "kind": Kind(row.kind), "status": Status(row.status)}) for row in rows]  # noqa: SLF001 - SQLAlchemy's name for a public thing


NAMED = text("SELECT id, transaction_id FROM transactions WHERE transaction_id = ANY(CAST(:ours AS text[]))")


def named_matters(session: Session, ours: Sequence[str]) -> list[int]:
    """The transactions that bear these ids of ours. Raises `NotFound` when one does not exist."""
    found = {row.transaction_id: row.id for row in session.execute(NAMED, {"ours": list(ours)})}
    for one in ours:
        if one not in found:
            raise NotFound(f"there is no transaction {one!r}")
    return sorted(found.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """So many rows of one kind are about the customer, from the first to the last. `erased` are those without their words."""

    what: str
    rows: int
    erased: int
    first_at: datetime | None
    last_at: datetime | None


HOLDINGS = text("""
    SELECT what, count(id) AS rows, count(erased_at) AS erased, min(at) AS first_at, max(at) AS last_at FROM (
        VALUES (1, 'invoices'), (2, 'payouts'), (3, 'callbacks'), (4, 'answers'), (5, 'settlements'), (6, 'notices'), (7, 'cases')
    ) AS kinds(place, what) LEFT JOIN (
        SELECT kind || 's' AS what, id, created_at AS at, erased_at FROM transactions
        WHERE id = ANY(CAST(:transactions AS bigint[]))
        UNION ALL SELECT 'callbacks', id, received_at, erased_at FROM callbacks
        WHERE transaction_pk = ANY(CAST(:transactions AS bigint[])) OR id = ANY(CAST(:callbacks AS bigint[]))
        UNION ALL SELECT 'answers', id, asked_at, erased_at FROM checks
        WHERE transaction_pk = ANY(CAST(:transactions AS bigint[]))
        UNION ALL SELECT 'settlements', transaction_pk, settled_at, NULL FROM settlements
        WHERE transaction_pk = ANY(CAST(:transactions AS bigint[]))
        UNION ALL SELECT 'notices', id, created_at, NULL FROM notices
        WHERE transaction_pk = ANY(CAST(:transactions AS bigint[]))
        UNION ALL SELECT 'cases', id, opened_at, NULL FROM cases
        WHERE transaction_pk = ANY(CAST(:transactions AS bigint[])) OR callback_id = ANY(CAST(:callbacks AS bigint[]))
    ) AS held USING (what) GROUP BY place, what ORDER BY place
""")


def holdings(session: Session, pks: Sequence[int], callbacks: Sequence[int]) -> list[Holding]:
    """What is kept about these transactions, and of these callbacks, by kind."""
    rows = session.execute(HOLDINGS, {"transactions": list(pks), "callbacks": list(callbacks)})
    return [Holding(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's name for a public thing
