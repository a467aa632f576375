"""The control API: what a test or a demo may know and decide, under `/_sim`. JSON, no credentials, never for the internet.

GET  /_sim/books                               totals, and every transaction in short, in the order of creation
GET  /_sim/transactions?after=0&limit=100      the same transactions in full, page by page; `next` is the next `after`
GET  /_sim/transactions/{id}                   one of them; `id` is the merchant's transaction_id or the gateway's P number
POST /_sim/transactions/{id}/decide            {"status": "completed" | "notcompleted" | "pending",
                                                "operator_id": "11", "phone": "22670000000",
                                                "callbacks": {"twins": "json-form" | "form-json" | "json-only" |
                                                                       "form-only" | "none",
                                                              "form_shape": "json-text" | "flattened" | "indexed",
                                                              "custom_data": "entries" | "old-entries" | "object" | "old-name" |
                                                                             "empty-list" | "empty-text",
                                                              "delay": 0, "gap": 0.1, "copies": 1,
                                                              "pending": "none" | "first" | "last"},
                                                "confirm_amount": null, "callback_amount": null,
                                                "confirm_reference": null, "confirm_after": 0,
                                                "callback_status": null: tell that, whatever confirm says,
                                                "failed_as": "00" | "01" | "nocompleted"}
GET  /_sim/faults, /_sim/transactions/{id}/faults
PUT  the same                                  {"confirm": {"kind": "slow", "share": 0.2, "seconds": 5}, "create": {...}}
                                               kinds: none, slow, http500, http429, html, reset, refuse01, no_status,
                                               garbage, auth, reply_lost; what is left out stays as it is. A transaction
                                               may be given faults before it exists.
GET  /_sim/clock, /_sim/post                   {"offset": 0}; {"waiting": 0}, callbacks not sent or not answered yet
PUT  /_sim/clock                               {"offset": 3600}: the gateway's clock is that many seconds ahead, or behind
                                               when negative; it dates what the wire carries and decides which token is expired
GET  /_sim/phones/{number}                     {"operator_id": "11", "balance": null, "operator_is_down": false,
                                                "has_wallet": true, "otp_life": 300, "sms": "123456"}: `sms` is the code
                                               of the last message about a wallet
PUT  the same                                  any of it but `sms`; what is left out stays as it is
POST /_sim/phones/{number}/dial                {"amount": 4200} -> {"otp": "123456"}: what the payer sees who dials
POST /_sim/forge                               {"url": "http://...", "transaction_id": "...", "status": "completed",
                                                "amount": 100, "encoding": "json" | "form" | "both"}

POST /_sim/withdraw                            {"credential": "sim-..."}: a key or token that is refused from now on

GET  /_sim/payouts                             {"received": {"OUT-1": 2}, "refused": {"OUT-1": 1}, "accepted": {"OUT-1": 1},
                                                "paid": {"OUT-1": 1}}: by the merchant's id, how many payouts came in, were
                                               told that they are certainly not taken, became one, were paid out

Payouts are transactions like the others here; faults of `create` strike them too.
Only `status` is needed to decide, `url` and `transaction_id` to forge; `callbacks` changes the transaction's manners for
what it names. All times are unix seconds by the real clock, all amounts whole francs. A body must be sent as application/json: a web page
that a developer happens to open cannot send that here without asking, and so cannot make the simulator knock anywhere.
"""

from __future__ import annotations

import json
from collections import Counter as Tally
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.errors import Invalid, NotFound
from worker.ligdicash.simulator.books import Counter
from worker.ligdicash.simulator.gateway import ClockSetting, Decision, Forgery, Gateway
from worker.ligdicash.simulator.manners import Encoding, Status
from worker.ligdicash.simulator.options import Faults
from worker.ligdicash.simulator.orders import LARGEST, SMALLEST
from worker.ligdicash.simulator.payment import Delivery, Record
from worker.ligdicash.simulator.phones import Channel, Phone

Json = dict[str, object]
Handler = Callable[[Request], Awaitable[JSONResponse]]
T = TypeVar("T")

PAGE = 100

_decision = TypeAdapter(Decision)
_forgery = TypeAdapter(Forgery)
_faults = TypeAdapter(Faults)
_clock = TypeAdapter(ClockSetting)
_phone = TypeAdapter(Phone)


