"""A merchant's side for the simulator's tests: one that creates and asks, and one that receives callbacks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.servers import PATIENCE
from worker.ligdicash.simulator.options import Options
from worker.ligdicash.simulator.running import Simulator, running_simulator

CREATE = "/pay/v01/redirect/checkout-invoice/create"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm"


def wait_until(true: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Poll a condition; fail the test when it does not come true in time."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


@dataclass
class Receiver:
    """A merchant's callback route with a memory."""

    url: str
    knocks: list[tuple[str, bytes]] = field(default_factory=list)
    status: int = 200

    def wait_for(self, count: int) -> list[tuple[str, bytes]]:
        wait_until(lambda: len(self.knocks) >= count)
        return self.knocks


@dataclass
class Merchant:
    """Speaks to one simulator with credentials it takes."""

    simulator: Simulator
    session: requests.Session

    def order(self, transaction_id: str = "ART1", *, amount: object = 4200, callback_url: str = "", **invoice) -> dict:
        return {
            "commande": {
                "invoice": {"items": [], "total_amount": amount, "devise": "XOF", "customer": "", "otp": ""} | invoice,
                "store": {"name": "Chez Awa", "website_url": "https://awa.example"},
                "actions": {"cancel_url": "", "return_url": "", "callback_url": callback_url},
                "custom_data": {"transaction_id": transaction_id},
            }
        }

    def send(self, body: object, *, path: str = CREATE, **options) -> requests.Response:
        return self.session.post(self.simulator.base_url + path, json=body, timeout=PATIENCE, **options)

    def create(self, transaction_id: str = "ART1", **order) -> str:
        """Create an invoice and return its token."""
        reply = self.send(self.order(transaction_id, **order)).json()
        assert reply["response_code"] == "00", reply
        return reply["token"]

    def ask(self, token: str, *, path: str = f"{CONFIRM}/", name: str = "invoiceToken", **options) -> requests.Response:
        return self.session.get(self.simulator.base_url + path, params={name: token}, timeout=PATIENCE, **options)

    def confirm(self, token: str) -> dict:
        reply = self.ask(token)
        assert reply.status_code == 200
        return reply.json()

    def control(self, method: str, path: str, body: object = None, *, expect: int = 200) -> dict:
        reply = self.session.request(method, f"{self.simulator.base_url}/_sim/{path}", json=body, timeout=PATIENCE)
        assert reply.status_code == expect, reply.text
        return reply.json()

    def decide(self, transaction_id: str = "ART1", status: str = "completed", **more) -> dict:
        return self.control("POST", f"transactions/{transaction_id}/decide", {"status": status} | more)


@pytest.fixture(name="wait_until")
def give_wait_until() -> Callable[..., None]:
    return wait_until


@pytest.fixture(scope="module")
def retire() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Stops simulators behind the back of the next test: uvicorn takes a fifth of a second to end."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        stopping: list[Future[object]] = []
        yield lambda job: stopping.append(pool.submit(job))
        for each in stopping:
            each.result()


@pytest.fixture
def start(retire) -> Iterator[Callable[..., Merchant]]:
    """Start a simulator with some options and get a merchant that speaks to it."""
    stops = []

    def starting(**options) -> Merchant:
        running = running_simulator(Options(**options))
        simulator = running.__enter__()
        session = requests.Session()
        session.trust_env = False
        session.headers.update({"Apikey": simulator.api_key, "Authorization": f"Bearer {simulator.api_token}"})
        stops.append((session, running))
        return Merchant(simulator, session)

    yield starting
    for session, running in stops:
        session.close()
        retire(partial(running.__exit__, None, None, None))


@pytest.fixture
def merchant(start) -> Merchant:
    return start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            memory.knocks.append((self.headers["Content-Type"], body))
            self.send_response(memory.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    memory = Receiver(url=f"http://127.0.0.1:{server.server_port}/callback")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield memory
    server.shutdown()
    thread.join()
    server.server_close()
