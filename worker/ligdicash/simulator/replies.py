"""What the gateway writes: the replies to create and confirm, and the content of a callback, as JSON values."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from worker.ligdicash.simulator.manners import CustomData, FailedAs, Status
from worker.ligdicash.simulator.payment import Payment

Json = dict[str, object]

CREATE_WIKI = "https://client.ligdicash.com/wiki/createInvoice"
CONFIRM_WIKI = "https://client.ligdicash.com/wiki/confirmInvoice"


UNDER_WAY = "Votre requête est en cours de traitement"


def created(payment: Payment, *, payment_url: str = "") -> Json:
    """The invoice exists: the token, and in `response_text` the address to open, or that the operator is at work."""
    return envelope(code="00", token=payment.token, text=payment_url or UNDER_WAY, wiki=CREATE_WIKI)


def otp_sent() -> Json:
    """The reply to `debitotp`, in an envelope of its own (vendor page `reference/endpoints/debit-otp`)."""
    return {"error": False, "message": "OTP sent. Please check your phone."}


def otp_not_sent(message: str) -> Json:
    """The same, with a no."""
    return {"error": True, "message": message}


def refused(sub_code: str, *, wiki: str, details: str = "") -> Json:
    """A no, carried by HTTP 200: the sub-code is in `response_text`. `details` is undocumented, and real."""
    reply = envelope(code="01", token="", text=f"Echec (Code{sub_code})", wiki=wiki)
    return reply | {"response_text_details": details} if details else reply


def empty_acceptance(*, wiki: str) -> Json:
    """A 00 that says nothing: neither token nor status."""
    return envelope(code="00", token="", text="", wiki=wiki)


def answer(payment: Payment, *, moment: float) -> Json:
    """The reply to confirm, in its full documented shape (vendor page `payin-redirect-confirm`)."""
    if payment.confirm_reference is not None:
        renamed = payment.order.custom_data | {"transaction_id": payment.confirm_reference}
        payment = replace(payment, order=replace(payment.order, custom_data=renamed))
    return _statement(payment, status=payment.told_at(moment), amount=payment.confirm_amount)


def announcement(payment: Payment, *, event: Status) -> Json:
    """The content of a callback (vendor page `callback/payin-payload`): the keys of the reply to confirm, `token` empty."""
    return _statement(payment, status=event, amount=payment.callback_amount)


def _statement(payment: Payment, *, status: Status, amount: int | None) -> Json:
    order = payment.order
    told = order.amount if amount is None else amount
    decided = status is not Status.PENDING
    code, text, word = outcome(status, payment.failed_as)
    moment = payment.decided_at if decided and payment.decided_at is not None else payment.created_at
    phone = payment.phone if decided else ""
    operator_id, operator_name = payment.told_operator if decided else ("", "")
    return {
        "response_code": code,
        "status": word,
        "token": "",
        "response_text": text,
        "description": "",
        "operator_id": operator_id,
        "operator_name": operator_name,
        "customer": phone if decided else None,
        "montant": told,
        "amount": told,
        "date": f"{_at(moment + payment.clock_ahead):%Y-%m-%d %H:%M:%S}+00",
        "external_id": order.external_id_out,
        "oreference": "",
        "request_id": payment.request_id,
        custom_data_name(payment): custom_data(payment),
        "customer_details": {
            "firstname": order.firstname,
            "lastname": order.lastname,
            "email": order.email,
            "phone": phone,
            "details": "",
        },
        "wiki": CONFIRM_WIKI,
    }


def custom_data_name(payment: Payment) -> str:
    """Under which name the merchant's entries come back."""
    return "customdata" if payment.manners.custom_data is CustomData.OLD_NAME else "custom_data"


def custom_data(payment: Payment) -> object:
    """The merchant's entries and the two the gateway adds, in the shape the payment's manners ask for."""
    pairs = custom_data_pairs(payment)
    match payment.manners.custom_data:
        case CustomData.ENTRIES:
            added = f"{_at(payment.created_at + payment.clock_ahead):%Y-%m-%d %H:%M:%S.%f}"
            return [_entry(key, value) | {"datecreation_customdata": added} for key, value in pairs.items()]
        case CustomData.OLD_ENTRIES:
            return [{"id_invoice": payment.request_id[1:-4]} | _entry(key, value) for key, value in pairs.items()]
        case CustomData.OBJECT | CustomData.OLD_NAME:
            return pairs
        case CustomData.EMPTY_LIST:
            return []
        case CustomData.EMPTY_TEXT:
            return ""


def custom_data_pairs(payment: Payment) -> dict[str, str]:
    """Names and values of all entries that go out."""
    return payment.order.custom_data | {"hash": payment.hash, "logfile": payment.logfile}


def dumps(value: object) -> bytes:
    """JSON as the gateway's PHP writes it: no blanks, everything beyond ASCII escaped, and slashes too."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def _entry(key: str, value: str) -> dict[str, str]:
    return {"keyof_customdata": key, "valueof_customdata": value}


def envelope(*, code: str, token: str, text: str, wiki: str) -> Json:
    """What every reply to a creation has (vendor page `reference/introduction`)."""
    return {
        "response_code": code,
        "token": token,
        "response_text": text,
        "description": "",
        "custom_data": [],
        "wiki": wiki,
    }


def outcome(status: Status, failed_as: FailedAs) -> tuple[str, str, str]:
    """response_code, response_text and the word for the status, as an answer tells them."""
    if status is not Status.NOTCOMPLETED:
        return "00", "", status.value
    if failed_as is FailedAs.CODE_01:
        return "01", "Echec (Code03)", status.value
    return "00", "", "nocompleted" if failed_as is FailedAs.NOCOMPLETED else status.value


def _at(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
