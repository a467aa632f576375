"""Direct and wallet payins over the real processes: ordered at the door, called back or not, confirmed, settled once."""

from __future__ import annotations

import re

import pytest
import requests

from tests.end_to_end.conftest import Up
from tests.servers import PATIENCE

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

NUMBER = "22676543210"
PUSHED = "22997654321"
MICROSECONDS = re.compile(r"\.\d{6}Z")


def order(up: Up, transaction_id: str, *, mode: str = "direct", number: str = NUMBER, otp: str = "", **more):
    invoice = {"total_amount": 4200, "customer": number, "otp": otp}
    body = {"mode": mode, "commande": {"invoice": invoice, "custom_data": {"transaction_id": transaction_id}}, **more}
    return up._api("POST", "/v1/invoices?lang=fr", json=body)


def phone(up: Up, method: str, path: str, body: object = None) -> dict:
    reply = requests.request(method, f"{up.simulator}/_sim/phones/{path}", json=body, timeout=PATIENCE)
    reply.raise_for_status()
    return reply.json()


def test_payins_without_the_page_are_settled_like_all_others_and_their_codes_are_nowhere(up):
    asked = order(up, "E-CODE", operator_id="11")
    assert (asked.status_code, asked.json()["next"]["ussd_code"]) == (422, "*144*4*6*4200#")
    assert asked.json()["next"]["message"].startswith("Un code à usage unique est nécessaire.")
    dialled = phone(up, "POST", f"{NUMBER}/dial", {"amount": 4200})["otp"]
    wrong = f"{(int(dialled) + 1) % 10**6:06}"
    refused = order(up, "E-CODE", otp=wrong, operator_id="11")
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_otp")
    assert order(up, "E-CODE", otp=dialled, operator_id="11").json()["status"] == "pending"

    assert order(up, "E-PUSH", number=PUSHED, operator_id="1").json()["next"]["kind"] == "approve"

    assert up._api("POST", "/v1/wallet-otps", json={"customer": NUMBER, "amount": 4200}).status_code == 202
    texted = phone(up, "GET", NUMBER)["sms"]
    assert order(up, "E-WALLET", mode="wallet", otp=texted).json()["status"] == "pending"

    for transaction_id, twins in (("E-CODE", "form-json"), ("E-PUSH", "none"), ("E-WALLET", "json-form")):
        up.decide(transaction_id, twins=twins)
    for transaction_id, who in (("E-CODE", "callback"), ("E-WALLET", "callback"), ("E-PUSH", "sweep")):
        up.becomes(transaction_id, "completed")
        history = up.reconciler("invoices", "show", transaction_id)
        assert history.returncode == 0, history.stderr
        assert who in history.stdout
    assert up.invoice("E-CODE")["next"] is None
    assert (up.invoice("E-WALLET")["settled_amount"], up.invoice("E-WALLET")["payer"]) == (4200, "226******10")

    logs = "".join(file.read_text(errors="replace") for file in (up.data / "logs").rglob("*") if file.is_file())
    assert "refused" in logs
    seen = MICROSECONDS.sub("", logs)  # six digits too
    assert [secret for secret in (dialled, texted, NUMBER, PUSHED) if secret in seen] == []
