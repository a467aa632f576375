"""Money out of the simulator: two routes with their manners, questions that say little, callbacks, and who paid twice."""

from __future__ import annotations

import json
from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
import requests

from tests.servers import PATIENCE
from worker.ligdicash.simulator.options import Options
from worker.ligdicash.simulator.running import running_simulator

WALLET, STRAIGHT = "/pay/v01/withdrawal/create", "/pay/v01/straight/payout"
CONFIRM = "/pay/v01/withdrawal/confirm/"
BOTH = pytest.mark.parametrize("path", [WALLET, STRAIGHT])


def body(ours="OUT1", *, amount=5000, callback_url="", **more):
    return {
        "commande": {
            "amount": amount,
            "description": "",
            "customer": "22670000000",
            "callback_url": callback_url,
            "top_up_wallet": 1,
            "external_id": ours,
            "custom_data": {"transaction_id": ours},
        }
        | more
    }


def pay(merchant, path, ours="OUT1", **more):
    return merchant.send(body(ours, **more), path=path).json()


def counts(merchant):
    return merchant.control("GET", "payouts")


@pytest.mark.parametrize(
    ("path", "custom_data", "wiki"), [(WALLET, [], "createWithdrawal"), (STRAIGHT, "", "createStraightWithdrawal")]
)
def test_an_accepted_payout_has_a_token_and_the_shape_of_its_route(merchant, path, custom_data, wiki):
    reply = pay(merchant, path)
    assert reply.pop("token").startswith("eyJ")
    assert reply == {
        "response_code": "00",
        "response_text": "",
        "description": "",
        "custom_data": custom_data,
        "wiki": f"https://client.ligdicash.com/wiki/{wiki}",
    }


@pytest.mark.parametrize(
    ("path", "name"), [(CONFIRM, "withdrawalToken"), ("/pay/v01/straight/payout/confirm", "payoutToken")]
)
def test_a_question_is_answered_without_amount_or_reference(merchant, path, name):
    token = pay(merchant, STRAIGHT)["token"]
    assert merchant.ask(token, path=path, name=name).json()["status"] == "pending"
    merchant.decide("OUT1")
    assert merchant.ask(token, path=path, name=name).json() == {
        "response_code": "00",
        "token": token,
        "response_text": "",
        "description": "",
        "custom_data": [],
        "status": "completed",
        "operator_id": "11",
        "operator_name": "ORANGE BURKINA",
        "wiki": "https://client.ligdicash.com/wiki/createStraightWithdrawal",
    }


def test_tokens_of_payins_and_payouts_are_good_for_their_own_question_alone(merchant):
    payin, payout = merchant.create(), pay(merchant, WALLET)["token"]
    assert merchant.confirm(payout)["response_text"] == "Echec (Code02)"
    assert merchant.ask(payin, path=CONFIRM, name="withdrawalToken").json()["response_text"] == "Echec (Code02)"


def test_a_failed_payout_is_told_in_the_way_that_was_chosen(merchant):
    token = pay(merchant, WALLET)["token"]
    merchant.decide("OUT1", "notcompleted", failed_as="01")
    told = merchant.ask(token, path=CONFIRM, name="withdrawalToken").json()
    assert (told["response_code"], told["status"]) == ("01", "notcompleted")


def test_a_second_one_under_the_same_id_is_refused_on_the_wallet_route(merchant):
    pay(merchant, WALLET)
    assert pay(merchant, WALLET)["response_text"] == "Echec (Code07)"
    assert counts(merchant) == {"received": {"OUT1": 2}, "refused": {}, "accepted": {"OUT1": 1}, "paid": {}}


def test_a_second_one_under_the_same_id_is_paid_again_on_the_straight_route(merchant):
    for _ in range(2):
        pay(merchant, STRAIGHT)
        merchant.decide("OUT1")
    assert counts(merchant) == {"received": {"OUT1": 2}, "refused": {}, "accepted": {"OUT1": 2}, "paid": {"OUT1": 2}}


