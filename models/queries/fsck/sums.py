"""What settled each day, added up three ways: by settlements, by completed transactions, and by what justifies each.

Money that came in and money that went out are added up apart: an error in one must not make up for one in the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queries.fsck.rule import Violation
from models.queries.fsck.slices import Slice


@dataclass(frozen=True, slots=True)
class Day:
    """One UTC day of one account, and one direction."""

    account: str
    date: date
    is_out: bool
    """Whether it is about money that went out."""


@dataclass(slots=True)
class Difference:
    """By how many francs two sums are off against the settlements of one day."""

    transactions: int = 0
    answers: int = 0


# The day is the settlement's; without one, that of the outcome. Both are written in one step, some milliseconds apart,
# and midnight must not fall between them.
DIFFERENCES = text("""
    WITH t AS (
        SELECT id, kind, account, amount, final_at, status = 'completed' AS is_completed FROM transactions
        WHERE id > :after AND id <= :upto AND (:every OR id = ANY(CAST(:ids AS bigint[])))
    ), s AS (
        SELECT transaction_pk, min(check_id) AS check_id, min(override_id) AS override_id,
               min(account) AS account, min(settled_at) AS settled_at, sum(amount) AS amount
        FROM settlements
        WHERE transaction_pk > :after AND transaction_pk <= :upto
          AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
        GROUP BY transaction_pk
    ), k AS (
        SELECT id, transaction_pk, amount FROM checks
        WHERE transaction_pk > :after AND transaction_pk <= :upto AND said = 'completed'
          AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
    ), o AS (
        SELECT id, transaction_pk, amount FROM overrides
        WHERE transaction_pk > :after AND transaction_pk <= :upto AND new_status = 'completed'
          AND (:every OR transaction_pk = ANY(CAST(:ids AS bigint[])))
    ), grounds AS (
        -- A person may have received another sum than the transaction is over: then what they signed for is the measure.
        SELECT COALESCE(s.account, t.account) AS account, COALESCE(s.settled_at, t.final_at) AS moment,
               CASE WHEN is_completed THEN COALESCE(o.amount, t.amount) END AS due, s.amount AS settled,
               COALESCE(k.amount, CASE WHEN t.kind = 'payout' AND k.id IS NOT NULL THEN t.amount END, o.amount) AS justified,
               COALESCE(t.kind = 'payout', FALSE) AS is_out
        FROM t FULL JOIN s ON s.transaction_pk = t.id
        LEFT JOIN k ON k.id = s.check_id AND k.transaction_pk = s.transaction_pk
        LEFT JOIN o ON o.id = s.override_id AND o.transaction_pk = s.transaction_pk
        WHERE s.transaction_pk IS NOT NULL OR is_completed
    )
    SELECT account, CAST(moment AT TIME ZONE 'UTC' AS date) AS day, is_out,
           CAST(COALESCE(sum(due), 0) - COALESCE(sum(settled), 0) AS bigint) AS transactions,
           CAST(COALESCE(sum(justified), 0) - COALESCE(sum(settled), 0) AS bigint) AS answers
    FROM grounds
    GROUP BY 1, 2, 3
    HAVING COALESCE(sum(due), 0) <> COALESCE(sum(settled), 0) OR COALESCE(sum(justified), 0) <> COALESCE(sum(settled), 0)
""")


class Sums:
    """Adds up slice by slice; keeps only the days that differ, which in sound books are none."""

    def __init__(self) -> None:
        self._days: dict[Day, Difference] = {}

    def add(self, session: Session, rows: Slice) -> None:
        """Add one slice."""
        for account, day, is_out, transactions, answers in session.execute(DIFFERENCES, rows.parameters):
            found = self._days.setdefault(Day(account, day, is_out), Difference())
            found.transactions += transactions
            found.answers += answers

    def violations(self) -> Iterator[Violation]:
        """One for each day, account and direction whose three sums are not one."""
        for day, off in sorted(
            self._days.items(), key=lambda item: (item[0].account, str(item[0].date), item[0].is_out)
        ):
            yield Violation(
                rule="sums",
                subject=f"account {day.account} on {day.date}{', money out' if day.is_out else ''}",
                detail=f"against the settlements, completed transactions come to {off.transactions:+d} XOF"
                f" and their answers or overrides to {off.answers:+d} XOF",
                advice="the other lines about this day say which transactions; settle none of it by hand before",
            )