def routes(gateway: Gateway) -> list[Route]:
    """The routes of the control API."""
    control = _Control(gateway)
    one = "/_sim/transactions/{key:path}"
    table: list[tuple[str, str, Handler]] = [
        ("GET", "/_sim/books", control.books),
        ("GET", "/_sim/transactions", control.transactions),
        ("POST", f"{one}/decide", control.decide),
        ("GET", f"{one}/faults", control.faults),
        ("PUT", f"{one}/faults", control.set_faults),
        ("GET", one, control.transaction),
        ("GET", "/_sim/faults", control.faults),
        ("PUT", "/_sim/faults", control.set_faults),
        ("GET", "/_sim/clock", control.clock),
        ("PUT", "/_sim/clock", control.set_clock),
        ("GET", "/_sim/post", control.post),
        ("POST", "/_sim/withdraw", control.withdraw),
        ("GET", "/_sim/payouts", control.payouts),
        ("GET", "/_sim/phones/{number}", control.phone),
        ("PUT", "/_sim/phones/{number}", control.set_phone),
        ("POST", "/_sim/phones/{number}/dial", control.dial),
        ("POST", "/_sim/forge", control.forge),
    ]
    return [Route(path, _answering(handler), methods=[method]) for method, path, handler in table]


def _answering(handler: Handler) -> Handler:
    """Turn our errors into status codes with one sentence."""

    async def answer(request: Request) -> JSONResponse:
        try:
            return await handler(request)
        except NotFound as exc:
            return JSONResponse({"error": str(exc)}, status_code=404)
        except Invalid as exc:
            return JSONResponse({"error": str(exc)}, status_code=422)

    return answer


