"""How everything ended: one row per transaction, for whoever adds up the books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.account import DEFAULT
from models.check import Lane
from models.transaction import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Where one transaction stands, with everything that must agree about it."""

    transaction_id: str
    account: str = DEFAULT
    amount: int
    status: Status
    settlements: int
    settled_amount: int
    settled_at: datetime | None
    learned_by: Lane | None
    """Who asked the question whose answer decided; none while open, or when a person decided by hand."""
    proof: str
    """What the settlement's check says, `completed` or something that must never be; `override` for one by hand; empty
    without a settlement."""
    notices: int
    """How often the merchant is told, of the outcome that is told most often."""
    callbacks: int
    asked: int
    is_armed: bool
    """It has a time of its next check, or is parked with an open case, or is final."""
    open_cases: tuple[str, ...]


ENDINGS = text("""
    SELECT t.transaction_id, t.account, t.amount, t.status, t.asked,
           (SELECT count(*) FROM settlements s WHERE s.transaction_pk = t.id) AS settlements,
           COALESCE((SELECT sum(s.amount) FROM settlements s WHERE s.transaction_pk = t.id), 0) AS settled_amount,
           (SELECT max(s.settled_at) FROM settlements s WHERE s.transaction_pk = t.id) AS settled_at,
           (SELECT c.lane FROM checks c WHERE c.transaction_pk = t.id AND c.asked_at = t.decided_asked_at
            ORDER BY c.id LIMIT 1) AS learned_by,
           COALESCE((SELECT CASE WHEN s.override_id IS NOT NULL THEN 'override' ELSE c.said END
            FROM settlements s LEFT JOIN checks c ON c.id = s.check_id
            WHERE s.transaction_pk = t.id LIMIT 1), '') AS proof,
           (SELECT COALESCE(max(times), 0) FROM (
               SELECT count(*) AS times FROM notices n WHERE n.transaction_pk = t.id GROUP BY n.kind
           ) AS told) AS notices,
           (SELECT count(*) FROM callbacks b WHERE b.transaction_pk = t.id) AS callbacks,
           ARRAY(SELECT k.kind FROM cases k WHERE k.transaction_pk = t.id AND k.resolved_at IS NULL ORDER BY 1) AS cases,
           (t.status NOT IN ('created', 'pending') OR t.next_check_at IS NOT NULL OR (t.parked_at IS NOT NULL
            AND EXISTS (SELECT FROM cases k WHERE k.transaction_pk = t.id AND k.resolved_at IS NULL))) AS is_armed
    FROM transactions t WHERE t.transaction_id = ANY(CAST(:ids AS text[]))
    ORDER BY t.id
""")


def endings(session: Session, transaction_ids: Sequence[str]) -> list[Ending]:
    """One row per transaction of these that the books know."""
    rows = session.execute(ENDINGS, {"ids": list(transaction_ids)})
    return [
        Ending(
            transaction_id=row.transaction_id,
            account=row.account,
            amount=row.amount,
            status=Status(row.status),
            settlements=row.settlements,
            settled_amount=int(row.settled_amount),
            settled_at=row.settled_at,
            learned_by=Lane(row.learned_by) if row.learned_by else None,
            proof=row.proof,
            notices=row.notices,
            callbacks=row.callbacks,
            asked=row.asked,
            is_armed=row.is_armed,
            open_cases=tuple(row.cases),
        )
        for row in rows
    ]


def count_callbacks(session: Session, *, after: int = 0) -> dict[str, int]:
    """Stored callbacks past this id, by outcome."""
    rows = session.execute(
        text("SELECT outcome, count(*) FROM callbacks WHERE id > :after GROUP BY outcome"), {"after": after}
    )
    return {outcome: number for outcome, number in rows}  # noqa: C416 - rows are not plain tuples


# The table's own two times are microseconds apart; whoever drains the spool gives the first one.
SPOOLED = text("""
    SELECT count(*) FROM callbacks WHERE id > :after AND stored_at > received_at + interval '100 milliseconds'
""")


def count_spooled(session: Session, *, after: int = 0) -> int:
    """Stored callbacks past this id that came into the table later than they knocked."""
    return int(session.scalar(SPOOLED, {"after": after}) or 0)


def last_callback(session: Session) -> int:
    """The newest callback's id; 0 when there is none."""
    return int(session.scalar(text("SELECT COALESCE(max(id), 0) FROM callbacks")) or 0)
