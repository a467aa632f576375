"""Money out over the deployed processes: sent once, settled by callback or by the sweep, and never again after a lost reply."""

from __future__ import annotations

import json
import secrets

import pytest
import requests

from tests.end_to_end.conftest import eventually
from tests.servers import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]


def body(ours: str, *, route: str = "mobile_money") -> dict:
    wanted = {"amount": 700, "customer": "22670000000", "custom_data": {"transaction_id": ours}}
    return {"route": route, "commande": wanted | ({"top_up_wallet": 1} if route == "wallet" else {})}


def fresh_id() -> str:
    return f"OUT-{secrets.token_hex(6)}"


def send(up, ours: str, **more) -> requests.Response:
    return up._api("POST", "/v1/payouts", json=body(ours, **more))


def payout(up, ours: str) -> dict:
    return up._api("GET", f"/v1/payouts/{ours}").json()


def received(up, ours: str) -> int:
    return requests.get(f"{up.simulator}/_sim/payouts", timeout=PATIENCE).json()["received"].get(ours, 0)


@pytest.mark.parametrize("route", ["mobile_money", "wallet"])
def test_a_payout_is_sent_once_and_its_callbacks_lead_to_one_settlement(up, route):
    ours = fresh_id()
    assert [send(up, ours, route=route).status_code for _ in range(3)] == [201, 200, 200]
    up.decide(ours, twins="form-json")
    eventually(lambda: payout(up, ours)["status"] == "completed", what=f"{ours} completed")
    assert (payout(up, ours)["settled_amount"], received(up, ours)) == (700, 1)

    def happened(word: str) -> int:
        shown = up.reconciler("payouts", "show", ours, "--json")
        return sum(word in moment["what"] for moment in json.loads(shown.stdout)["timeline"])

    eventually(lambda: happened("callback") == 2, what="both callbacks are read")
    assert happened("settled ") == 1
    events = up._api("GET", "/v1/events?limit=1000").json()["events"]
    assert [one["type"] for one in events if one["data"]["transaction_id"] == ours] == ["payout.completed"]


def test_after_a_lost_reply_a_person_decides_and_nothing_sends_it_again(up):
    ours = fresh_id()
    faults = {"create": {"kind": "reply_lost"}}
    requests.put(f"{up.simulator}/_sim/transactions/{ours}/faults", json=faults, timeout=PATIENCE).raise_for_status()
    lost = send(up, ours)
    assert (lost.status_code, send(up, ours).status_code) == (504, 200)
    up.decide(ours, twins="form-json")
    [case] = [
        one
        for one in json.loads(up.reconciler("cases", "list", "--json").stdout)["items"]
        if one["transaction_id"] == ours
    ]
    words = ("--as", "completed", "--override", "--reason", "seen in the dashboard", "--by", "awa")
    decided = up.reconciler("cases", "resolve", str(case["id"]), *words)
    assert decided.returncode == 0, decided.stderr + decided.stdout
    assert (payout(up, ours)["status"], received(up, ours)) == ("completed", 1)
    assert up.reconciler("fsck").returncode == 0
