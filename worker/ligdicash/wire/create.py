"""The creation of a payin: the request as the gateway takes it, and what its reply means.

Vendor pages "hosted-payin/create-invoice" and "reference/endpoints/payin-redirect-create", for the two other modes
"direct-payin/create-transaction" and "reference/endpoints/debit-wallet-with-otp": one body for all three. The quickstart
page shows items with a `price`; the real endpoint refuses them (`Undefined array key "unit_price"`), so items are written
as the reference has them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus

from models.answers import Created
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid, OutcomeUnknown, Unreadable
from models.order import CURRENCY, LONGEST_TOKEN, InvoiceOrder, Item
from models.payin import Hitch
from models.transaction import Mode
from worker.ligdicash.sub_codes import NextStep, create_refusal, sub_code_of
from worker.ligdicash.wire.decode import MAX_BODY, json_fields
from worker.ligdicash.wire.fields import MAX_TEXT, OUR_KEY, text, word

_PRINTABLE = re.compile(rf"[\x21-\x7e]{{1,{LONGEST_TOKEN}}}")
_ADDRESS = re.compile(r"https?://[\x21-\x7e]{1,2048}", re.IGNORECASE)


def write_create(order: InvoiceOrder, *, otp: str = "") -> dict[str, object]:
    """Write the body of a create. Raises `Invalid` if custom_data holds a second name with "id" in it.

    The gateway glues the values of all such entries together into the `external_id` it sends back, and two of them
    match nothing (vendor page "callback/payin-payload"). `customer` and `otp` stay empty on a hosted page, and `otp` where
    the operator asks on the phone; so does `external_id`, which the gateway writes itself.
    """
    return {
        "commande": {
            "invoice": {
                "items": [_item(item) for item in order.items],
                "total_amount": order.amount,
                "devise": CURRENCY,
                "description": order.description,
                "customer": order.payer.number if order.payer else "",
                "customer_firstname": order.customer_firstname,
                "customer_lastname": order.customer_lastname,
                "customer_email": order.customer_email,
                "external_id": "",
                "otp": otp,
            },
            "store": {"name": order.store_name, "website_url": order.store_url},
            "actions": {
                "cancel_url": order.cancel_url,
                "return_url": order.return_url,
                "callback_url": order.callback_url,
            },
            "custom_data": _custom_data(order),
        }
    }


def _item(item: Item) -> dict[str, object]:
    return {
        "name": item.name,
        "description": item.description,
        "quantity": item.quantity,
        "unit_price": item.unit_price,
        "total_price": item.total_price,
    }


def _custom_data(order: InvoiceOrder) -> dict[str, str]:
    for name in order.custom_data:
        if "id" in name.lower():
            raise Invalid(f'custom_data: the name {name!r} contains "id", which only {OUR_KEY} may')
    return {OUR_KEY: order.transaction_id, **order.custom_data}


def read_created(http_status: int, body: bytes, *, mode: Mode = Mode.HOSTED, otp: str = "") -> Created:
    """Read the reply to a create. Beyond a hosted page an address is there only where the customer has to open one.

    Raises `GatewayRefused` or `GatewayMisconfigured` for a documented no, and `OutcomeUnknown` for everything else: a
    reply we cannot read may follow an invoice that exists, and nothing at the gateway finds it again without its token.
    That holds for 429 too: no page says that a request beyond the limit is left undone. No error repeats the `otp`.
    """
    if http_status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise GatewayMisconfigured(
            f"LigdiCash answered HTTP {http_status}: it refuses our keys or our address. {NextStep.FIX_CONFIGURATION}"
        )
    fields = _reply(http_status, body)
    code, token, link = word(fields.get("response_code")), fields.get("token"), fields.get("response_text")
    if code == "00":
        return _created(token, link, mode=mode)
    if not code or token not in (None, ""):
        raise OutcomeUnknown(
            "LigdiCash's reply contradicts itself (a token without response_code 00, or no code at all): "
            "the invoice may exist."
        )
    raise refusal(fields, otp=otp)


def _reply(http_status: int, body: bytes) -> dict[str, object]:
    if http_status != HTTPStatus.OK:
        raise OutcomeUnknown(
            f"LigdiCash answered HTTP {http_status} instead of 200: the invoice may exist.{_hint(http_status)}"
        )
    if len(body) > MAX_BODY:
        raise OutcomeUnknown(f"LigdiCash's reply is longer than {MAX_BODY} bytes: the invoice may exist.")
    try:
        return json_fields(body)
    except Unreadable as exc:
        raise OutcomeUnknown("LigdiCash's reply is not a JSON object: the invoice may exist.") from exc


def _hint(http_status: int) -> str:
    """Redirects and missing pages come from a wrong address more often than from the gateway."""
    if HTTPStatus.MULTIPLE_CHOICES <= http_status < HTTPStatus.BAD_REQUEST or http_status == HTTPStatus.NOT_FOUND:
        return " Check LIGDICASH_BASE_URL."
    return ""


def _created(token: object, link: object, *, mode: Mode) -> Created:
    if not isinstance(token, str) or not _PRINTABLE.fullmatch(token):
        raise OutcomeUnknown(
            "LigdiCash accepted the invoice and sent no usable token: the invoice cannot be asked about."
        )
    if not isinstance(link, str) or not _ADDRESS.fullmatch(link):
        if mode is not Mode.HOSTED:  # "Votre requête est en cours de traitement"
            return Created(token=token, payment_url="")
        raise OutcomeUnknown("LigdiCash accepted the invoice and sent no payment address: nobody can pay it.")
    return Created(token=token, payment_url=link)


def refusal(fields: Mapping[str, object], *, otp: str = "") -> GatewayRefused | GatewayMisconfigured:
    """The error that these fields of a reply come to: they say no, with a sub-code of the table of creates."""
    said = _without(otp, text(fields.get("response_text"), limit=MAX_TEXT))
    details = _without(otp, text(fields.get("response_text_details"), limit=MAX_TEXT))
    row = create_refusal(sub_code_of(said))
    # The details name the cause where the number does not: Code04 is both a passing fault and a malformed item.
    advice = NextStep.FIX_REQUEST if details and row.next_step is NextStep.TRY_AGAIN else row.next_step
    kind = GatewayMisconfigured if row.next_step is NextStep.FIX_CONFIGURATION else GatewayRefused
    name = f"Code{row.code}" if row.code else "no sub-code"
    # Of an operator we do not know nobody could tell beforehand that it wants one.
    hitch = Hitch.OTP_NEEDED if row.hitch is Hitch.WRONG_OTP and not otp else row.hitch
    message = f"LigdiCash refused the invoice with {name}: {row.meaning}. {advice}"
    return kind(
        f"{message} Details: {details}" if details else message,
        code=hitch.value if hitch else "",
        sub_code=row.code,
        text=said,
        details=details,
        wiki=text(fields.get("wiki")),
    )


def _without(otp: str, said: str) -> str:
    """The one-time code is the payer's secret, and these words are stored and logged."""
    return said.replace(otp, "[hidden]") if otp else said
