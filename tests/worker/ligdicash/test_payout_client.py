"""Payouts over the wire: what is sent, which replies are a certain no, and that all else is unknown and sent once."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain
from urllib.parse import parse_qs, urlsplit

import pytest

from models.answers import Said
from models.errors import GatewayMisconfigured, GatewayRefused, NotSent, PayoutUnknown
from models.payout import Accepted, PayoutOrder
from models.transaction import Route
from tests.servers import free_port
from tests.simulated import client_to
from tests.worker.ligdicash.clients import QUICK, TOKEN, assert_no_secret_in, client_of, gateway_and_client
from tests.worker.ligdicash.scripted_gateway import message, resets, says
from worker.ligdicash.payout_codes import TABLES, payout_confirm_refusal
from worker.ligdicash.simulator.mint import Mint
from worker.ligdicash.simulator.options import Fault, FaultKind, Faults
from worker.ligdicash.simulator.running import running_simulator
from worker.ligdicash.sub_codes import NextStep, sub_code_of
from worker.ligdicash.wire import read_accepted, read_callback, read_payout_confirm, write_payout

STRAIGHT = PayoutOrder(
    transaction_id="OUT-1",
    amount=5000,
    route=Route.MOBILE_MONEY,
    customer="22670000000",
    description="refund",
    callback_url="https://shop.example/callback",
)
WALLET = replace(STRAIGHT, route=Route.WALLET, stays_in_wallet=True)
ACCEPTED = {"response_code": "00", "token": TOKEN, "response_text": "", "custom_data": []}


def reply(**fields) -> bytes:
    return json.dumps(ACCEPTED | fields).encode()


@pytest.mark.parametrize(
    ("order", "path", "more"),
    [
        (STRAIGHT, "/pay/v01/straight/payout", {}),
        (WALLET, "/pay/v01/withdrawal/create", {"top_up_wallet": 1}),
        (replace(WALLET, stays_in_wallet=False), "/pay/v01/withdrawal/create", {"top_up_wallet": 0}),
    ],
    ids=["straight", "stays in the wallet", "goes on"],
)
def test_a_payout_is_posted_once_to_its_route_with_our_id_in_both_places(order, path, more):
    with gateway_and_client(says(message(ACCEPTED))) as (gateway, client):
        assert client.send_payout(order) == Accepted(token=TOKEN)
    (asked,) = gateway.asked
    assert asked.line.split(" ")[:2] == ["POST", path]
    assert json.loads(asked.body) == {
        "commande": {
            "amount": 5000,
            "description": "refund",
            "customer": "22670000000",
            "callback_url": "https://shop.example/callback",
            "external_id": "OUT-1",
            "custom_data": {"transaction_id": "OUT-1"},
            **more,
        }
    }


def test_a_question_about_a_payout_has_an_address_of_its_own():
    answer = message({"response_code": "00", "status": "completed", "token": TOKEN, "operator_id": "11"})
    with gateway_and_client(says(answer)) as (gateway, client):
        told = client.confirm_payout(TOKEN)
    method, target, _ = gateway.asked[0].line.split(" ")
    assert (method, urlsplit(target).path) == ("GET", "/pay/v01/withdrawal/confirm/")
    assert parse_qs(urlsplit(target).query) == {"withdrawalToken": [TOKEN]}
    assert (told.said, told.amount, told.references, told.operator_id) == (Said.COMPLETED, None, (), "11")
    assert TOKEN.encode() not in told.body


def test_a_payout_that_never_left_is_not_sent():
    with client_of(f"http://127.0.0.1:{free_port()}", **QUICK) as client, pytest.raises(NotSent, match="not sent"):
        client.send_payout(STRAIGHT)


def test_a_connection_that_breaks_after_sending_is_unknown_and_tells_no_secret():
    with gateway_and_client(resets) as (gateway, client), pytest.raises(PayoutUnknown, match="under way") as caught:
        client.send_payout(STRAIGHT)
    assert len(gateway.asked) == 1
    assert_no_secret_in(caught.value)
    assert "22670000000" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 429, 500, 502, 503])
def test_every_other_http_status_is_unknown(status):
    with pytest.raises(PayoutUnknown, match=f"HTTP {status}"):
        read_accepted(status, reply(), route=Route.MOBILE_MONEY)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        reply(token=""),
        reply(token=None),
        reply(token="with a blank"),
        reply(response_code=""),
        reply(response_code="01"),
        reply(response_code="01", token="", response_text="Echec"),
        reply(response_code="01", token="", response_text="Echec (Code99)"),
        b" " * 70_000,
    ],
    ids=[
        "empty",
        "html",
        "a list",
        "no token",
        "null token",
        "odd token",
        "no code",
        "no with a token",
        "no sub-code",
        "unlisted",
        "endless",
    ],
)
@pytest.mark.parametrize("route", Route)
def test_what_is_neither_a_token_nor_a_certain_no_is_unknown(route, body):
    with pytest.raises(PayoutUnknown):
        read_accepted(200, body, route=route)


def refuse(code, route):
    body = reply(response_code="01", token="", response_text=f"Echec (Code{code})", response_text_details="why")
    with pytest.raises((GatewayRefused, GatewayMisconfigured, PayoutUnknown)) as caught:
        read_accepted(200, body, route=route)
    return caught.value


@pytest.mark.parametrize("route", Route)
def test_each_sub_code_comes_to_what_its_row_says(route):
    for code, row in TABLES[route].items():
        assert sub_code_of(f"Echec (Code{code})") == code == row.code
        error = refuse(code, route)
        if not row.is_certain:
            assert type(error) is PayoutUnknown
        elif row.next_step is NextStep.FIX_CONFIGURATION:
            assert type(error) is GatewayMisconfigured
        else:
            assert type(error) is GatewayRefused
        assert row.meaning in str(error)
        assert "why" in str(error)


def test_what_says_that_it_was_sent_before_or_broke_while_processing_is_never_a_refusal():
    uncertain = {route: [code for code, row in TABLES[route].items() if not row.is_certain] for route in Route}
    assert uncertain == {Route.WALLET: ["07", "08", "10"], Route.MOBILE_MONEY: ["09", "10"]}


def test_no_refused_question_says_what_became_of_a_payout():
    codes = {"", "99", *chain.from_iterable(TABLES.values())}
    assert {payout_confirm_refusal(code).comes_to for code in codes} == {Said.REFUSED, Said.UNKNOWN}
    body = b'{"response_code": "01", "token": "", "response_text": "Echec (Code02)"}'
    told = read_payout_confirm(200, body, token=TOKEN)
    assert (told.said, told.sub_code) == (Said.UNKNOWN, "02")


def numbered(number: str, *, made: float = 0) -> str:
    return Mint().mint(int(number), created_at=made, expires_at=made + 86_400, key="id_finance").token


def answered(**fields) -> Said:
    body = json.dumps({"response_code": "00", "status": "completed"} | fields).encode()
    return read_payout_confirm(200, body, token=numbered("1")).said


@pytest.mark.parametrize("status", ["completed", "notcompleted", "pending"])
def test_an_answer_about_another_payout_says_nothing_of_ours(status):
    assert answered(status=status, token=numbered("2")) is Said.UNKNOWN
    for token in (numbered("1"), numbered("1", made=60), "[hidden]", "", None, TOKEN, "eyJ.x.y", "a.e30.b", 7):
        assert answered(status=status, token=token).value == status


@pytest.mark.parametrize(
    "named",
    [
        {"amount": 1, "montant": 5000},
        {"amount": "5000.5"},
        {"amount": "?", "montant": ""},
        {"transaction_id": "OUT-1\x00"},
        {"external_id": ["OUT-1"]},
        {"custom_data": [{"keyof_customdata": "transaction_id", "valueof_customdata": "x" * 300}]},
    ],
)
def test_completed_beside_what_nobody_can_read_settles_nothing(named):
    assert answered(**named) is Said.UNKNOWN
    assert (
        answered(amount=5000, montant="5000", transaction_id="OUT-1", external_id="", custom_data=[]) is Said.COMPLETED
    )


@pytest.mark.parametrize("form", [False, True], ids=["json", "form"])
def test_a_callback_of_a_payout_names_us_at_the_root(form):
    told = read_callback(
        "application/x-www-form-urlencoded" if form else "application/json",
        b"status=completed&token=eyJ&custom_data=%5B%5D&operator_id=12&transaction_id=OUT-1&external_id=OUT-1&amount=100&montant=100"
        if form
        else b'{"status":"completed","token":"eyJ","custom_data":[],"operator_id":12,"transaction_id":"OUT-1",'
        b'"external_id":"OUT-1","amount":"100","montant":"100"}',
    )
    assert (told.claims, told.references, told.amount, told.operator_id) == (Said.COMPLETED, ("OUT-1",), 100, "12")


@pytest.fixture
def simulator():
    with running_simulator() as running:
        yield running


def test_client_and_simulator_understand_each_other_on_both_routes(simulator):
    with client_to(simulator) as client:
        for order in (STRAIGHT, replace(WALLET, transaction_id="OUT-2")):
            token = client.send_payout(replace(order, callback_url="")).token
            assert client.confirm_payout(token).said is Said.PENDING
            assert client.confirm(token).said is Said.NOT_FOUND


@pytest.mark.parametrize("kind", [FaultKind.REPLY_LOST, FaultKind.HTTP500, FaultKind.HTML, FaultKind.GARBAGE])
def test_trouble_of_the_gateway_is_unknown_and_nothing_sends_it_twice(simulator, kind):
    simulator.gateway.faults.set(Faults(create=Fault(kind=kind)))
    with client_to(simulator) as client, pytest.raises(PayoutUnknown):
        client.send_payout(replace(STRAIGHT, callback_url=""))
    assert simulator.gateway.payouts_received == {"OUT-1": 1}


def test_the_simulator_in_production_gets_nothing_that_would_be_believed(simulator):
    with client_to(simulator, refuse_simulator=True) as client, pytest.raises(GatewayMisconfigured, match="simulator"):
        client.send_payout(STRAIGHT)


def test_what_is_written_for_mobile_money_says_nothing_of_a_wallet():
    assert "top_up_wallet" not in write_payout(STRAIGHT)["commande"]


def test_neither_token_nor_number_is_ever_logged(caplog):
    caplog.set_level("DEBUG")
    with gateway_and_client(says(message(ACCEPTED, "200 OK", "no colon here"))) as (_, client):
        client.send_payout(STRAIGHT)
        client.confirm_payout(TOKEN)
    told = caplog.text + repr([record.__dict__ for record in caplog.records])
    assert "urllib3" in told
    assert TOKEN not in told
    assert STRAIGHT.customer not in told
