"""What the merchant's application sends to /v1/invoices: LigdiCash's own create body, read into an order of ours.

Unknown fields are ignored, as the gateway does. Field names and samples: vendor pages `hosted-payin/create-invoice` and
`getting-started/quickstart`, whose items have a `price` that the real endpoint does not know.
"""

from __future__ import annotations

import math
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from models.account import DEFAULT
from models.order import CURRENCY, LONGEST_TOKEN
from models.phone import LONGEST_WRITTEN
from models.transaction import Mode

MAX_TEXT = 1000
MAX_URL = 2048
MAX_ITEMS = 200
MAX_ENTRIES = 50


def _empty_if_null(value: object) -> object:
    return "" if value is None else value


def _default_if_none(value: object) -> object:
    return DEFAULT if value in (None, "") else value


def _none_if_null(value: object) -> object:
    return [] if value is None else value


def _absent_if_null(value: object) -> object:
    return {} if value is None else value


def _storable(value: str) -> str:
    if any(not (c.isprintable() or c in "\n\r\t") for c in value):
        message = "must not hold control characters"
        raise ValueError(message)
    return value


def _address(value: str) -> str:
    if not value:
        return value
    try:
        parts = urlsplit(value)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole or not value.isprintable() or " " in value:
        message = "must be a whole http:// or https:// address"
        raise ValueError(message)
    return value


def _only_xof(value: str) -> str:
    if value.upper() not in (CURRENCY, ""):
        message = f"must be {CURRENCY}, the only currency the gateway takes, not {value[:20]!r}"
        raise ValueError(message)
    return CURRENCY


def _hosted_if_null(value: object) -> object:
    return Mode.HOSTED.value if value in (None, "") else value


def _operator(value: str) -> str:
    if value and not (value.isascii() and value.isdecimal()):
        message = 'must be the id of an operator, digits in quotes, as "11"'
        raise ValueError(message)
    return value


def _visible(value: str) -> str:
    if any(not "\x21" <= c <= "\x7e" for c in value):
        message = "must be visible ASCII characters without spaces"
        raise ValueError(message)
    return value


def _entries(value: object) -> object:
    """Every value as text, the way the gateway gives them back (vendor page `callback/parse-custom-data`)."""
    if value is None or value == []:  # PHP writes an empty object as []
        return {}
    if not isinstance(value, dict):
        return value
    if len(value) > MAX_ENTRIES:
        message = f"must not have over {MAX_ENTRIES} entries"
        raise ValueError(message)
    return {str(name): _entry(str(name), inner) for name, inner in value.items()}


def _entry(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        message = f"{name[:50]!r} must be a number that exists"
        raise ValueError(message)
    if value is None or isinstance(value, str | int | float):
        return _storable("" if value is None else str(value))
    message = f"{name[:50]!r} must be text, a number or true/false, not a list or an object"
    raise ValueError(message)


LONGEST_OTP = 40
"""Characters that are read; how many of them a code may have, `invoice_order` says."""

Text = Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_empty_if_null), AfterValidator(_storable)]
Address = Annotated[str, Field(max_length=MAX_URL), BeforeValidator(_empty_if_null), AfterValidator(_address)]
AccountName = Annotated[str, Field(max_length=MAX_TEXT), BeforeValidator(_default_if_none), AfterValidator(_storable)]
MAX_FRANCS = 10**12
"""Far over what any rule allows; only keeps numbers of thousands of digits out of the sentences."""

Francs = Annotated[int, Field(description="Whole francs (XOF).", le=MAX_FRANCS, ge=-MAX_FRANCS)]


