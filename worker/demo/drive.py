"""Plays the story against a running shape: orders through the merchant's API, decisions and forgeries at the simulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import requests

from models.account import DEFAULT
from models.errors import NeedsHuman
from models.transaction import Status
from worker.demo.clerk import Clerk
from worker.demo.payins import PayinFate
from worker.demo.payouts import UNKNOWN
from worker.demo.story import FORGING, Json, Visit
from worker.demo.till import Till, refused

HANDS = 40
"""Customers in the shop at the same time."""

PATIENCE = 45.0
"""Seconds an order is repeated for while the door is down; it carries its id, so it is one invoice however often it is sent."""

OTHERS_PATIENCE = 100.0
"""Seconds a payout waits for what people do about it."""

LEARNS_WITHIN = 60.0
"""Seconds the books get to take the gateway's first word, before it has second thoughts."""

STRANGERS = 12
"""Forged callbacks about transactions that never were."""

FLOOD = 40
FAT = 48_000
"""Forged callbacks of a flood, and bytes of each: together more than a spool of one megabyte."""


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """Something that happens `at` seconds from the start."""

    at: float
    action: Callable[[], object]


@dataclass(slots=True)
class Played:
    """What the driver saw, for the ledger."""

    ordered: set[str] = field(default_factory=set)
    decided: set[str] = field(default_factory=set)
    second_thoughts: set[str] = field(default_factory=set)
    holes: set[str] = field(default_factory=set)
    """Invoices whose create was cut short, by a killed door or a lost reply: stored, without a token."""
    repeated_orders: int = 0
    forged_sent: int = 0
    forged_acknowledged: int = 0
    forged_refused: int = 0
    troubles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Driver:
    """Plays visits at their time. `on_step` is called when a customer is done, from many threads."""

    api_url: str
    api_key: str
    callback_url: str
    simulator_url: str
    on_step: Callable[[Visit], object]
    hands: int = HANDS
    learns_within: float = LEARNS_WITHIN
    played: Played = field(default_factory=Played)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _local: threading.local = field(default_factory=threading.local)

    def play(self, visits: Sequence[Visit], moments: Sequence[Moment]) -> None:
        """Run all visits, and each of `moments` in between; return when the last one is over.

        A moment runs in the thread that keeps the time: faults strike one after the other, never two at once.
        """
        began = time.monotonic()
        with ThreadPoolExecutor(self.hands) as hands:
            customers = [Moment(visit.orders_at, partial(hands.submit, self._safely, visit)) for visit in visits]
            for moment in sorted([*customers, *moments], key=lambda each: each.at):
                time.sleep(max(0.0, began + moment.at - time.monotonic()))
                moment.action()

    def forge_strangers(self) -> None:
        """Callbacks about ids that nobody ever ordered."""
        for number in range(STRANGERS):
            self._forge(f"nobody-ordered-{number:03d}", amount=5000)

    def flood(self) -> None:
        """Fat forged callbacks straight to the door, until it refuses one."""
        for number in range(FLOOD):
            claim = {"status": "completed", "custom_data": {"transaction_id": f"nobody-ordered-fat-{number:03d}"}}
            try:
                reply = self._session.post(self.callback_url, json=claim | {"description": "x" * FAT}, timeout=10)
            except requests.RequestException:
                self._count_forged([None])
                continue
            self._count_forged([reply.status_code])
            if not reply.ok:
                return

    def _safely(self, visit: Visit) -> None:
        try:
            self._visit(visit)
        except (requests.RequestException, NeedsHuman) as exc:
            self.note(f"{type(exc).__name__}: {exc}"[:200])

    def _visit(self, visit: Visit) -> None:
        if visit.faults:
            self.tell_gateway("PUT", visit, what="faults", body=visit.faults)
        status = self._order(visit)
        with self._lock:
            self.played.ordered.add(visit.transaction_id)
            if status not in (Status.PENDING, Status.REFUSED):
                self.played.holes.add(visit.transaction_id)
        if status == Status.PENDING or visit.fate in UNKNOWN:
            time.sleep(max(0.0, visit.decides_at - visit.orders_at))
            self._decide(visit)
        self.on_step(visit)

    def _order(self, visit: Visit) -> str:
        """Order until the door answers; the status of the invoice."""
        if isinstance(visit.fate, PayinFate) and visit.payment:
            till = Till(
                fate=visit.fate,
                payment=visit.payment,
                amount=visit.amount,
                body=quickstart_order(visit),
                order=self._insist,
                phone=self._control,
            )
            return till.pay()
        if visit.payout:
            clerk = Clerk(
                visit=visit,
                order=self._insist,
                look=lambda: self.look(visit),
                fund=lambda: self.tell_gateway("PUT", visit, what="faults", body={"create": {"kind": "none"}}),
                patience=OTHERS_PATIENCE,
            )
            return clerk.send()
        reply = self._insist("/v1/invoices", quickstart_order(visit))
        if not reply.ok:
            raise refused(reply)
        return str(reply.json()["status"])

    def _insist(self, path: str, body: Json) -> requests.Response:
        """Send a body until the door answers it with a yes, or with a no that repeating it would not change."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                reply = self._ask_api("POST", path, json=body)
                if reply.status_code < 500 or "code" in reply.json():  # noqa: PLR2004 - HTTP; a code is about the payer
                    return reply
            except requests.RequestException:
                pass  # the door is down: that is part of the story
            if time.monotonic() > give_up:
                raise NeedsHuman(f"no answer to POST {path} within {PATIENCE:g} s")
            with self._lock:
                self.played.repeated_orders += 1
            time.sleep(0.3)

    def _decide(self, visit: Visit) -> None:
        if visit.fate in FORGING:
            self._forge(visit.transaction_id, amount=visit.amount)
            time.sleep(1.0)
        if visit.decision and (visit.fate not in UNKNOWN or self._is_at_the_gateway(visit)):
            self.tell_gateway("POST", visit, what="decide", body=visit.decision)
        with self._lock:
            self.played.decided.add(visit.transaction_id)
        if visit.second_thought and self._is_in_the_books(visit):
            self.tell_gateway("POST", visit, what="decide", body=visit.second_thought)
            with self._lock:
                self.played.second_thoughts.add(visit.transaction_id)

    def _is_at_the_gateway(self, visit: Visit) -> bool:
        """Wait until it has what nobody told us that it has; False when it never got it: whoever was to send it was killed."""
        give_up = time.monotonic() + PATIENCE
        while not (found := self.ask_gateway(f"transactions/{visit.transaction_id}").ok):
            if time.monotonic() > give_up:
                break
            time.sleep(0.1)
        return found

    def _is_in_the_books(self, visit: Visit) -> bool:
        """Wait until the merchant can see the gateway's first word; False when that takes too long."""
        give_up = time.monotonic() + self.learns_within
        while time.monotonic() < give_up:
            if (seen := self.look(visit)) and seen["status"] == visit.should_end.value:
                return True
            time.sleep(0.5)
        return False

    def look(self, visit: Visit) -> Json | None:
        """What the merchant's API says of it; None when it does not know it, or is down."""
        try:
            reply = self._ask_api("GET", f"/v1/{'payouts' if visit.payout else 'invoices'}/{visit.transaction_id}")
        except requests.RequestException:
            return None  # as above
        seen: Json | None = reply.json() if reply.ok else None
        return seen

    def _ask_api(self, method: str, path: str, *, json: object = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return self._session.request(method, self.api_url + path, json=json, headers=headers, timeout=15)

    def tell_gateway(self, method: str, visit: Visit, *, what: str, body: Json) -> None:
        """Have the simulator decide about this transaction, or meet it with faults."""
        self._control(method, f"transactions/{visit.transaction_id}/{what}", body)

    def _control(self, method: str, path: str, body: Json) -> requests.Response:
        reply = self.ask_gateway(path, method=method, body=body)
        reply.raise_for_status()
        return reply

    def ask_gateway(self, path: str, *, method: str = "GET", body: Json | None = None) -> requests.Response:
        """One call of the simulator's control API, on a connection of its own: a kept one may be closed as we write to it."""
        where = f"{self.simulator_url}/_sim/{path}"
        return self._session.request(method, where, json=body, headers={"Connection": "close"}, timeout=30)

    def _forge(self, transaction_id: str, *, amount: int) -> None:
        forgery: Json = {
            "url": self.callback_url,
            "transaction_id": transaction_id,
            "status": "completed",
            "amount": amount,
            "encoding": "both",
        }
        reply = self._control("POST", "forge", forgery)
        self._count_forged([delivery["http_status"] for delivery in reply.json()["deliveries"]])

    def _count_forged(self, statuses: Sequence[int | None]) -> None:
        """Note how the door answered forged callbacks; None is no answer."""
        answered = [status for status in statuses if status is not None]
        taken = sum(200 <= status < 300 for status in answered)  # noqa: PLR2004 - HTTP's own numbers
        with self._lock:
            self.played.forged_sent += len(statuses)
            self.played.forged_acknowledged += taken
            self.played.forged_refused += len(answered) - taken

    def note(self, trouble: str) -> None:
        """Something that is not in the story: it was not played as written."""
        with self._lock:
            self.played.troubles.append(trouble)

    @property
    def _session(self) -> requests.Session:
        """One session per thread; they are not made to be shared."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session


def quickstart_order(visit: Visit) -> dict[str, object]:
    """The request body of LigdiCash's quickstart, `price` included, as a newcomer would send it."""
    return {
        "commande": {
            "invoice": {
                "items": [{"name": "Tissu faso dan fani", "price": visit.amount, "quantity": 1}],
                "total_amount": visit.amount,
                "devise": "XOF",
                "description": "Commande de démonstration",
            },
            "store": {"name": "Boutique Démo", "website_url": "https://shop.example"},
            "actions": {
                "cancel_url": "https://shop.example/cancel",
                "return_url": "https://shop.example/thanks",
            },
            "custom_data": {"transaction_id": visit.transaction_id},
        }
    } | ({} if visit.account == DEFAULT else {"account": visit.account})
