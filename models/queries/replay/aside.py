"""Asking aside: a question that nothing is made of but a prediction. Keeps the spacing and touches nothing else of the row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.decisions import Books
from models.queries.ask import Question
from models.transaction import Status, Transaction

BEGIN = text("""
    WITH locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET last_asked_at = clock_timestamp()
    FROM locked
    WHERE t.id = locked.id AND t.token IS NOT NULL
      AND (t.last_asked_at IS NULL OR t.last_asked_at <= clock_timestamp() - CAST(:spacing AS interval))
    RETURNING t.id, t.token, t.last_asked_at
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


def begin_aside(session: Session, ids: Sequence[int], *, spacing: timedelta) -> list[Question]:
    """Leave to ask about those of `ids` that have a token and were not asked about within `spacing`.

    Not counted, and the next check stays where it is: the answer will not be recorded.
    """
    rows = session.execute(BEGIN, {"ids": sorted(set(ids)), "spacing": spacing})
    return [Question(transaction_pk=pk, token=token, asked_at=at) for pk, token, at in rows]


def give_back_aside(session: Session, questions: Sequence[Question]) -> None:
    """These did not go out after all."""
    if questions:
        ids = [question.transaction_pk for question in questions]
        session.execute(GIVE_BACK, {"ids": ids, "asked": [question.asked_at for question in questions]})


def books_of(session: Session, ids: Sequence[int]) -> dict[int, Books]:
    """What the books hold about these, without a lock: nothing is going to move."""
    columns = (
        Transaction.id,
        Transaction.status,
        Transaction.amount,
        Transaction.transaction_id,
        Transaction.decided_asked_at,
    )
    return {
        pk: Books(status=Status(status), amount=amount, transaction_id=ours, decided_asked_at=decided)
        for pk, status, amount, ours, decided in session.execute(select(*columns).where(Transaction.id.in_(ids)))
    }
