"""Asking aside: a question that nothing is made of but a prediction. Keeps the spacing and touches nothing else of the row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.decisions import Books
from models.queries.ask import Question
from models.transaction import Kind, Status

BEGIN = text("""
    WITH locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET last_asked_at = clock_timestamp()
    FROM locked
    WHERE t.id = locked.id AND t.token IS NOT NULL
      AND (t.last_asked_at IS NULL OR t.last_asked_at <= clock_timestamp() - CAST(:spacing AS interval))
    RETURNING t.id, t.account, t.token, t.last_asked_at,
              t.silences = 0 AND t.created_at > clock_timestamp() - CAST(:young AS interval), t.kind
""")

OVER = text("""
    WITH over AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:over AS timestamptz[])) AS o(id, at)
    ), locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET last_asked_at = GREATEST(t.last_asked_at, over.at)
    FROM locked JOIN over ON over.id = locked.id WHERE t.id = locked.id
""")

GIVE_BACK = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:asked AS timestamptz[])) AS g(id, asked_at)
    ), locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET last_asked_at = NULL
    FROM locked JOIN given ON given.id = locked.id WHERE t.id = locked.id AND t.last_asked_at = given.asked_at
""")

BOOKS = text("""
    SELECT t.id, t.kind, t.status, t.amount, t.transaction_id, t.decided_asked_at, s.amount AS settled_amount
    FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id AND s.override_id IS NOT NULL
    WHERE t.id = ANY(CAST(:ids AS bigint[]))
""")


def begin_aside(session: Session, ids: Sequence[int], *, spacing: timedelta, young: timedelta) -> list[Question]:
    """Leave to ask about those of `ids` that have a token and were not asked about within `spacing`, in their order.

    Not counted, and the next check stays where it is: the answer will not be recorded. As ever, a refusal speaks for the
    gateway only up to the age of `young`.
    """
    rows = sorted(session.execute(BEGIN, {"ids": sorted(set(ids)), "spacing": spacing, "young": young}))
    return [
        Question(transaction_pk=pk, account=account, token=token, asked_at=at, is_trusted=trusted, kind=Kind(kind))
        for pk, account, token, at, trusted, kind in rows
    ]


def end_aside(session: Session, over_at: Mapping[int, datetime]) -> None:
    """These went out and were over at that time: the spacing counts from there."""
    if over_at:
        session.execute(OVER, {"ids": list(over_at), "over": list(over_at.values())})


def give_back_aside(session: Session, questions: Sequence[Question]) -> None:
    """These did not go out after all."""
    if questions:
        ids = [question.transaction_pk for question in questions]
        session.execute(GIVE_BACK, {"ids": ids, "asked": [question.asked_at for question in questions]})


def books_of(session: Session, ids: Sequence[int]) -> dict[int, Books]:
    """What the books hold about these, without a lock: nothing is going to move."""
    return {
        row.id: Books(
            status=Status(row.status),
            amount=row.amount,
            transaction_id=row.transaction_id,
            decided_asked_at=row.decided_asked_at,
            kind=Kind(row.kind),
            settled_amount=row.settled_amount,
        )
        for row in session.execute(BOOKS, {"ids": list(ids)})
    }
