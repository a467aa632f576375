"""A merchant's shop in a hundred lines, sound or with flaws planted in it; and one built as the vendor's samples are described."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests

from models.answers import CallbackContent, Said
from models.errors import Invalid, Unreadable
from tests.servers import PATIENCE
from worker.conformance.shop import State
from worker.ligdicash.double import Double
from worker.ligdicash.wire import read_callback

CREATE = "/pay/v01/redirect/checkout-invoice/create"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm/"
BY_ITSELF = 2.0
SPACING = 3.05


@dataclass
class Sale:
    """One order of this shop."""

    amount: int
    ordered_at: float
    token: str = ""
    is_paid: bool = False
    is_closed: bool = False
    credited: int = 0
    is_hinted: bool = False
    asked_at: float = 0.0
    seen: int = 0


@dataclass
class PlantedShop:
    """Sound with no `flaws`: keeps what comes, answers at once, asks confirm, compares, settles once, asks again by itself."""

    double: Double
    flaws: frozenset[str] = frozenset()
    url: str = ""
    sales: dict[str, Sale] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def order(self, order_id: str, amount: int) -> None:
        with self.lock:
            sale = self.sales[order_id] = Sale(amount=amount, ordered_at=time.monotonic())
        invoice = {"items": [], "total_amount": amount, "devise": "XOF", "customer": "", "otp": ""}
        actions = {} if "names no address" in self.flaws else {"callback_url": self.url}
        order = {"invoice": invoice, "store": {"name": "Awa"}, "actions": actions}
        body = {"commande": order | {"custom_data": {"transaction_id": order_id}}}
        reply = self.call("POST", CREATE, json=body).json()
        if reply["response_code"] != "00":
            raise Invalid(reply["response_text"])
        sale.token = reply["token"]

    def state(self, order_id: str) -> State:
        sale = self.sales[order_id]
        return State(is_paid=sale.is_paid, credited=sale.credited)

    def call(self, method: str, path: str, **more) -> requests.Response:
        keys = {"Apikey": self.double.api_key, "Authorization": f"Bearer {self.double.api_token}"}
        return requests.request(method, self.double.base_url + path, headers=keys, timeout=PATIENCE, **more)

    def receive(self, content_type: str, body: bytes) -> int:
        """Take a callback in; the status to answer with."""
        for status in (302, 403, 500):
            if f"answers {status}" in self.flaws:
                return status
        is_form = "json" not in content_type
        if ("reads JSON only" in self.flaws and is_form) or ("reads forms only" in self.flaws and not is_form):
            return 415
        if "reads JSON text only" in self.flaws and is_form and b"custom_data=%5B%7B" not in body:
            return 200
        try:
            content = read_callback(content_type, body)
        except Unreadable:
            return 500 if "crashes" in self.flaws else 200
        sale = next((self.sales[name] for name in content.references if name in self.sales), None)
        if sale is None:
            return 500 if "crashes" in self.flaws else 200
        with self.lock:
            return self.consider(sale, content)

    def consider(self, sale: Sale, content: CallbackContent) -> int:
        sale.seen += 1
        if "counts arrivals" in self.flaws and sale.seen > 1:
            return 200
        if "trusts callbacks" in self.flaws and content.claims is Said.COMPLETED:
            sale.is_paid, sale.credited = True, sale.amount
        if "believes bad news" in self.flaws and content.claims is Said.NOTCOMPLETED:
            sale.is_paid, sale.is_closed = False, True
        if "credits each time" in self.flaws and sale.is_paid:
            sale.credited += sale.amount
        if "asks in the handler" in self.flaws:
            self.ask(sale)
        else:
            sale.is_hinted = True
        return 200

    def ask(self, sale: Sale) -> None:
        sale.asked_at = time.monotonic()
        times = 3 if "asks hastily" in self.flaws else 1  # together: between two of them the machine may stand still
        try:
            replies = [self.call("GET", CONFIRM, params={"invoiceToken": sale.token}) for _ in range(times)]
        except requests.RequestException:  # the gateway is away, at the latest when the examination is over
            return
        reply = replies[-1]
        if reply.status_code != 200:
            return
        answer = reply.json()
        said = answer.get("status") == "completed"
        if "takes 00 for paid" in self.flaws:
            said = answer["response_code"] == "00"
        is_ours = answer.get("amount") == sale.amount and self.names_ours(answer, sale)
        if said and (is_ours or "compares nothing" in self.flaws) and not sale.is_paid:
            # Told before it knew, the flawed one credits for each telling: the flaw must not hang on who is first.
            times = max(1, sale.seen) if "credits each time" in self.flaws else 1
            sale.is_paid, sale.credited = True, sale.amount * times

    def names_ours(self, answer: dict, sale: Sale) -> bool:
        return next(name for name, each in self.sales.items() if each is sale) in str(answer)

    def work(self) -> None:
        """What is hinted at is asked about; what stays open too, unless that is the flaw. Who trusts callbacks asks nobody."""
        if "trusts callbacks" in self.flaws:
            return
        with self.lock:
            now = time.monotonic()
            for sale in self.sales.values():
                is_own = "never asks by itself" not in self.flaws and now - sale.ordered_at > BY_ITSELF
                is_open = sale.token and not (sale.is_paid or sale.is_closed)
                if is_open and (sale.is_hinted or is_own) and now - sale.asked_at > SPACING:
                    sale.is_hinted = False
                    self.ask(sale)


@dataclass
class SampleShop(PlantedShop):
    """As the vendor's sample is described.

    The id goes into a table of processed ones before anything else, confirm is asked within the request, 400 answers a body
    without an id and 404 an unknown one. Nothing asks later.
    """

    processed: set[str] = field(default_factory=set)

    def receive(self, content_type: str, body: bytes) -> int:
        try:
            content = read_callback(content_type, body)
        except Unreadable:
            return 400
        if not content.references:
            return 400
        name = content.references[0]
        with self.lock:
            if name in self.processed:
                return 200
            self.processed.add(name)
        sale = self.sales.get(name)
        if sale is None or not sale.token:
            return 404
        self.ask(sale)
        return 200

    def work(self) -> None:
        return


class Handler(BaseHTTPRequestHandler):
    """The shop's address, for the gateway and for whoever drives it from outside."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if "hangs up" in self.shop.flaws:
            self.close_connection = True
            return
        self.answer(self.shop.receive(self.headers["Content-Type"], body))

    def do_GET(self) -> None:
        """`/order/ID/AMOUNT` and `/state/ID`."""
        verb, order_id, *amount = self.path.strip("/").split("/")
        if verb == "order":
            self.shop.order(order_id, int(amount[0]))
            self.answer(200)
        else:
            sale = self.shop.sales[order_id]
            self.answer(200, f"{'paid' if sale.is_paid else 'open'} credited={sale.credited}".encode())

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def open_shop(shop: PlantedShop) -> Iterator[PlantedShop]:
    """Its handler on a free port, and its own questions."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OfThisShop", (Handler,), {"shop": shop}))
    shop.url = f"http://127.0.0.1:{server.server_port}/callback"
    ended = threading.Event()

    def keep_working() -> None:
        while not ended.wait(0.05):
            shop.work()

    threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=keep_working)]
    for thread in threads:
        thread.start()
    try:
        yield shop
    finally:
        ended.set()
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
