"""The wire of money that goes out: two ways to send it, and two addresses to ask about it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.errors import NotFound
from worker.ligdicash.simulator import kits, payout_replies, replies
from worker.ligdicash.simulator.books import Counter
from worker.ligdicash.simulator.fates import within
from worker.ligdicash.simulator.gatekeeper import credentials_trouble, project_of, question_refused
from worker.ligdicash.simulator.gateway import Gateway
from worker.ligdicash.simulator.manners import PayoutRoute
from worker.ligdicash.simulator.options import Profile
from worker.ligdicash.simulator.orders import RefusedOrder, as_text
from worker.ligdicash.simulator.payment import Order
from worker.ligdicash.simulator.spoil import NOES, as_json, before_acting, spoilt

PAYOUTS = {PayoutRoute.WALLET: "/pay/v01/withdrawal/create", PayoutRoute.STRAIGHT: "/pay/v01/straight/payout"}
QUESTIONS = {"withdrawalToken": "/pay/v01/withdrawal/confirm", "payoutToken": "/pay/v01/straight/payout/confirm"}
"""By the name of the parameter. The second one is the kits' own; no page has it."""

SMALLEST = {PayoutRoute.WALLET: 100, PayoutRoute.STRAIGHT: 20}
LARGEST = 1_000_000
"""Francs: a merchant's copy of the wiki page, and the message of the kits."""

AMOUNT, DATA, BALANCE, EXISTS, OPERATOR = "amount", "data", "balance", "exists", "operator"
SUB_CODES = {
    PayoutRoute.WALLET: {AMOUNT: "05", DATA: "09", BALANCE: "04", EXISTS: "07"},
    PayoutRoute.STRAIGHT: {AMOUNT: "02", DATA: "09", BALANCE: "08", OPERATOR: "05"},
}
"""The same trouble has another number on each route, and nothing on the straight one says that an id was used before."""


def routes(gateway: Gateway) -> list[Route]:
    """All of it, with and without the slash at the end."""
    wire = _PayoutWire(gateway)
    return [
        *(
            Route(f"{path}{slash}", partial(wire.send, route=route), methods=["POST"])
            for route, path in PAYOUTS.items()
            for slash in ("", "/")
        ),
        *(
            Route(f"{path}{slash}", partial(wire.confirm, parameter=parameter), methods=["GET"])
            for parameter, path in QUESTIONS.items()
            for slash in ("", "/")
        ),
    ]


class _PayoutWire:
    """Whatever is business is HTTP 200, refusals included."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._options = gateway.options
        self._dice = random.Random(gateway.options.seed)  # noqa: S311 - latency, not a secret

    async def send(self, request: Request, *, route: PayoutRoute) -> Response:
        """Vendor pages `reference/endpoints/withdrawal-create` and `straight-payout`."""
        wiki, codes = payout_replies.WIKI[route], SUB_CODES[route]
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=wiki, details=trouble))
        try:
            order = _read(await request.body(), route, self._options.profile)
        except RefusedOrder as refusal:
            self._gateway.books.count(Counter.CREATES_REFUSED)
            return as_json(replies.refused(refusal.sub_code, wiki=wiki, details=refusal.details))
        self._gateway.payouts_received[order.transaction_id] += 1
        fault = self._gateway.faults.on_create(order.transaction_id)
        if (early := before_acting(request, fault, wiki=wiki, code=codes[BALANCE])) is not None:
            self._gateway.payouts_refused[order.transaction_id] += fault.kind in NOES
            return early
        if OPERATOR in codes and not self._gateway.phones.operator_of(order.customer):
            self._gateway.payouts_refused[order.transaction_id] += 1
            return as_json(replies.refused(codes[OPERATOR], wiki=wiki))
        # From here to the acceptance nothing waits: two requests at once are one after the other.
        if EXISTS in codes and self._is_known(order.transaction_id):
            return as_json(replies.refused(codes[EXISTS], wiki=wiki))
        payment = self._gateway.accept(order, project=project_of(request), payout=route)
        await asyncio.sleep(within(self._options.create_latency, self._dice))
        reply = kits.fit_creation(payout_replies.accepted(payment, route=route), self._options.profile)
        return await spoilt(request, fault, reply, wiki=wiki)

    def _is_known(self, transaction_id: str) -> bool:
        try:
            return self._gateway.books.get(transaction_id).payout is not None
        except NotFound:
            return False

    async def confirm(self, request: Request, *, parameter: str) -> Response:
        """Vendor page `reference/endpoints/withdrawal-confirm`, for payouts of both ways."""
        wiki = payout_replies.WIKI[PayoutRoute.STRAIGHT]
        moment = time.time()
        if (trouble := credentials_trouble(self._gateway, request)) is not None:
            return as_json(replies.refused("00", wiki=wiki, details=trouble))
        asked = self._gateway.books.ask(request.query_params.get(parameter, ""), moment=moment)
        await asyncio.sleep(within(self._options.confirm_latency, self._dice))
        fault = self._gateway.faults.on_confirm(asked.payment.key if asked else "")
        if (early := before_acting(request, fault, wiki=wiki, code="03")) is not None:
            return early
        if asked is None or asked.payment.payout is None:
            return as_json(replies.refused("02", wiki=wiki))
        if (refusal := question_refused(self._gateway, asked, request, moment=moment, wiki=wiki)) is not None:
            return refusal
        # Looked up again: it may have been decided while this reply was under way.
        payment = self._gateway.books.by_token(asked.payment.token) or asked.payment
        reply = kits.fit_answer(payout_replies.answer(payment, moment=time.time()), payment, self._options.profile)
        return await spoilt(request, fault, reply, wiki=wiki)


def _read(body: bytes, route: PayoutRoute, profile: Profile) -> Order:
    """The order in a payout's body. Raises `RefusedOrder`."""
    codes = SUB_CODES[route]
    try:
        wanted = json.loads(body)["commande"]
        amount, customer, url = wanted["amount"], wanted["customer"], wanted.get("callback_url", "")
        custom_data = wanted.get("custom_data") or {}
        names = {key: as_text(value) for key, value in custom_data.items()}
        if not (isinstance(customer, str) and customer.isascii() and customer.isdigit() and isinstance(url, str)):
            raise RefusedOrder(sub_code=codes[DATA], details="customer must be a number of digits only")
        stays = wanted.get("top_up_wallet", kits.stays_in_wallet(wanted, profile))
        if route is PayoutRoute.WALLET and stays not in {0, 1}:
            raise RefusedOrder(sub_code=codes[DATA], details="top_up_wallet must be 0 or 1")
        if not isinstance(amount, int) or not SMALLEST[route] <= amount <= LARGEST:
            raise RefusedOrder(sub_code=codes[AMOUNT])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as exc:
        raise RefusedOrder(sub_code=codes[DATA], details="the body is not that of a payout") from exc
    return Order(
        amount=amount,
        description=str(wanted.get("description") or ""),
        customer=customer,
        external_id=str(wanted.get("external_id") or ""),
        callback_url=url,
        custom_data=names,
    )
