"""Reads the simulator's own books: what the gateway would swear to, against which ours are held."""

from __future__ import annotations

import time
from collections.abc import Mapping

import requests

from models.errors import NoAnswer
from models.transaction import Status
from worker.demo.evidence import MoneyOut, Told

POLL = 0.25


def gateway_books(simulator_url: str, *, prefix: str) -> list[Told]:
    """What the gateway itself knows of this run. Raises `NoAnswer` when the simulator does not tell."""
    told: list[Told] = []
    after = 0
    with requests.Session() as session:
        session.trust_env = False
        while True:
            where = f"{simulator_url}/_sim/transactions"
            reply = session.get(where, params={"after": after, "limit": 500}, timeout=30)
            if not reply.ok:
                raise NoAnswer(f"the simulator's books cannot be read: HTTP {reply.status_code}")
            page = reply.json()
            told += [_told(one) for one in page["transactions"] if one["transaction_id"].startswith(prefix)]
            if not page["transactions"]:
                return told
            after = page["next"]


def gateway_counts(simulator_url: str) -> tuple[MoneyOut, Mapping[str, int]]:
    """How payouts came in, and the gateway's counters of what belongs to no payment. Raises `NoAnswer`."""
    with requests.Session() as session:
        session.trust_env = False
        replies = [session.get(f"{simulator_url}/_sim/{what}", timeout=30) for what in ("payouts", "books")]
    if not all(reply.ok for reply in replies):
        raise NoAnswer("the simulator's counts cannot be read")
    payouts, books = (reply.json() for reply in replies)
    return MoneyOut(received=payouts["received"], refused=payouts["refused"]), books["counters"]


def wait_for_the_post(simulator_url: str, *, within: float) -> None:
    """Return when every callback was sent and answered; raises `NoAnswer` when some are left after `within` seconds."""
    deadline = time.monotonic() + within
    with requests.Session() as session:
        session.trust_env = False
        while waiting := session.get(f"{simulator_url}/_sim/post", timeout=30).json()["waiting"]:
            if time.monotonic() > deadline:
                raise NoAnswer(f"the simulator still has {waiting} callbacks to send after {within:g} s")
            time.sleep(POLL)


def _told(one: Mapping[str, object]) -> Told:
    """One transaction of the control API, checked field by field: it is JSON from another process."""
    deliveries = one["deliveries"]
    asked_at = one["asked_at"]
    assert isinstance(deliveries, list)  # noqa: S101 - for mypy: our own simulator sends lists
    assert isinstance(asked_at, list)  # noqa: S101 - as above
    return Told(
        transaction_id=str(one["transaction_id"]),
        status=Status(str(one["status"])),
        paid_at=_seconds(one["paid_at"]),
        tells_from=_seconds(one["confirm_from"]) or 0.0,
        asked=int(str(one["asked"])),
        shortest_gap=_seconds(one["shortest_gap"]),
        acknowledged=sum(bool(delivery["arrived"]) for delivery in deliveries),
        refused=sum(delivery["http_status"] is not None and not delivery["arrived"] for delivery in deliveries),
        sent=len(deliveries),
        amount=int(str(one["amount"])),
        customer=str(one["customer"]),
        route=str(one["payout"]),
        project=str(one["project"]),
        callback_url=str(one["callback_url"]),
        last_asked=_seconds(asked_at[-1]) if asked_at else None,
    )


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
