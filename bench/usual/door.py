"""Its HTTP door: `uvicorn bench.usual.door:app`. Speaks the same two routes as ours."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import unquote

from fastapi import FastAPI, HTTPException, Request
from sqlalchemy.exc import IntegrityError
from starlette.concurrency import run_in_threadpool

from bench.usual.jobs import books, gateway, process_callback, settings, store
from config.settings import CALLBACK_PATH
from models.errors import ReconcilerError, Unreadable
from worker.ligdicash.wire import read_callback
from worker.web.invoice_order import Wanted, read_wanted

SEEN_FOR = 24 * 3600
"""Seconds a callback is remembered as seen."""

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)


@app.post(CALLBACK_PATH)
async def take_callback(request: Request) -> dict[str, bool]:
    """See it once: the twin, and any repeat, is dropped."""
    return await run_in_threadpool(_take, request.headers.get("content-type", ""), await request.body())


def _take(content_type: str, body: bytes) -> dict[str, bool]:
    try:
        content = read_callback(content_type, body)
    except Unreadable as exc:
        raise HTTPException(400, str(exc)) from exc
    for transaction_id in content.references[:1]:
        if store().set(f"usual:seen:{transaction_id}:{content.claims}", 1, nx=True, ex=SEEN_FOR):
            process_callback.delay(transaction_id)
    return {"ok": True}


@app.post("/v1/invoices")
async def post_invoice(request: Request) -> dict[str, object]:
    """Create it at the gateway and store the token; an order that is sent again finds its invoice."""
    wanted = read_wanted(await request.body())
    return await run_in_threadpool(_create, wanted)


def _create(wanted: Wanted) -> dict[str, object]:
    order = replace(wanted.order, callback_url=settings().callback_url)
    if books().find(order.transaction_id) is None:
        try:
            created = gateway().create_invoice(order)
        except ReconcilerError as exc:
            raise HTTPException(502, str(exc)) from exc
        try:
            books().add(
                transaction_id=order.transaction_id,
                amount=order.amount,
                token=created.token,
                payment_url=created.payment_url,
            )
        except IntegrityError as exc:
            raise HTTPException(503, "somebody else is creating it; send it again") from exc
    return _shown(order.transaction_id)


@app.get("/v1/invoices/{transaction_id:path}")
def get_invoice(transaction_id: str) -> dict[str, object]:
    """What the books say."""
    return _shown(unquote(transaction_id))


def _shown(transaction_id: str) -> dict[str, object]:
    invoice = books().find(transaction_id)
    if invoice is None:
        raise HTTPException(404, "no such invoice")
    return {name: invoice[name] for name in ("transaction_id", "status", "amount", "payment_url")}
