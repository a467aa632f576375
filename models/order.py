"""What a merchant asks for: an invoice to be created at the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.errors import Invalid
from models.payin import Payer
from models.transaction import Mode

PAYIN_MIN = 9
PAYIN_MAX = 2_000_000
"""Francs. The vendor's sub-code page for create (Code02) says 9 to 2,000,000; see docs/gateway.md for other figures."""

CURRENCY = "XOF"

LONGEST_ID = 255
"""Characters a transaction_id may have."""

LONGEST_TOKEN = 2048
"""Characters a creation token may have; the gateway's have about 200. An index entry could not hold 2700."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of an invoice. Prices are whole francs. The gateway checks no arithmetic, so we do: see `InvoiceOrder`."""

    name: str
    quantity: int
    unit_price: int
    total_price: int
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceOrder:
    """One payin, ready to be sent. `amount` is whole francs; `transaction_id` is ours and comes back in custom_data.

    Without a `payer` it is paid on the gateway's page. A one-time code is no part of it: a payer who tries another code
    tries the same order.

    `custom_data` holds the merchant's other entries, text to text, and none whose name contains "id": the gateway glues
    the values of all such entries together into `external_id` (vendor page "callback/payin-payload").
    """

    transaction_id: str
    amount: int
    description: str = ""
    items: tuple[Item, ...] = ()
    customer_firstname: str = ""
    customer_lastname: str = ""
    customer_email: str = ""
    store_name: str = ""
    store_url: str = ""
    return_url: str = ""
    cancel_url: str = ""
    callback_url: str = ""
    custom_data: dict[str, str] = field(default_factory=dict)
    payer: Payer | None = None

    @property
    def mode(self) -> Mode:
        """Where it is paid."""
        return Mode.HOSTED if self.payer is None else self.payer.mode


def check_order(order: InvoiceOrder) -> None:
    """Raise `Invalid`, with one sentence that names the field and the rule, at the first rule this order breaks.

    For the rules that hold at every door. Does not know which ids are taken, nor what the gateway makes of a text.
    """
    check_transaction_id(order.transaction_id)
    check_amount(order.amount)
    for number, item in enumerate(order.items, start=1):
        _check_item(item, number=number)
    if order.items and (total := sum(item.total_price for item in order.items)) != order.amount:
        raise Invalid(f"the items add up to {total:,} {CURRENCY}, and the amount is {order.amount:,}")
    for name in order.custom_data:
        if "id" in name.lower():
            raise Invalid(
                f"custom_data may not have an entry {name!r}: the gateway glues the values of all entries whose name "
                "contains 'id' onto our transaction_id"
            )


def check_amount(amount: int) -> None:
    """Raise `Invalid` for whole francs that the gateway takes from nobody; operators have limits of their own besides."""
    if not PAYIN_MIN <= amount <= PAYIN_MAX:
        raise Invalid(f"amount must be from {PAYIN_MIN:,} to {PAYIN_MAX:,} {CURRENCY}, not {amount:,}")


def check_transaction_id(value: str) -> None:
    """Raise `Invalid` for what cannot be the id of a transaction."""
    if not 1 <= len(value) <= LONGEST_ID:
        raise Invalid(f"transaction_id must have 1 to {LONGEST_ID} characters, not {len(value)}")
    if not value.isprintable() or value != value.strip():
        raise Invalid("transaction_id must be visible characters, with no space at either end")


def _check_item(item: Item, *, number: int) -> None:
    if not item.name.strip():
        raise Invalid(f"item {number} has no name")
    if item.quantity < 1:
        raise Invalid(f"item {number} ({item.name}): quantity must be at least 1, not {item.quantity:,}")
    if item.unit_price < 0:
        raise Invalid(f"item {number} ({item.name}): unit_price must not be negative, not {item.unit_price:,}")
    if item.total_price != item.quantity * item.unit_price:
        raise Invalid(
            f"item {number} ({item.name}): total_price must be quantity times unit_price, "
            f"{item.quantity * item.unit_price:,}, not {item.total_price:,}"
        )
