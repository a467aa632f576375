"""A merchant tests a shop against the double: the fixture as it is published."""

from __future__ import annotations

import json

import pytest
import requests

from models.errors import NotFound, SettingsFault
from tests.servers import PATIENCE
from worker.ligdicash.double import running_double

CREATE = "/pay/v01/redirect/checkout-invoice/create"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm"
PAYOUT = "/pay/v01/straight/payout"


def keys(double) -> dict[str, str]:
    return {"Apikey": double.api_key, "Authorization": f"Bearer {double.api_token}"}


def checkout(double, reference: str = "ORDER-1", *, callback_url: str = "") -> str:
    invoice = {"items": [], "total_amount": 4200, "devise": "XOF", "customer": "", "otp": ""}
    order = {"invoice": invoice, "store": {"name": "Awa"}, "actions": {"callback_url": callback_url}}
    body = {"commande": order | {"custom_data": {"transaction_id": reference}}}
    return requests.post(double.base_url + CREATE, json=body, headers=keys(double), timeout=PATIENCE).json()["token"]


def ask(double, token: str) -> requests.Response:
    return requests.get(
        double.base_url + CONFIRM, params={"invoiceToken": token}, headers=keys(double), timeout=PATIENCE
    )


def test_a_paid_order_is_called_back_twice_and_confirmed(ligdicash_double, receiver):
    token = checkout(ligdicash_double, callback_url=receiver.url)

    ligdicash_double.pay("ORDER-1")
    ligdicash_double.wait_for_callbacks()

    assert len(receiver.knocks) == 2
    assert ask(ligdicash_double, token).json()["status"] == "completed"
    assert ligdicash_double.transaction("ORDER-1")["asked"] == 1


def test_callbacks_may_claim_what_confirm_does_not_say(ligdicash_double, receiver):
    token = checkout(ligdicash_double, callback_url=receiver.url)

    ligdicash_double.pay("ORDER-1", callback_status="notcompleted", manners={"twins": "json-only"})
    ligdicash_double.wait_for_callbacks()

    assert json.loads(receiver.knocks[0][1])["status"] == "notcompleted"
    assert ask(ligdicash_double, token).json()["status"] == "completed"


def test_custom_data_comes_back_under_its_oldest_name(ligdicash_double):
    token = checkout(ligdicash_double)
    ligdicash_double.fail("ORDER-1", manners={"custom_data": "old-name"})

    answer = ask(ligdicash_double, token).json()

    assert "custom_data" not in answer
    assert answer["customdata"]["transaction_id"] == "ORDER-1"


def test_a_forged_callback_changes_nothing_the_gateway_knows(ligdicash_double, receiver):
    token = checkout(ligdicash_double)

    sent = ligdicash_double.forge(receiver.url, "ORDER-1", amount=4200, encoding="form")

    assert sent.arrived
    assert len(receiver.knocks) == 1
    assert ask(ligdicash_double, token).json()["status"] == "pending"


def test_calls_break_as_told_and_for_whom(ligdicash_double):
    broken, sound = checkout(ligdicash_double, "ORDER-1"), checkout(ligdicash_double, "ORDER-2")

    ligdicash_double.break_calls("ORDER-1", confirm={"kind": "http500"})

    assert ask(ligdicash_double, broken).status_code == 500
    assert ask(ligdicash_double, sound).status_code == 200


def test_a_payout_sent_twice_is_counted_twice(ligdicash_double):
    body = {"commande": {"amount": 500, "customer": "22670000000", "custom_data": {"transaction_id": "OUT-1"}}}
    for _ in range(2):
        requests.post(ligdicash_double.base_url + PAYOUT, json=body, headers=keys(ligdicash_double), timeout=PATIENCE)

    assert ligdicash_double.received_payouts("OUT-1") == 2


@pytest.mark.ligdicash_double(rate_limit="http429")
def test_options_are_set_by_the_marker(ligdicash_double):
    token = checkout(ligdicash_double)

    assert [ask(ligdicash_double, token).status_code for _ in range(2)] == [200, 429]


def test_an_option_that_does_not_exist_is_refused_by_name():
    with pytest.raises(SettingsFault, match="rate_limits"), running_double(rate_limits="http429"):
        pass


def test_a_reference_nobody_created_cannot_be_paid(ligdicash_double):
    with pytest.raises(NotFound):
        ligdicash_double.pay("ORDER-9")