@BOTH
@pytest.mark.parametrize(
    ("kind", "accepted"), [("reply_lost", 1), ("garbage", 1), ("no_status", 1), ("http500", 0), ("refuse01", 0)]
)
def test_trouble_before_and_after_acceptance_is_counted_apart(merchant, path, kind, accepted):
    merchant.control("PUT", "faults", {"create": {"kind": kind}})
    with suppress(requests.RequestException):
        pay(merchant, path)
    assert counts(merchant)["received"] == {"OUT1": 1}
    assert counts(merchant)["accepted"] == ({"OUT1": 1} if accepted else {})
    assert counts(merchant)["refused"] == ({"OUT1": 1} if kind == "refuse01" else {}), "only a no that was said is one"


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        (WALLET, {"amount": 99}, "05"),
        (STRAIGHT, {"amount": 19}, "02"),
        (STRAIGHT, {"amount": 1_000_001}, "02"),
        (WALLET, {"customer": "+22670000000"}, "09"),
        (WALLET, {"top_up_wallet": None}, "09"),
        (STRAIGHT, {"custom_data": 5}, "09"),
        (STRAIGHT, {"amount": "5000"}, "02"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_the_number_of_its_route(merchant, path, change, code):
    assert pay(merchant, path, **change)["response_text"] == f"Echec (Code{code})"
    assert counts(merchant)["accepted"] == {}


def test_a_number_that_no_operator_of_the_project_serves_is_refused_on_the_straight_route_alone(merchant):
    assert pay(merchant, STRAIGHT, customer="22177000000")["response_text"] == "Echec (Code05)"
    assert counts(merchant) == {"received": {"OUT1": 1}, "refused": {"OUT1": 1}, "accepted": {}, "paid": {}}
    assert pay(merchant, WALLET, customer="22177000000")["response_code"] == "00"


@BOTH
def test_what_is_no_payout_or_has_no_keys_is_refused(merchant, path):
    assert merchant.send([], path=path).json()["response_text"] == "Echec (Code09)"
    keyless = requests.post(merchant.simulator.base_url + path, json=body(), timeout=PATIENCE)
    assert keyless.json()["response_text"] == "Echec (Code00)"


@pytest.mark.parametrize(("path", "name"), [(WALLET, "LigdiCash ORANGE BURKINA"), (STRAIGHT, "ORANGE BURKINA")])
def test_callbacks_come_twice_in_a_shape_of_their_own(merchant, receiver, path, name):
    token = pay(merchant, path, callback_url=receiver.url)["token"]
    merchant.decide("OUT1")
    knocks = dict(receiver.wait_for(2))
    told = json.loads(knocks["application/json"])
    assert told.pop("token") not in ("", token)
    assert told == {
        "response_code": "00",
        "response_text": "",
        "status": "completed",
        "custom_data": [],
        "operator_id": 11,
        "operator_name": name,
        "url": receiver.url,
        "url_method": "",
        "transaction_id": "OUT1",
        "external_id": "OUT1",
        "montant": "5000",
        "amount": "5000",
    }
    form = dict(parse_qsl(knocks["application/x-www-form-urlencoded"].decode(), keep_blank_values=True))
    assert (form["custom_data"], form["transaction_id"], form["amount"]) == ("[]", "OUT1", "5000")


def test_the_books_keep_money_out_apart(merchant):
    pay(merchant, STRAIGHT)
    merchant.create()
    for ours in ("OUT1", "ART1"):
        merchant.decide(ours)
    told = merchant.control("GET", "books")
    assert (told["paid_amount"], told["paid_out_amount"]) == (4200, 5000)
    assert [one["payout"] for one in told["transactions"]] == ["straight", ""]


def test_an_id_that_was_paid_before_a_restart_is_still_known(tmp_path):
    options = Options(state=tmp_path / "state.json")
    for text in ("", "Echec (Code07)"):
        with running_simulator(options) as simulator, requests.Session() as session:
            session.headers.update({"Apikey": simulator.api_key, "Authorization": f"Bearer {simulator.api_token}"})
            reply = session.post(simulator.base_url + WALLET, json=body(), timeout=PATIENCE).json()
            assert reply["response_text"] == text