class _Part(BaseModel):
    """Strict: a number in quotes or with a decimal point is not an amount."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class ItemBody(_Part):
    """One line. Give `unit_price`, or `price` as the quickstart does; `total_price` is worked out when absent."""

    name: Text = Field(min_length=1)
    description: Text = ""
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    unit_price: Francs | None = None
    price: Francs | None = Field(None, description="The quickstart's name for `unit_price`.")
    total_price: Francs | None = None


class InvoicePart(_Part):
    """What is to be paid."""

    total_amount: Francs = Field(description="Whole francs (XOF), from 9 to 2,000,000.")
    items: Annotated[list[ItemBody], BeforeValidator(_none_if_null), Field(max_length=MAX_ITEMS)] = Field(
        default=[], description="May be empty; else their totals must add up to `total_amount`."
    )
    devise: Annotated[str, BeforeValidator(_empty_if_null), AfterValidator(_only_xof)] = CURRENCY
    description: Text = ""
    customer: Annotated[str, Field(max_length=LONGEST_WRITTEN), BeforeValidator(_empty_if_null)] = Field(
        "", repr=False, description="The customer's phone number with its country code. Always empty on a hosted page."
    )
    customer_firstname: Text = ""
    customer_lastname: Text = ""
    customer_email: Text = ""
    external_id: Text = Field("", description="Leave it empty; the gateway writes its own.")
    otp: Annotated[str, Field(max_length=LONGEST_OTP), BeforeValidator(_empty_if_null)] = Field(
        "",
        repr=False,
        description="The customer's one-time code, where the operator wants one. Kept nowhere. Always empty on a hosted page.",
    )


class StorePart(_Part):
    """The shop, as the payment page shows it; ours from the settings when empty."""

    name: Text = ""
    website_url: Address = ""


class ActionsPart(_Part):
    """Where the customer goes afterwards. A `callback_url` is taken and replaced: callbacks come to this server."""

    return_url: Address = ""
    cancel_url: Address = ""
    callback_url: Address = Field("", description="Replaced by this server's own, the setting CALLBACK_URL.")


class OrderPart(_Part):
    """LigdiCash's root object."""

    invoice: InvoicePart
    store: Annotated[StorePart, BeforeValidator(_absent_if_null)] = StorePart()
    actions: Annotated[ActionsPart, BeforeValidator(_absent_if_null)] = ActionsPart()
    custom_data: Annotated[dict[str, str], BeforeValidator(_entries)] = Field(
        default={},
        description="Entries that come back with the callback. `transaction_id` is your reference: 1 to 255 visible "
        "characters, made up here when absent. No other name may contain `id`.",
    )


class OtpBody(_Part):
    """Whose wallet is to be debited, and how much: the code is good for that sum alone."""

    customer: Annotated[str, Field(min_length=1, max_length=LONGEST_WRITTEN)] = Field(
        repr=False, description="The phone number of the wallet, with its country code."
    )
    amount: Francs = Field(
        description="Whole francs (XOF), from 9 to 2,000,000: the `total_amount` of the order to come."
    )
    account: AccountName = Field(
        DEFAULT, description="Which of your LigdiCash projects the order will belong to, by the name set up here."
    )


class InvoiceBody(_Part):
    """LigdiCash's create body. With a `token`, an invoice created elsewhere is registered instead of created."""

    commande: OrderPart
    account: AccountName = Field(
        DEFAULT, description="Which of your LigdiCash projects it belongs to, by the name set up here."
    )
    mode: Annotated[Mode, BeforeValidator(_hosted_if_null)] = Field(
        Mode.HOSTED,
        description="`hosted`: the customer pays on LigdiCash's page. `direct`: by mobile money, without a page; give the "
        "number in `customer`. `wallet`: from a LigdiCash wallet; give the number and, in `otp`, the code that "
        "POST /v1/wallet-otps had sent.",
    )
    operator_id: Annotated[str, Field(max_length=10), BeforeValidator(_empty_if_null), AfterValidator(_operator)] = (
        Field(
            "",
            description="Of a direct payin: the operator whose number it is, as the customer says. May be left out where the "
            "project has one operator in the number's country.",
        )
    )
    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN), AfterValidator(_visible)] | None = Field(
        None, description="The token of an invoice created elsewhere. Secret: it is never given back."
    )
    payment_url: Address = Field("", description="The payment page of that invoice; only together with `token`.")
