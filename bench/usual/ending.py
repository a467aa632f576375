"""Reads its books the way a chaos run reads ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bench.usual.books import Books
from models.check import Lane
from models.errors import StoreAway
from models.queries.ledger import Ending
from models.transaction import Status

ENDINGS = text("""
    SELECT i.transaction_id, i.amount, i.status, count(p.paid_at) AS payments, COALESCE(sum(p.amount), 0) AS paid,
           max(p.paid_at) AS paid_at
    FROM usual_invoices i LEFT JOIN usual_payments p ON p.transaction_id = i.transaction_id
    WHERE i.transaction_id = ANY(:ids) GROUP BY i.transaction_id
""")


@dataclass(frozen=True, slots=True)
class UsualBooks:
    """It stores no callback, keeps no evidence, tells nobody and looks nothing up by the clock: those figures are 0."""

    books: Books

    def endings(self, transaction_ids: Sequence[str]) -> Sequence[Ending]:
        """Where these invoices stand. Raises `StoreAway`."""
        try:
            with self.books.engine.begin() as connection:
                rows = connection.execute(ENDINGS, {"ids": list(transaction_ids)}).all()
        except SQLAlchemyError as exc:
            raise StoreAway("the database is away") from exc
        return [
            Ending(
                transaction_id=row.transaction_id,
                amount=row.amount,
                status=Status.PENDING if row.status == "mismatch" else Status(row.status),
                settlements=row.payments,
                settled_amount=int(row.paid),
                settled_at=row.paid_at,
                learned_by=Lane.CALLBACK if row.status in (Status.COMPLETED, Status.NOTCOMPLETED) else None,
                proof="",
                notices=0,
                callbacks=0,
                asked=0,
                is_armed=row.status != Status.PENDING,
                open_cases=(),
            )
            for row in rows
        ]

    def callbacks(self) -> Mapping[str, int]:
        """None is stored."""
        return {}

    def spooled(self) -> int:
        """It has no spool."""
        return 0

    def violations(self) -> Sequence[str]:
        """Nobody audits it."""
        return ()