class _Control:
    """One method per route."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def books(self, _: Request) -> JSONResponse:
        records = self._gateway.books.records()
        counters = dict(self._gateway.books.counters)
        listed = [in_short(record) for record in records]
        return JSONResponse(totals(records) | {"counters": counters, "transactions": listed})

    async def transactions(self, request: Request) -> JSONResponse:
        after, limit = _number(request, "after", default=0), _number(request, "limit", default=PAGE)
        records = self._gateway.books.records(after=after, limit=limit)
        return JSONResponse({"transactions": [in_full(record) for record in records], "next": after + len(records)})

    async def transaction(self, request: Request) -> JSONResponse:
        return JSONResponse(in_full(self._gateway.books.record(request.path_params["key"])))

    async def decide(self, request: Request) -> JSONResponse:
        key = request.path_params["key"]
        body = await _body(request)
        callbacks = body.pop("callbacks", None)
        if callbacks is not None:
            body["manners"] = _merged(asdict(self._gateway.books.get(key).manners), callbacks)
        self._gateway.decide(key, _read(_decision, body))
        return JSONResponse(in_full(self._gateway.books.record(key)))

    async def faults(self, request: Request) -> JSONResponse:
        return JSONResponse(_faults.dump_python(self._in_force(request), mode="json"))

    async def set_faults(self, request: Request) -> JSONResponse:
        chosen = _read(_faults, _merged(asdict(self._in_force(request)), await _body(request)))
        self._gateway.faults.set(chosen, key=self._key(request))
        return JSONResponse(_faults.dump_python(chosen, mode="json"))

    def _in_force(self, request: Request) -> Faults:
        key = self._key(request)
        return self._gateway.faults.single(key) if key else self._gateway.faults.everywhere

    def _key(self, request: Request) -> str:
        """The name faults are kept under; empty for all calls. It may name a transaction that does not exist yet."""
        given: str = request.path_params.get("key", "")
        try:
            return self._gateway.books.get(given).key
        except NotFound:
            return given

    async def clock(self, _: Request) -> JSONResponse:
        return JSONResponse({"offset": self._gateway.clock_ahead})

    async def set_clock(self, request: Request) -> JSONResponse:
        self._gateway.clock_ahead = _read(_clock, await _body(request)).offset
        return await self.clock(request)

    async def post(self, _: Request) -> JSONResponse:
        return JSONResponse({"waiting": self._gateway.callbacks_waiting})

    async def withdraw(self, request: Request) -> JSONResponse:
        credential = (await _body(request)).get("credential")
        if not isinstance(credential, str) or not credential:
            raise Invalid("credential must be a key or a token")
        self._gateway.withdraw(credential)
        return JSONResponse({"withdrawn": True})

    async def payouts(self, _: Request) -> JSONResponse:
        made = [record.payment for record in self._gateway.books.records() if record.payment.payout]
        counts = {
            "received": self._gateway.payouts_received,
            "refused": +self._gateway.payouts_refused,
            "accepted": Tally(payment.key for payment in made),
            "paid": Tally(payment.key for payment in made if payment.status is Status.COMPLETED),
        }
        return JSONResponse({name: dict(count) for name, count in counts.items()})

    async def phone(self, request: Request) -> JSONResponse:
        number, phones = request.path_params["number"], self._gateway.phones
        known: Json = _phone.dump_python(phones.get(number), mode="json")
        known |= {"operator_id": phones.operator_of(number), "sms": phones.last_code(number, Channel.WALLET)}
        return JSONResponse(known)

    async def set_phone(self, request: Request) -> JSONResponse:
        number, phones = request.path_params["number"], self._gateway.phones
        phones.set(number, _read(_phone, asdict(phones.get(number)) | await _body(request)))
        return await self.phone(request)

    async def dial(self, request: Request) -> JSONResponse:
        amount = (await _body(request)).get("amount")
        if not isinstance(amount, int) or not SMALLEST <= amount <= LARGEST:
            raise Invalid(f"amount must be a whole number from {SMALLEST} to {LARGEST}")
        number = request.path_params["number"]
        self._gateway.books.count(Counter.OTPS_DIALLED)
        return JSONResponse({"otp": self._gateway.phones.give_code(number, amount=amount, channel=Channel.STRAIGHT)})

    async def forge(self, request: Request) -> JSONResponse:
        body = await _body(request)
        encodings = list(Encoding) if body.get("encoding") == "both" else [body.get("encoding", Encoding.JSON)]
        forgeries = [_read(_forgery, body | {"encoding": encoding}) for encoding in encodings]
        sent = [await run_in_threadpool(self._gateway.forge, forgery) for forgery in forgeries]
        return JSONResponse({"deliveries": [_delivery(delivery) for delivery in sent]})


def totals(records: list[Record]) -> Json:
    """What the books add up to."""
    payments = [record.payment for record in records]
    deliveries = [delivery for record in records for delivery in record.deliveries]
    gaps = [gap for record in records if (gap := record.shortest_gap) is not None]
    by_status = Tally(payment.status for payment in payments)
    return {
        "created": len(payments),
        "by_status": {status.value: by_status[status] for status in Status},
        "paid_amount": sum(one.order.amount for one in payments if one.status is Status.COMPLETED and not one.payout),
        "paid_out_amount": sum(one.order.amount for one in payments if one.status is Status.COMPLETED and one.payout),
        "confirms": sum(len(record.asked_at) for record in records),
        "shortest_gap": min(gaps, default=None),
        "callbacks_sent": len(deliveries),
        "callbacks_failed": sum(not delivery.arrived for delivery in deliveries),
    }


def in_short(record: Record) -> Json:
    """One transaction as a ledger needs it. Never its token."""
    payment = record.payment
    return {
        "transaction_id": payment.order.transaction_id,
        "request_id": payment.request_id,
        "amount": payment.order.amount,
        "status": payment.status.value,
        "created_at": payment.created_at,
        "decided_at": payment.decided_at,
        "paid_at": payment.paid_at,
        "mishap": payment.mishap,
        "payout": payment.payout.value if payment.payout else "",
        "channel": payment.channel.value,
        "asked": len(record.asked_at),
        "asked_at": record.asked_at,
        "first_callback_at": min((each.sent_at for each in record.deliveries), default=None),
    }


def in_full(record: Record) -> Json:
    """One transaction with everything a test may want to know."""
    payment = record.payment
    order = payment.order
    return in_short(record) | {
        "external_id": order.external_id_out,
        "custom_data": order.custom_data,
        "customer": order.customer,
        "project": payment.project,
        "callback_url": order.callback_url,
        "operator_id": payment.operator_id,
        "phone": payment.phone,
        "confirm_from": payment.confirm_from,
        "confirm_amount": payment.confirm_amount,
        "confirm_reference": payment.confirm_reference,
        "callback_amount": payment.callback_amount,
        "callback_status": payment.callback_status,
        "failed_as": payment.failed_as.value,
        "manners": asdict(payment.manners),
        "shortest_gap": record.shortest_gap,
        "deliveries": [_delivery(delivery) for delivery in record.deliveries],
    }


def _delivery(delivery: Delivery) -> Json:
    return asdict(delivery) | {"arrived": delivery.arrived}


def _merged(base: Json, changes: object) -> Json:
    if not isinstance(changes, dict):
        raise Invalid("callbacks and faults must be objects")
    return base | changes


async def _body(request: Request) -> Json:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise Invalid("the body must be sent as application/json")
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError) as exc:
        raise Invalid("the body is not JSON") from exc
    if not isinstance(body, dict):
        raise Invalid("the body must be an object")
    return body


def _read(shape: TypeAdapter[T], body: Json) -> T:
    try:
        return shape.validate_python(body)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{where}: {first['msg']}") from exc


def _number(request: Request, name: str, *, default: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Invalid(f"{name} must be a whole number")
    return int(text[:9])
