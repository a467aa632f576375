"""The wire: the three creates, a wallet's code and payin confirm as documented, the payment page, and the control API."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.ligdicash.simulator import control, kits, list_page, page, payout_wire, replies
from worker.ligdicash.simulator.books import Counter
from worker.ligdicash.simulator.fates import within
from worker.ligdicash.simulator.gatekeeper import credentials_trouble, project_of, question_refused
from worker.ligdicash.simulator.gateway import Gateway
from worker.ligdicash.simulator.orders import RefusedOrder, read_order
from worker.ligdicash.simulator.payment import Order, Payment
from worker.ligdicash.simulator.phones import Channel, Way
from worker.ligdicash.simulator.spoil import as_json, before_acting, spoilt

CREATES = {
    Channel.REDIRECT: "/pay/v01/redirect/checkout-invoice/create",
    Channel.STRAIGHT: "/pay/v01/straight/checkout-invoice/create",
    Channel.WALLET: "/pay/v02/debitwallet/withotp",
}
OTP = "/pay/v02/debitotp/{number}/{amount}"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm"

LONGEST_NUMBER = 15
"""Digits, of a phone number as of an amount (ITU-T E.164)."""


def create_app(gateway: Gateway) -> ASGIApp:
    """Everything this simulator serves. The gateway's threads live as long as the application does."""
    wire = Wire(gateway)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        gateway.start()
        try:
            yield
        finally:
            gateway.stop()

    routes = [
        *(
            Route(f"{path}{slash}", partial(wire.create, channel=channel), methods=["POST"])
            for channel, path in CREATES.items()
            for slash in ("", "/")
        ),
        Route(OTP, wire.send_otp, methods=["GET"]),
        *(Route(f"{CONFIRM}{slash}", wire.confirm, methods=["GET"]) for slash in ("", "/")),
        *payout_wire.routes(gateway),
        *page.routes(gateway),
        *list_page.routes(gateway),
        *control.routes(gateway),
    ]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.redirect_slashes = False  # the gateway answers both forms itself; nothing else redirects
    return _Marked(app)


class _Marked:
    """Puts the simulator's header on every response, so that a client can refuse to believe it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-ligdicash-simulator", b"1")]
            await send(message)

        await self._app(scope, receive, marked)


class Wire:
    """The calls a merchant's server makes. Whatever is business is HTTP 200, refusals included."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._options = gateway.options
        self._dice = random.Random(gateway.options.seed)  # noqa: S311 - latency, not a secret

    async def create(self, request: Request, *, channel: Channel) -> Response:
        """Vendor pages `reference/endpoints/payin-redirect-create`, `payin-straight-create`, `debit-wallet-with-otp`."""
        wiki = replies.CREATE_WIKI
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=wiki, details=trouble))
        try:
            order, otp = read_order(await request.body())
            _check_customer(order, channel)
        except RefusedOrder as refusal:
            self._gateway.books.count(Counter.CREATES_REFUSED)
            return as_json(replies.refused(refusal.sub_code, wiki=wiki, details=refusal.details))
        fault = self._gateway.faults.on_create(order.transaction_id)
        if (early := before_acting(request, fault, wiki=wiki, code="04")) is not None:
            return early
        if (no := self._payers_refusal(order, otp, channel=channel)) is not None:
            return as_json(no)
        payment = self._gateway.accept(order, project=project_of(request), channel=channel)
        await asyncio.sleep(within(self._options.create_latency, self._dice))
        url = self._payment_url(request, payment) if self._has_a_page(payment) else ""
        reply = kits.fit_creation(replies.created(payment, payment_url=url), self._options.profile)
        return await spoilt(request, fault, reply, wiki=wiki)

    def _payers_refusal(self, order: Order, otp: str, *, channel: Channel) -> replies.Json | None:
        """What the payer's phone, code or balance has against it; None when it may begin."""
        books, wiki = self._gateway.books, replies.CREATE_WIKI
        if channel is Channel.REDIRECT:
            return None
        books.count(Counter.STRAIGHT_CREATES if channel is Channel.STRAIGHT else Counter.WALLET_CREATES)
        if channel is Channel.WALLET and not otp:  # a merchant's captured reply
            return replies.refused("08", wiki=wiki, details="You must specify password or otp")
        code = self._gateway.phones.refusal(order.customer, amount=order.amount, otp=otp, channel=channel)
        if not code:
            return None
        books.count(Counter.PAYERS_REFUSED)
        return replies.refused(code, wiki=wiki)

    def _has_a_page(self, payment: Payment) -> bool:
        """Whether the payer is sent to a page. That of an operator is played by the gateway's own."""
        if payment.channel is not Channel.STRAIGHT:
            return payment.channel is Channel.REDIRECT
        return self._gateway.phones.way_of(payment.order.customer) is Way.PAGE

    async def send_otp(self, request: Request) -> Response:
        """Vendor page `reference/endpoints/debit-otp`."""
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=replies.CREATE_WIKI, details=trouble))
        fault = self._gateway.faults.on_otp()
        if (early := before_acting(request, fault, wiki=replies.CREATE_WIKI, code="04")) is not None:
            return early
        return await spoilt(request, fault, self._otp_reply(request), wiki=replies.CREATE_WIKI)

    def _otp_reply(self, request: Request) -> replies.Json:
        """No page shows a refusal; these words are invented."""
        books, phones = self._gateway.books, self._gateway.phones
        number, amount = request.path_params["number"], request.path_params["amount"]
        if not (_is_number(number) and _is_number(amount)) or not phones.get(number).has_wallet:
            books.count(Counter.OTPS_REFUSED)
            return replies.otp_not_sent("Customer not found")
        phones.give_code(number, amount=int(amount), channel=Channel.WALLET)
        books.count(Counter.OTPS_SENT)
        return replies.otp_sent()

    async def confirm(self, request: Request) -> Response:
        """Vendor page `reference/endpoints/payin-redirect-confirm`."""
        wiki = replies.CONFIRM_WIKI
        moment = time.time()
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=wiki, details=trouble))
        asked = self._gateway.books.ask(self._asked_token(request), moment=moment)
        await asyncio.sleep(within(self._options.confirm_latency, self._dice))
        fault = self._gateway.faults.on_confirm(asked.payment.key if asked else "")
        if (early := before_acting(request, fault, wiki=wiki, code="03")) is not None:
            return early
        if asked is None or asked.payment.payout:
            return as_json(replies.refused("02", wiki=wiki))
        if (refusal := question_refused(self._gateway, asked, request, moment=moment, wiki=wiki)) is not None:
            return refusal
        # Looked up again: the payer may have decided while this reply was under way.
        payment = self._gateway.books.by_token(asked.payment.token) or asked.payment
        reply = kits.fit_answer(replies.answer(payment, moment=time.time()), payment, self._options.profile)
        return await spoilt(request, fault, reply, wiki=wiki)

    def _asked_token(self, request: Request) -> str:
        """Vendor pages disagree about the name: `invoiceToken` or `token`."""
        token = request.query_params.get("invoiceToken", "")
        return token or ("" if self._options.strict_token_param else request.query_params.get("token", ""))

    def _payment_url(self, request: Request, payment: Payment) -> str:
        base = self._options.public_url or str(request.base_url)
        return f"{base.rstrip('/')}{page.PATH}/{payment.token}"


def _check_customer(order: Order, channel: Channel) -> None:
    if channel is not Channel.REDIRECT and not _is_number(order.customer):
        raise RefusedOrder(sub_code="08", details="customer must be a phone number, digits only")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
