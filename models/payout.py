"""What a merchant asks for when money is to go out: a payout, to a LigdiCash wallet or straight to mobile money."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from models.errors import Invalid
from models.operators import served_by
from models.order import CURRENCY, check_transaction_id
from models.phone import gateway_form
from models.transaction import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The least and the most of one payout, in whole francs, and who says so."""

    minimum: int
    maximum: int
    source: str


LIMITS: Mapping[Route, tuple[Limit, ...]] = MappingProxyType(
    {
        Route.WALLET: (
            Limit(minimum=100, maximum=1_000_000, source="a merchant's copy of the wiki page createWithdrawal, Code05"),
            Limit(minimum=20, maximum=1_000_000, source="the message of the official kits for Code05"),
        ),
        Route.MOBILE_MONEY: (
            Limit(minimum=20, maximum=1_000_000, source="the message of the official kits for Code02"),
        ),
    }
)
"""What the sources say. They disagree, so only what all of them rule out is refused here; the gateway says no to the rest.

Operators have least amounts of their own for payins (`models.operators`). No page we saw gives one for payouts, so none is
held against them.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutOrder:
    """One payout, as it is kept and sent. `amount` is whole francs; `customer` is in the gateway's form (`models.phone`).

    Our `transaction_id` travels twice, in `external_id` and in `custom_data`: no page says for certain which of the two
    comes back.
    """

    transaction_id: str
    amount: int
    route: Route
    customer: str
    stays_in_wallet: bool | None = None
    """On the wallet route: whether the money stays there, or goes on to mobile money. None on the other route."""
    description: str = ""
    callback_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The gateway took a payout. `token` is a secret, and the only key to what became of it."""

    token: str = field(repr=False)


def limits_of(route: Route) -> tuple[int, int]:
    """The least and the most francs that some source allows on this route."""
    return min(limit.minimum for limit in LIMITS[route]), max(limit.maximum for limit in LIMITS[route])


def check_payout(order: PayoutOrder, *, operators: Collection[str] = ()) -> None:
    """Raise `Invalid`, with one sentence that names the field and the rule, at the first rule this order breaks.

    `operators` are those the project has, by the gateway's id; empty when it is not known. Does not know which ids are
    taken, what is on the accounts, or whether the customer has a wallet.
    """
    check_transaction_id(order.transaction_id)
    check_payout_amount(order.amount, order.route)
    if gateway_form(order.customer) != order.customer:
        raise Invalid("customer must be country code and number, digits only, as in 22670000000")
    if (order.stays_in_wallet is None) is (order.route is Route.WALLET):
        raise Invalid(
            "top_up_wallet must be 1 (the money stays in the wallet) or 0 (it goes on to mobile money) on the route wallet,"
            " and left out on the route mobile_money"
        )
    check_reach(order.customer, order.route, operators=operators)


def check_payout_amount(amount: int, route: Route) -> None:
    """Raise `Invalid` for whole francs that no source allows on this route."""
    least, most = limits_of(route)
    if not least <= amount <= most:
        raise Invalid(f"amount must be from {least:,} to {most:,} {CURRENCY}, not {amount:,}")


def check_reach(customer: str, route: Route, *, operators: Collection[str]) -> None:
    """Raise `Invalid` for a number, in the gateway's form, that certainly none of the project's operators serves."""
    if route is Route.MOBILE_MONEY and served_by(customer, operators) == ():
        raise Invalid(
            "customer must have a number of a country in which an operator of the project works (LIGDICASH_OPERATORS, or operators of"
            " its account)"
        )
