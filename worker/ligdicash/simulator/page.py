"""The payment page: a person opens it, looks at what is asked, and pays, declines or walks away."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from models.errors import Conflict
from worker.ligdicash.simulator import markup
from worker.ligdicash.simulator.gateway import SOMEBODY, Decision, Gateway
from worker.ligdicash.simulator.manners import Status
from worker.ligdicash.simulator.markup import Filled
from worker.ligdicash.simulator.payment import OPERATORS, Payment

PATH = "/pay/invoice"

HEADERS = {
    # The real page refuses to be framed (vendor page `resources/production-checklist`); a merchant must find out here.
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "Cache-Control": "no-store",
}

PHONE_DIGITS = range(8, 16)
"""How many digits a number with its country code may have (ITU-T E.164: 15 at most)."""

WRONG_NUMBER = (
    "Choisissez un opérateur et donnez un numéro avec l'indicatif du pays, en chiffres seulement.",
    "Choose an operator and give a number with its country code, digits only.",
)


def routes(gateway: Gateway) -> list[Route]:
    """The page and what its buttons do."""
    page = _Page(gateway)
    return [
        Route(f"{PATH}/{{token}}", page.show, methods=["GET"]),
        Route(f"{PATH}/{{token}}", page.act, methods=["POST"]),
    ]


class _Page:
    """One method per verb."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def show(self, request: Request) -> Response:
        payment = self._gateway.books.by_token(request.path_params["token"])
        if payment is None:
            return _html(markup.not_found(), status=404)
        if payment.status is Status.PENDING:
            return _html(markup.ask_payer(payment, filled=Filled(phone=payment.order.customer or SOMEBODY)))
        return _html(markup.show_result(payment, back=payment.order.return_url))

    async def act(self, request: Request) -> Response:
        payment = self._gateway.books.by_token(request.path_params["token"])
        if payment is None:
            return _html(markup.not_found(), status=404)
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        match form.get("action"):
            case "pay":
                return self._decide(payment, form, status=Status.COMPLETED)
            case "fail":
                return self._decide(payment, form, status=Status.NOTCOMPLETED)
            case "cancel":
                # Nothing is documented to happen: the invoice stays open, and may be paid later.
                return _leave(payment, to=payment.order.cancel_url)
            case _:
                return _ask_again(payment, form, wrong=("Action inconnue.", "Unknown action."))

    def _decide(self, payment: Payment, form: dict[str, str], *, status: Status) -> Response:
        phone = form.get("phone", "").strip()
        operator_id = form.get("operator_id", "")
        if operator_id not in OPERATORS or not _is_phone(phone):
            return _ask_again(payment, form, wrong=WRONG_NUMBER)
        try:
            decided = self._gateway.pay(
                payment.token, Decision(status=status, operator_id=operator_id, phone=phone, manners=payment.manners)
            )
        except Conflict:  # pressed twice, or in two tabs
            decided = self._gateway.books.by_token(payment.token) or payment
        return _leave(decided, to=decided.order.return_url if decided.status is Status.COMPLETED else "")


def _ask_again(payment: Payment, form: dict[str, str], *, wrong: tuple[str, str]) -> Response:
    filled = Filled(phone=form.get("phone", "").strip(), operator_id=form.get("operator_id", ""), wrong=wrong)
    return _html(markup.ask_payer(payment, filled=filled), status=422)


def _is_phone(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) in PHONE_DIGITS


def _leave(payment: Payment, *, to: str) -> Response:
    """On to the merchant where it named a place; a plain redirect that proves nothing, as at the gateway."""
    if to:
        return RedirectResponse(to, status_code=303, headers=HEADERS)
    return _html(markup.show_result(payment, back=payment.order.return_url))


def _html(text: str, *, status: int = 200) -> Response:
    return HTMLResponse(text, status_code=status, headers=HEADERS)
