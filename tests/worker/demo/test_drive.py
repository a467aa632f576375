"""The driver repeats what got no answer, counts what the door did with forgeries, and lets the gateway think twice in time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.servers import PATIENCE
from worker.demo.drive import FLOOD, Driver
from worker.demo.story import SHARES, Fate, write_story
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN
from worker.ligdicash.simulator.running import Simulator, running_simulator

CREATE = "/pay/v01/redirect/checkout-invoice/create"


class FakeDoor:
    """A merchant's API and callback route with a memory, whose invoices stand as the test says."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.callbacks = 0
        self.takes = FLOOD
        """Callbacks it takes before it refuses."""
        self.outages = 0
        """Orders it answers with 503 first."""
        self.created_as = "pending"
        self.statuses: dict[str, list[str]] = {}
        """What each invoice is, from one look to the next; the last stays."""

    def order(self, body: dict) -> tuple[int, dict]:
        if self.outages:
            self.outages -= 1
            return 503, {}
        headers = {"Apikey": API_KEY, "Authorization": f"Bearer {API_TOKEN}"}
        order = body | {"commande": body["commande"] | {"invoice": body["commande"]["invoice"] | {"items": []}}}
        requests.post(
            self.simulator.base_url + CREATE, json=order, headers=headers, timeout=PATIENCE
        ).raise_for_status()
        return 201, {"status": self.created_as}

    def callback(self) -> tuple[int, dict]:
        self.callbacks += 1
        return (200 if self.callbacks <= self.takes else 503), {}

    def invoice(self, transaction_id: str) -> tuple[int, dict]:
        left = self.statuses[transaction_id]
        return 200, {"status": left.pop(0) if len(left) > 1 else left[0]}


@pytest.fixture
def simulator():
    with running_simulator() as running:
        yield running


@pytest.fixture
def door(simulator):
    return FakeDoor(simulator)


@pytest.fixture
def driver(door, simulator) -> Iterator[Driver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(*(door.order(body) if self.path == "/v1/invoices" else door.callback()))

        def do_GET(self):
            self.answer(*door.invoice(self.path.rpartition("/")[2]))

        def answer(self, status, content):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield Driver(
            api_url=url,
            api_key="key",
            callback_url=f"{url}/callback",
            simulator_url=simulator.base_url,
            on_step=lambda _visit: None,
        )
        server.shutdown()
        thread.join()


def visit_with(fate):
    visits = write_story(invoices=40, seconds=0, seed=1, prefix="X", shares={**SHARES, fate: 1})
    return next(replace(visit, decides_at=visit.orders_at) for visit in visits if visit.fate is fate)


def test_an_order_is_repeated_until_it_is_answered(driver, door):
    door.outages = 2
    visit = visit_with(Fate.ABANDONED)
    driver.play([visit], [])

    assert driver.played.ordered == {visit.transaction_id}
    assert driver.played.repeated_orders == 2
    assert driver.played.troubles == []


def test_an_order_without_a_token_is_a_hole_and_nobody_decides_it(driver, door, simulator):
    door.created_as = "created"
    visit = visit_with(Fate.PAID)
    driver.play([visit], [])

    assert driver.played.holes == {visit.transaction_id}
    assert simulator.books.get(visit.transaction_id).status == "pending"


def test_a_flood_ends_with_the_first_callback_that_is_refused(driver, door):
    door.takes = 3
    driver.flood()

    played = driver.played
    assert (played.forged_sent, played.forged_acknowledged, played.forged_refused) == (4, 3, 1)


def test_a_flood_nobody_refuses_ends_too(driver):
    driver.flood()
    assert driver.played.forged_acknowledged == FLOOD


def test_the_gateway_thinks_twice_once_the_merchant_sees_its_first_word(driver, door, simulator):
    visit = visit_with(Fate.TAKEN_BACK)
    door.statuses[visit.transaction_id] = ["pending", "completed"]
    driver.play([visit], [])

    assert driver.played.second_thoughts == {visit.transaction_id}
    payment = simulator.books.get(visit.transaction_id)
    assert payment.status == "notcompleted"
    assert payment.paid_at is not None


def test_the_gateway_keeps_to_its_word_while_the_merchant_has_not_seen_it(driver, door, simulator):
    driver.learns_within = 0.1
    visit = visit_with(Fate.TAKEN_BACK)
    door.statuses[visit.transaction_id] = ["pending"]
    driver.play([visit], [])

    assert driver.played.second_thoughts == set()
    assert simulator.books.get(visit.transaction_id).status == "completed"
