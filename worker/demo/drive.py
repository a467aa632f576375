"""Plays the story against the running shape: orders through our own API, decisions and forgeries at the simulator."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import requests

from models.errors import NeedsHuman
from worker.demo.story import FORGING, Visit

HANDS = 40
"""Customers in the shop at the same time."""

PATIENCE = 45.0
"""Seconds an order is repeated for while the door is down; it carries its id, so it is one invoice however often it is sent."""

STRANGERS = 12
"""Forged callbacks about transactions that never were."""


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
    holes: set[str] = field(default_factory=set)
    """Invoices whose create was cut short by a killed door: stored, without a reply of the gateway."""
    repeated_orders: int = 0
    forged_sent: int = 0
    forged_acknowledged: int = 0
    troubles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Driver:
    """Plays visits at their time. `on_step` is called when a customer is done, from many threads."""

    api_url: str
    api_key: str
    callback_url: str
    simulator_url: str
    on_step: Callable[[], None]
    played: Played = field(default_factory=Played)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _local: threading.local = field(default_factory=threading.local)

    def play(self, visits: Sequence[Visit], moments: Sequence[Moment]) -> None:
        """Run all visits, and each of `moments` in between; return when the last one is over.

        A moment runs in the thread that keeps the time: faults strike one after the other, never two at once.
        """
        began = time.monotonic()
        with ThreadPoolExecutor(HANDS) as hands:
            customers = [Moment(visit.orders_at, partial(hands.submit, self._safely, visit)) for visit in visits]
            for moment in sorted([*customers, *moments], key=lambda each: each.at):
                time.sleep(max(0.0, began + moment.at - time.monotonic()))
                moment.action()

    def forge_strangers(self) -> None:
        """Callbacks about ids that nobody ever ordered."""
        for number in range(STRANGERS):
            self._forge(f"nobody-ordered-{number:03d}", amount=5000)

    def _safely(self, visit: Visit) -> None:
        try:
            self._visit(visit)
        except (requests.RequestException, NeedsHuman) as exc:
            self._note(f"{type(exc).__name__}: {exc}"[:200])

    def _visit(self, visit: Visit) -> None:
        status = self._create(visit)
        with self._lock:
            self.played.ordered.add(visit.transaction_id)
            if status != "pending":
                self.played.holes.add(visit.transaction_id)
        if status == "pending":
            time.sleep(max(0.0, visit.decides_at - visit.orders_at))
            self._decide(visit)
        self.on_step()

    def _create(self, visit: Visit) -> str:
        """Send the order until the door answers; the status of the invoice."""
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                reply = self._session.post(
                    f"{self.api_url}/v1/invoices",
                    json=quickstart_order(visit),
                    headers={"Authorization": f"Bearer {self.api_key}"},
                    timeout=15,
                )
                if reply.status_code in (200, 201):
                    return str(reply.json()["status"])
                if reply.status_code < 500:  # noqa: PLR2004 - HTTP: our own fault, repeating it would not help
                    raise NeedsHuman(f"the API refused an order: {reply.status_code} {reply.text[:150]}")
            except requests.RequestException:
                pass  # the door is down: that is part of the story
            if time.monotonic() > give_up:
                raise NeedsHuman(f"no answer to order {visit.transaction_id} within {PATIENCE:g} s")
            with self._lock:
                self.played.repeated_orders += 1
            time.sleep(0.3)

    def _decide(self, visit: Visit) -> None:
        if visit.fate in FORGING:
            self._forge(visit.transaction_id, amount=visit.amount)
            time.sleep(1.0)
        if visit.decision:
            where = f"{self.simulator_url}/_sim/transactions/{visit.transaction_id}/decide"
            self._session.post(where, json=visit.decision, timeout=10).raise_for_status()
        with self._lock:
            self.played.decided.add(visit.transaction_id)

    def _forge(self, transaction_id: str, *, amount: int) -> None:
        forgery = {
            "url": self.callback_url,
            "transaction_id": transaction_id,
            "status": "completed",
            "amount": amount,
            "encoding": "both",
        }
        reply = self._session.post(f"{self.simulator_url}/_sim/forge", json=forgery, timeout=30)
        reply.raise_for_status()
        deliveries = reply.json()["deliveries"]
        with self._lock:
            self.played.forged_sent += len(deliveries)
            self.played.forged_acknowledged += sum(bool(delivery["arrived"]) for delivery in deliveries)

    def _note(self, trouble: str) -> None:
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
    }
