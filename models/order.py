"""What a merchant asks for: an invoice to be created at the gateway."""

from __future__ import annotations

from dataclasses import dataclass, field

PAYIN_MIN = 9
PAYIN_MAX = 2_000_000
"""Francs. The vendor's sub-code page for create (Code02) says 9 to 2,000,000; see docs/gateway.md for other figures."""

CURRENCY = "XOF"


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
    """One hosted payin, ready to be sent. `amount` is whole francs; `transaction_id` is ours and comes back in custom_data.

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
