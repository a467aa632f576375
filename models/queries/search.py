"""Looking for a payment by whatever somebody has in hand. Each page looks at so many rows and no more, however large the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.callback import Outcome
from models.queries.browse import CallbackLine, Page, callback_line
from models.queries.fsck.slices import before_lately
from models.queries.replay.choice import FAILED
from models.transaction import Kind, Status

LOOK = 20_000
"""Rows one page looks at, the newest first. The next page goes on behind them."""

BIGGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Needle:
    """What is looked for, read in every way it can be meant. An empty text and None stand for a way that makes no sense."""

    words: str
    """Part of a transaction id, or the whole of a reference."""
    number: str = ""
    """A phone number in the gateway's form, and the same as an invoice keeps it."""
    masked: str = ""
    amount: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One transaction that was found. `amount` is francs; `customer` is masked."""

    id: int
    transaction_id: str
    kind: Kind
    status: Status
    amount: int
    created_at: datetime
    customer: str
    open_cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Page[Hit]):
    """One page of a search, which `looked` at so many rows."""

    looked: int


# The filters decide over the slice and not over the scan: else what fits none would be looked for to the end of the books.
# What has just this id is found by its index, however old it is, and stands first on the first page.
TRANSACTIONS = text("""
    WITH slice AS MATERIALIZED (
        SELECT * FROM transactions WHERE id < :before ORDER BY id DESC LIMIT :look
    ), seen AS (
        SELECT count(*) AS looked, min(id) AS upto FROM slice
    ), hit AS (
        SELECT s.id, s.transaction_id, s.kind, s.status, s.amount, s.created_at,
               CASE WHEN s.customer IS NULL THEN s.payer
                    ELSE left(s.customer, 3) || repeat('*', greatest(0, length(s.customer) - 5)) || right(s.customer, 2)
               END AS customer,
               (SELECT count(*) FROM cases k WHERE k.transaction_pk = s.id AND k.resolved_at IS NULL) AS open_cases
        FROM (
            SELECT * FROM slice
            UNION ALL
            SELECT t.* FROM transactions t CROSS JOIN seen
            WHERE t.transaction_id = :words AND t.id < seen.upto AND CAST(:before AS bigint) = 9223372036854775807
        ) AS s
        WHERE strpos(lower(s.transaction_id), lower(:words)) > 0
           OR s.request_id = :words
           OR (CAST(:number AS text) <> '' AND (s.customer = :number OR s.payer = :masked))
           OR s.amount = CAST(:amount AS bigint)
           OR EXISTS (SELECT FROM checks c WHERE c.transaction_pk = s.id AND c.reference = :words)
        ORDER BY s.transaction_id = :words DESC, s.id DESC LIMIT :limit
    )
    SELECT seen.looked, seen.upto, hit.* FROM seen LEFT JOIN hit ON TRUE ORDER BY hit.transaction_id = :words DESC, hit.id DESC
""")


def find_transactions(session: Session, needle: Needle, *, limit: int, before: int = BIGGEST_ID) -> Found:
    """Transactions that fit in any way, the newest first, with ids below `before`. Without `before`, also the one of just this id."""
    parameters = {
        "words": needle.words,
        "number": needle.number,
        "masked": needle.masked,
        "amount": needle.amount,
        "before": before,
        "look": LOOK,
        "limit": limit + 1,
    }
    rows = session.execute(TRANSACTIONS, parameters).all()
    hits = tuple(_hit(row) for row in rows if row.id is not None)
    return Found(
        items=hits[:limit],
        next=_next([hit.id for hit in hits], limit, upto=rows[0].upto if rows[0].looked == LOOK else None),
        looked=rows[0].looked,
    )


def _next(ids: Sequence[int], limit: int, *, upto: int | None) -> int | None:
    """Where the next page goes on: behind the last that is shown, else behind what was looked at, if there is more."""
    return ids[limit - 1] if len(ids) > limit else upto


def _hit(row: Row[Any]) -> Hit:
    return Hit(
        id=row.id,
        transaction_id=row.transaction_id,
        kind=Kind(row.kind),
        status=Status(row.status),
        amount=row.amount,
        created_at=row.created_at,
        customer=row.customer,
        open_cases=row.open_cases,
    )


LINE = """
    c.id, c.received_at, c.outcome, c.note, c.content_type, c.source, length(c.body) AS size, c.attempts, c.next_try_at,
    c.erased_at, t.transaction_id
"""

NAMING = text(f"""
    WITH slice AS MATERIALIZED (
        SELECT * FROM callbacks WHERE id < :before ORDER BY id DESC LIMIT :look
    ), seen AS (
        SELECT count(*) AS looked, min(id) AS upto FROM slice
    ), hit AS (
        SELECT * FROM slice WHERE position(convert_to(:words, 'UTF8') IN body) > 0 ORDER BY id DESC LIMIT :limit
    )
    SELECT seen.looked, seen.upto, {LINE}
    FROM seen LEFT JOIN hit c ON TRUE LEFT JOIN transactions t ON t.id = c.transaction_pk ORDER BY c.id DESC
""")  # noqa: S608 - our own words


def find_callbacks(
    session: Session, words: str, *, limit: int, look: int = LOOK, before: int = BIGGEST_ID
) -> Page[CallbackLine]:
    """Callbacks whose body has these words in it as they are, the newest first, with ids below `before`."""
    rows = session.execute(NAMING, {"words": words, "before": before, "look": look, "limit": limit + 1}).all()
    lines = tuple(callback_line(row) for row in rows if row.id is not None)
    upto = rows[0].upto if rows[0].looked == look else None
    return Page(items=lines[:limit], next=_next([line.id for line in lines], limit, upto=upto))


# One short scan of the index on (outcome, id) for each outcome, merged: the cost is the page's size, whatever the table's.
OF_OUTCOMES = text(f"""
    SELECT {LINE}
    FROM unnest(CAST(:outcomes AS text[])) AS given(outcome) CROSS JOIN LATERAL (
        SELECT * FROM callbacks r
        WHERE (r.outcome, r.id) < (given.outcome, CAST(:before AS bigint))
          AND (r.outcome, r.id) > (given.outcome, CAST(:after AS bigint))
          AND (:any_age OR r.received_at >= clock_timestamp() - CAST(:since AS interval))
          AND (:also_unread OR r.outcome <> 'received' OR GREATEST(COALESCE(r.stored_at, r.received_at), r.reopened_at)
                               < clock_timestamp() - CAST(:deadline AS interval))
        ORDER BY r.outcome DESC, r.id DESC LIMIT :limit
    ) AS c LEFT JOIN transactions t ON t.id = c.transaction_pk
    ORDER BY c.id DESC LIMIT :limit
""")  # noqa: S608 - our own words


def list_callbacks_of(
    session: Session,
    outcomes: Sequence[Outcome] | None,
    *,
    since: timedelta | None,
    deadline: timedelta,
    limit: int,
    before: int = BIGGEST_ID,
) -> Page[CallbackLine]:
    """Callbacks of these outcomes; with None, those that count as failed, as a replay plan has it. The newest first."""
    parameters = {
        "outcomes": [outcome.value for outcome in outcomes or FAILED],
        "also_unread": outcomes is not None,
        "after": 0 if since is None else before_lately(session, "callbacks", since=since),
        "any_age": since is None,
        "since": since or timedelta(0),
        "deadline": deadline,
        "before": before,
        "limit": limit + 1,
    }
    rows = session.execute(OF_OUTCOMES, parameters).all()
    lines = tuple(callback_line(row) for row in rows)
    return Page(items=lines[:limit], next=lines[limit - 1].id if len(lines) > limit else None)
