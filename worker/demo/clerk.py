"""Plays whoever has payouts sent through the API: sends one, and does what its answer asks for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from models.errors import NeedsHuman
from models.transaction import Status
from worker.demo.payouts import OUT_OF_A_FILE, PayoutFate
from worker.demo.story import Json, Visit
from worker.demo.till import refused

POLL = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """One payout on its way. `order` sends a body to the door until it answers; `look` is what the door says of the payout."""

    visit: Visit
    order: Callable[[str, Json], requests.Response]
    look: Callable[[], Json | None]
    fund: Callable[[], object]
    """Has the gateway take it from now on."""
    patience: float
    """Seconds until something happens to it that somebody else does."""

    def send(self) -> str:
        """Have it sent; the status in which that ends: `created` where nobody knows what became of it.

        Raises `NeedsHuman` when an answer is another than the story has.
        """
        if self.visit.fate in OUT_OF_A_FILE:
            return self._until(lambda seen: seen["sent_at"] is not None and not self._is_on_its_way(seen))
        reply = self._order()
        match self.visit.fate:
            case PayoutFate.BALANCE if not reply.ok:
                self.fund()
                reply = self._order()
            case PayoutFate.OPERATOR if not reply.ok:
                return self._until(lambda seen: seen["status"] == Status.REFUSED)
            case PayoutFate.APPROVED | PayoutFate.REJECTED if reply.ok:
                return self._until(lambda seen: not seen["awaiting_approval"] and not self._is_on_its_way(seen))
        if not reply.ok:
            raise refused(reply)
        return str(reply.json()["status"])

    def _is_on_its_way(self, seen: Json) -> bool:
        """Created, and its reply may still come: but not where that is the story."""
        return seen["status"] == Status.CREATED and self.visit.fate is not PayoutFate.FILE_KILLED

    def _order(self) -> requests.Response:
        return self.order("/v1/payouts", payout_order(self.visit))

    def _until(self, is_so: Callable[[Json], bool]) -> str:
        give_up = time.monotonic() + self.patience
        while time.monotonic() < give_up:
            if (seen := self.look()) and is_so(seen):
                return str(seen["status"])
            time.sleep(POLL)
        raise NeedsHuman(f"payout {self.visit.transaction_id} got nowhere within {self.patience:g} s")


def payout_order(visit: Visit) -> Json:
    """The body for /v1/payouts."""
    out = visit.payout
    assert out is not None  # noqa: S101 - for mypy: whoever calls has a payout
    wanted: Json = {
        "amount": visit.amount,
        "customer": out.customer,
        "description": "Payout of the demo",
        "custom_data": {"transaction_id": visit.transaction_id},
    }
    if out.top_up_wallet is not None:
        wanted["top_up_wallet"] = out.top_up_wallet
    return {"route": out.route.value, "account": visit.account, "commande": wanted}
