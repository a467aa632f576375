"""An id of the merchant's that is in the books already: the same order, which is taken up again, or another one."""

from __future__ import annotations

from datetime import UTC
from typing import TypeVar

from models.errors import Conflict
from models.transaction import Status, Transaction

Order = TypeVar("Order", bound=Transaction)


def same_order(there: Order | None, *, transaction_id: str, account: str, digest: bytes) -> Order:
    """What is in the books under this id, `there`, when it is of this account and has these contents.

    None is an id that the other kind has taken. Raises `Conflict` when it is another order, or one of which only the id is left.
    """
    if there is not None and there.account != account:
        raise Conflict(
            f"transaction_id {transaction_id!r} is taken by an order of the account {there.account!r}; "
            "use a new transaction_id"
        )
    if there is None or there.order_digest != digest:
        raise Conflict(
            f"transaction_id {transaction_id!r} is taken by an order with other contents; "
            "send the first order again unchanged, or use a new transaction_id"
        )
    if there.status == Status.REFUSED and there.erased_at is not None:
        raise Conflict(
            f"transaction_id {transaction_id!r} was refused, and erased on {there.erased_at.astimezone(UTC):%Y-%m-%d}:"
            " it is not taken up again; use a new transaction_id"
        )
    return there
