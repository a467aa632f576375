"""What the merchant's application sends to /v1/payouts: LigdiCash's own body with the route beside it, read into an order.

Unknown fields are ignored, as the gateway does. Field names: vendor pages `reference/endpoints/withdrawal-create` and
`reference/endpoints/straight-payout`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.account import DEFAULT
from models.errors import Invalid
from models.payout import PayoutOrder, check_payout
from models.phone import LONGEST_WRITTEN
from models.transaction import Route
from worker.web.invoice_body import AccountName, Address, Francs, Text
from worker.web.invoice_order import read_number, refused_body


class _Part(BaseModel):
    """Strict: a number in quotes or with a decimal point is not an amount."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class PayoutDataPart(_Part):
    """The entries. Nothing but your reference is kept: the gateway sends none of them back."""

    transaction_id: Text = Field(
        description="Your reference, 1 to 255 visible characters. Needed: it is what keeps a request that is sent again "
        "from paying twice."
    )


class PayoutPart(_Part):
    """LigdiCash's root object."""

    amount: Francs = Field(description="Whole francs (XOF), from 20 to 1,000,000.")
    customer: Annotated[str, Field(min_length=1, max_length=LONGEST_WRITTEN)] = Field(
        description="Who gets the money: a phone number with its country code, as 22670000000 or +226 70 00 00 00."
    )
    description: Text = ""
    top_up_wallet: Annotated[int, Field(ge=0, le=1)] | None = Field(
        None,
        description="On the route `wallet`, and only there: 1, the money stays in the wallet; 0, it goes on to mobile "
        "money. No default: LigdiCash's own libraries disagree about it.",
    )
    custom_data: PayoutDataPart
    external_id: Text = Field("", description="Leave it empty, or give your reference again.")
    callback_url: Address = Field("", description="Replaced by this server's own, the setting CALLBACK_URL.")


class PayoutBody(_Part):
    """LigdiCash's payout body, and which of its two ways the money goes."""

    route: Route = Field(
        description="`wallet`: to the customer's wallet at LigdiCash (its `withdrawal/create`). `mobile_money`: straight "
        "to mobile money (its `straight/payout`)."
    )
    account: AccountName = Field(
        DEFAULT, description="Which of your LigdiCash projects the money goes out of, by the name set up here."
    )
    commande: PayoutPart


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPayout:
    """What a request asks for: this order, sent from this account."""

    order: PayoutOrder
    account: str


def read_payout(raw: bytes, *, operators_of: Callable[[str], Collection[str]]) -> WantedPayout:
    """Raises `Unreadable` for what is no JSON, and `Invalid` naming the field and the rule for anything else wrong.

    `operators_of` an account are those its project has; it may raise `Invalid` for one that nobody set up.
    """
    try:
        body = PayoutBody.model_validate_json(raw)
    except ValidationError as exc:
        raise refused_body(exc) from None  # holds values
    wanted = body.commande
    ours = wanted.custom_data.transaction_id
    if wanted.external_id not in ("", ours):
        raise Invalid("commande.external_id: must be empty, or the same as custom_data.transaction_id")
    order = PayoutOrder(
        transaction_id=ours,
        amount=wanted.amount,
        route=body.route,
        customer=read_number(wanted.customer, field="commande.customer"),
        stays_in_wallet=None if wanted.top_up_wallet is None else wanted.top_up_wallet == 1,
        description=wanted.description,
    )
    check_payout(order, operators=operators_of(body.account))
    return WantedPayout(order=order, account=body.account)
