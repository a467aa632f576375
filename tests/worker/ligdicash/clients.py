"""What the tests of the client share: a client of a scripted gateway, its secrets, and two whole answers."""

from __future__ import annotations

import contextlib
import traceback

from models.order import InvoiceOrder
from tests.servers import PATIENCE
from tests.worker.ligdicash.scripted_gateway import ScriptedGateway, message
from worker.ligdicash.client import LigdicashClient

API_KEY = "KEY0123456789ABCDEF"
API_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhcHAiOjF9.YXBpLXRva2Vu"
TOKEN = "eyJ0eXAiOiJKV1QifQ.eyJpZF9pbnZvaWNlIjoiNyJ9.cGF5bWVudA"
URL = f"https://client.ligdicash.com/directpayment/invoice/{TOKEN}"
QUICK = {"connect_timeout": 0.4, "answer_timeout": 0.3}
IN_TIME = 30.0
"""Seconds: far over what QUICK allows, for a busy machine; far under what the slow scripts take."""
ORDER = InvoiceOrder(transaction_id="ORD-1", amount=4200)

COMPLETED = message({"response_code": "00", "status": "completed", "amount": 4200, "external_id": "ORD-1"})
CREATED = message({"response_code": "00", "token": TOKEN, "response_text": URL})


@contextlib.contextmanager
def client_of(url: str, **options):
    settings = {"connect_timeout": PATIENCE, "answer_timeout": PATIENCE, "pool_size": 4, **options}
    client = LigdicashClient(api_key=API_KEY, api_token=API_TOKEN, base_url=url, **settings)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def gateway_and_client(script, **options):
    with ScriptedGateway(script) as gateway, client_of(gateway.url, **options) as client:
        yield gateway, client


def assert_no_secret_in(error: BaseException):
    told = "".join(traceback.format_exception(error)) + repr(error)
    for secret in (API_KEY, API_TOKEN, TOKEN, "checkout-invoice/c"):
        assert secret not in told.replace(repr(ORDER), "")
    # `requests` keeps the whole request, keys included, in its errors: none may hang on ours.
    link = error
    while link := link.__cause__ or link.__context__:
        assert not hasattr(link, "request")
