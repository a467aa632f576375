"""From the bytes of a request to an order that keeps the rules, or to one sentence per fault."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from models.account import DEFAULT
from models.errors import Invalid, Unreadable
from models.order import InvoiceOrder, Item, check_order
from models.payin import Payer, clean_otp
from models.phone import gateway_form
from models.transaction import Mode
from worker.web.errors import Faults
from worker.web.invoice_body import InvoiceBody, ItemBody

OUR_KEY = "transaction_id"

B = TypeVar("B", bound=BaseModel)

NOT_HOSTED = {
    "commande.invoice.customer": "must be empty: customers give their number on the payment page, and a number here would "
    "hide operators",
    "commande.invoice.otp": "must be empty: the payment page asks the customer for it",
    "operator_id": "must be empty: the customer chooses the operator on the payment page",
}
"""What a hosted payin may not have."""

SENTENCES = {
    "missing": "is missing",
    "int_type": "must be a whole number, without quotes and without a decimal point",
    "int_from_float": "must be a whole number, without quotes and without a decimal point",
    "string_type": "must be text in quotes",
    "enum": "must be one of {expected}",
    "model_type": "must be an object, {{...}}",
    "model_attributes_type": "must be an object, {{...}}",
    "dict_type": "must be an object, {{...}}",
    "list_type": "must be a list, [...]",
    "too_long": "must not have over {max_length} entries",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "less_than_equal": "must be at most {le:,}",
    "greater_than_equal": "must be at least {ge:,}",
}
"""Our words for pydantic's kinds of fault, with its figures; any other kind keeps its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a request asks for: to create `order`, or with a `token` to register it. Token and code stay out of the repr."""

    order: InvoiceOrder
    account: str = DEFAULT
    token: str = ""
    payment_url: str = ""
    otp: str = ""

    def __repr__(self) -> str:
        return f"Wanted(order={self.order!r}, register={bool(self.token)})"


def read_wanted(raw: bytes) -> Wanted:
    """Raises `Unreadable` for what is no JSON, and `Invalid` naming the field and the rule for anything else wrong."""
    body = parse(InvoiceBody, raw)
    payer, otp = _payer(body), _otp(body)
    if body.token and payer:
        raise Invalid("mode: is not taken together with a token; an invoice created elsewhere is registered without it")
    if body.token:
        return Wanted(order=_elsewhere(body), account=body.account, token=body.token, payment_url=body.payment_url)
    if body.payment_url:
        raise Invalid("payment_url: is only taken together with the token of an invoice created elsewhere")
    order = _order(body, payer)
    check_order(order)
    return Wanted(order=order, account=body.account, otp=otp)


def parse(shape: type[B], raw: bytes) -> B:
    """Raises `Unreadable` for what is no JSON, and `Faults` with a line for each field at fault."""
    try:
        return shape.model_validate_json(raw)
    except ValidationError as exc:
        raise refused_body(exc) from None  # holds values


def refused_body(exc: ValidationError) -> Unreadable | Faults:
    """What is wrong with a body, in our words: it is no JSON, or one line for each field at fault."""
    details = exc.errors(include_url=False, include_input=False)
    if details[0]["type"] == "json_invalid":
        return Unreadable(f"the body is not JSON: {details[0]['ctx']['error']}")
    return Faults([f"{_path(detail['loc'])}: {_sentence(detail)}" for detail in details])


def _path(loc: Sequence[int | str]) -> str:
    steps = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return steps.removeprefix(".") or "the body"


def _sentence(detail: Mapping[str, Any]) -> str:
    figures = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(figures["error"])
    if ours := SENTENCES.get(detail["type"]):
        return ours.format(**figures)
    message = str(detail["msg"])
    return message[:1].lower() + message[1:]


def _payer(body: InvoiceBody) -> Payer | None:
    """Who pays, from which number; None where the payment page asks for it."""
    invoice = body.commande.invoice
    if body.mode is Mode.HOSTED:
        given = dict(zip(NOT_HOSTED, (invoice.customer, invoice.otp, body.operator_id), strict=True))
        if faults := [f"{field}: {NOT_HOSTED[field]}" for field, value in given.items() if value]:
            raise Faults(faults)
        return None
    if body.mode is Mode.WALLET and body.operator_id:
        raise Invalid("operator_id: must be empty: a wallet is debited by LigdiCash itself")
    return Payer(mode=body.mode, number=read_number(invoice.customer), operator_id=body.operator_id)


def read_number(written: str, *, field: str = "commande.invoice.customer") -> str:
    """A phone number in the gateway's form. Raises `Invalid`, whose sentence names the field and the rule."""
    try:
        return gateway_form(written)
    except Invalid as exc:
        raise Invalid(f"{field}: {exc}") from None


def _otp(body: InvoiceBody) -> str:
    try:
        return clean_otp(body.commande.invoice.otp)
    except Invalid as exc:
        raise Invalid(f"commande.invoice.otp: {exc}") from None


def _order(body: InvoiceBody, payer: Payer | None) -> InvoiceOrder:
    wanted = body.commande
    others = dict(wanted.custom_data)
    transaction_id = others.pop(OUR_KEY, "") or secrets.token_hex(16)
    if wanted.invoice.external_id not in ("", transaction_id):
        raise Invalid("commande.invoice.external_id: must be empty; your reference is custom_data.transaction_id")
    return InvoiceOrder(
        transaction_id=transaction_id,
        amount=wanted.invoice.total_amount,
        description=wanted.invoice.description,
        items=tuple(_item(item, place) for place, item in enumerate(wanted.invoice.items)),
        customer_firstname=wanted.invoice.customer_firstname,
        customer_lastname=wanted.invoice.customer_lastname,
        customer_email=wanted.invoice.customer_email,
        store_name=wanted.store.name,
        store_url=wanted.store.website_url,
        return_url=wanted.actions.return_url,
        cancel_url=wanted.actions.cancel_url,
        custom_data=others,
        payer=payer,
    )


def _elsewhere(body: InvoiceBody) -> InvoiceOrder:
    """As much of an order as registering takes: what else was sent is between the merchant and the gateway."""
    wanted = body.commande
    transaction_id = wanted.custom_data.get(OUR_KEY, "")
    if not transaction_id:
        raise Invalid("commande.custom_data.transaction_id: is needed with a token, because callbacks name it")
    invoice = wanted.invoice
    order = InvoiceOrder(transaction_id=transaction_id, amount=invoice.total_amount, description=invoice.description)
    check_order(order)
    return order


def _item(item: ItemBody, place: int) -> Item:
    field = f"commande.invoice.items[{place}]"
    unit_price = item.price if item.unit_price is None else item.unit_price
    if unit_price is None:
        raise Invalid(f"{field}.unit_price: is missing")
    if item.price not in (None, unit_price):
        raise Invalid(f"{field}.price: differs from unit_price; give one of them")
    total = item.quantity * unit_price if item.total_price is None else item.total_price
    return Item(
        name=item.name, quantity=item.quantity, unit_price=unit_price, total_price=total, description=item.description
    )
