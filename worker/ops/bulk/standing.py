"""Hold the orders of a file against the books: what is new, what went out before, what is another order under the same id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from models.queries.payouts import Known, known_orders
from models.session import transaction
from models.transaction import Kind, Status
from tasks.payouts import order_digest
from tasks.toolbox import Toolbox
from worker.ops.bulk.sheet import Row, Sheet

LOOKED_UP = 1000
"""Ids of one look into the books."""


class Standing(StrEnum):
    """Where an order of a file stands in the books."""

    NEW = "new"
    AGAIN = "again"
    """It is there, and certainly did not go out: it is sent."""
    HELD = "held"
    """It is new, or did not go out, and is above the ceiling: it is stored, and waits for approval."""
    CLOSED = "closed"
    """It was refused, and is not taken up again: a person rejected it, or it may have gone out after all."""
    SKIPPED = "skipped"
    """It is there, and went out: it is not sent again."""
    AWAITING = "awaiting"
    """It waits for approval: a person sends it."""
    QUEUED = "queued"
    """It waits for sending to go on, and is sent by itself then."""
    UNKNOWN = "unknown"
    """It was sent, and nobody knows what became of it: it is not sent again."""

    @property
    def is_to_send(self) -> bool:
        """Whether it is sent by this run."""
        return self in (Standing.NEW, Standing.AGAIN)

    @property
    def is_to_try(self) -> bool:
        """Whether it has its turn in this run, be it to be stored alone, or to be told why not."""
        return self.is_to_send or self in (Standing.HELD, Standing.CLOSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One order of the file, and where it stands."""

    row: Row
    standing: Standing


def stand(tools: Toolbox, sheet: Sheet, *, account: str) -> list[Line]:
    """All orders as they stand, to go out of this account; one whose id the books have for something else is a fault."""
    lines: list[Line] = []
    for start in range(0, len(sheet.rows), LOOKED_UP):
        batch = sheet.rows[start : start + LOOKED_UP]
        with transaction(tools.sessions) as step:
            known = known_orders(step.session, [row.order.transaction_id for row in batch])
        for row in batch:
            there = known.get(row.order.transaction_id)
            if wrong := _other(row, there, account):
                sheet.blame(row.line, "transaction_id", wrong)
            else:
                is_above = 0 < tools.approval_above < row.order.amount
                lines.append(Line(row=row, standing=_standing(there, is_above=is_above)))
    return lines


def _other(row: Row, there: Known | None, account: str) -> str:
    if there is None:
        return ""
    if there.kind is not Kind.PAYOUT:
        return "is in the books as an invoice"
    if there.account != account:
        return f"is in the books under the account {there.account}"
    return "" if there.digest == order_digest(row.order) else "is in the books with another order"


def _standing(there: Known | None, *, is_above: bool) -> Standing:
    if there is None:
        return Standing.HELD if is_above else Standing.NEW
    if there.is_awaiting:
        return Standing.AWAITING
    if there.is_queued:
        return Standing.QUEUED
    if there.is_closed:
        return Standing.CLOSED
    return _after_a_try(there, is_above=is_above)


def _after_a_try(there: Known, *, is_above: bool) -> Standing:
    if there.status is Status.CREATED and there.is_sent:
        return Standing.UNKNOWN
    if there.status not in (Status.CREATED, Status.REFUSED):
        return Standing.SKIPPED
    return Standing.HELD if is_above and not there.is_approved else Standing.AGAIN
