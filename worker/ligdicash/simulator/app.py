"""The wire: hosted create and payin confirm as documented, the payment page, and the control API, as one ASGI application."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.ligdicash.simulator import control, page, payout_wire, replies
from worker.ligdicash.simulator.books import Counter
from worker.ligdicash.simulator.fates import within
from worker.ligdicash.simulator.gatekeeper import credentials_trouble, question_refused
from worker.ligdicash.simulator.gateway import Gateway
from worker.ligdicash.simulator.orders import RefusedOrder, read_order
from worker.ligdicash.simulator.payment import Payment
from worker.ligdicash.simulator.spoil import as_json, before_acting, spoilt

CREATE = "/pay/v01/redirect/checkout-invoice/create"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm"


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
        *(Route(f"{CREATE}{slash}", wire.create, methods=["POST"]) for slash in ("", "/")),
        *(Route(f"{CONFIRM}{slash}", wire.confirm, methods=["GET"]) for slash in ("", "/")),
        *payout_wire.routes(gateway),
        *page.routes(gateway),
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
    """The two calls a merchant's server makes. Whatever is business is HTTP 200, refusals included."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._options = gateway.options
        self._dice = random.Random(gateway.options.seed)  # noqa: S311 - latency, not a secret

    async def create(self, request: Request) -> Response:
        """Vendor page `reference/endpoints/payin-redirect-create`."""
        wiki = replies.CREATE_WIKI
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=wiki, details=trouble))
        try:
            order = read_order(await request.body())
        except RefusedOrder as refusal:
            self._gateway.books.count(Counter.CREATES_REFUSED)
            return as_json(replies.refused(refusal.sub_code, wiki=wiki, details=refusal.details))
        fault = self._gateway.faults.on_create(order.transaction_id)
        if (early := before_acting(request, fault, wiki=wiki, code="04")) is not None:
            return early
        payment = self._gateway.accept(order)
        await asyncio.sleep(within(self._options.create_latency, self._dice))
        reply = replies.created(payment, payment_url=self._payment_url(request, payment))
        return await spoilt(request, fault, reply, wiki=wiki)

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
        if (refusal := question_refused(self._gateway, asked, moment=moment, wiki=wiki)) is not None:
            return refusal
        # Looked up again: the payer may have decided while this reply was under way.
        payment = self._gateway.books.by_token(asked.payment.token) or asked.payment
        return await spoilt(request, fault, replies.answer(payment, moment=time.time()), wiki=wiki)

    def _asked_token(self, request: Request) -> str:
        """Vendor pages disagree about the name: `invoiceToken` or `token`."""
        token = request.query_params.get("invoiceToken", "")
        return token or ("" if self._options.strict_token_param else request.query_params.get("token", ""))

    def _payment_url(self, request: Request, payment: Payment) -> str:
        base = self._options.public_url or str(request.base_url)
        return f"{base.rstrip('/')}{page.PATH}/{payment.token}"
