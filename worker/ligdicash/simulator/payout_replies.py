"""What the gateway writes about payouts: replies, answers that name no amount, and callbacks in a shape of their own."""

from __future__ import annotations

from worker.ligdicash.simulator.manners import PayoutRoute, Status
from worker.ligdicash.simulator.payment import OPERATORS, Payment
from worker.ligdicash.simulator.replies import Json, envelope, outcome

WIKI = {
    PayoutRoute.WALLET: "https://client.ligdicash.com/wiki/createWithdrawal",
    PayoutRoute.STRAIGHT: "https://client.ligdicash.com/wiki/createStraightWithdrawal",
}

FOREIGN_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.of-the-callback"  # noqa: S105 - asks about nothing
"""What callbacks carry as `token`: a JWT that is not to be trusted (vendor page `callback/payout-payload`)."""


def accepted(payment: Payment, *, route: PayoutRoute) -> Json:
    """The payout was taken; `custom_data` is a list on one route and a text on the other (vendor pages of both)."""
    reply = envelope(code="00", token=payment.token, text="", wiki=WIKI[route])
    return reply if route is PayoutRoute.WALLET else reply | {"custom_data": ""}


def answer(payment: Payment, *, moment: float) -> Json:
    """The reply to `withdrawal/confirm`: no amount, no reference (vendor page `reference/endpoints/withdrawal-confirm`).

    Those that a test decided on are named, as the official kits expect them.
    """
    status = payment.told_at(moment)
    code, text, word = outcome(status, payment.failed_as)
    reply = envelope(code=code, token=payment.token, text=text, wiki=WIKI[PayoutRoute.STRAIGHT])
    reply |= {"status": word, **_operator(payment, is_decided=status is not Status.PENDING)}
    if payment.confirm_amount is not None:
        reply |= {"amount": payment.confirm_amount, "montant": payment.confirm_amount}
    if payment.confirm_reference is not None:
        reply |= {"transaction_id": payment.confirm_reference, "external_id": payment.confirm_reference}
    return reply


def announcement(payment: Payment, *, event: Status) -> Json:
    """The content of a callback (vendor page `callback/payout-payload`): amounts as text, the operator's id as a number."""
    code, text, word = outcome(event, payment.failed_as)
    order = payment.order
    amount = order.amount if payment.callback_amount is None else payment.callback_amount
    operator = _operator(payment, is_decided=event is not Status.PENDING)
    known = str(operator["operator_id"])
    return {
        "response_code": code,
        "token": FOREIGN_TOKEN,
        "response_text": text,
        "status": word,
        "custom_data": [],
        **operator,
        "operator_id": int(known) if known else "",
        "url": order.callback_url,
        "url_method": "",
        "transaction_id": order.transaction_id,
        "external_id": order.transaction_id,
        "montant": str(amount),
        "amount": str(amount),
    }


def _operator(payment: Payment, *, is_decided: bool) -> Json:
    """Its name has LigdiCash before it where a wallet was paid to."""
    if not is_decided:
        return {"operator_id": "", "operator_name": ""}
    name = OPERATORS.get(payment.operator_id, "")
    if payment.payout is PayoutRoute.WALLET:
        name = f"LigdiCash {name}".strip()
    return {"operator_id": payment.operator_id, "operator_name": name}
