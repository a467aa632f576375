"""/v1/payouts: sent once, looked up, and each refusal in one line that names the field and the rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from models.errors import GatewayMisconfigured, GatewayRefused, NotSent, PayoutUnknown
from models.queries import stops
from models.session import transaction
from models.stop import Switch
from tests.ledger import all_at_once
from tests.webdoor import NOWHERE, open_door

PATH = "/v1/payouts"


def body(ours: object = "OUT-1", *, route="mobile_money", **more) -> dict:
    known = {"amount": 4200, "customer": "+226 70 00 00 00", "custom_data": {"transaction_id": ours}}
    return {"route": route, "commande": known | more}


@pytest.fixture(scope="module")
def opened(servers, template_database):
    """One door for the whole file: its tests are many small requests."""
    from tests.servers import create_database, drop_database, fresh_name

    name = fresh_name()
    with open_door(create_database(servers.postgres_url, name, template=template_database)) as door:
        yield door
    drop_database(servers.postgres_url, name)


@pytest.fixture
def door(opened):
    with transaction(opened.sessions) as step:
        step.session.execute(text("TRUNCATE transactions, cases RESTART IDENTITY CASCADE"))
    opened.fakes.gateway.payouts.__init__()
    return opened


def post(door, sent, **more):
    headers = {"Authorization": f"Bearer {more.pop('key', 'a-key-for-tests-only-0123456789')}"}
    return door.call("POST", PATH, json=sent, headers=headers, **more)


def get(door, ours):
    return door.call("GET", f"{PATH}/{ours}", headers={"Authorization": "Bearer a-key-for-tests-only-0123456789"})


def test_a_payout_is_sent_and_shown_without_its_token(door):
    answer = post(door, body())
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/payouts/OUT-1")
    assert answer.headers["cache-control"] == "no-store"
    view = answer.json()
    assert view.pop("created_at")
    assert view.pop("sent_at")
    assert view == {
        "transaction_id": "OUT-1",
        "account": "default",
        "status": "pending",
        "amount": 4200,
        "settled_amount": None,
        "currency": "XOF",
        "route": "mobile_money",
        "customer": "22670000000",
        "top_up_wallet": None,
        "description": "",
        "final_at": None,
        "operator_id": "",
        "operator_name": "",
        "refusal": "",
        "awaiting_approval": False,
        "queued": False,
    }
    assert "payout-1-of" not in answer.text
    assert get(door, "OUT-1").json() == answer.json()


def test_above_the_ceiling_it_is_stored_and_waits_with_202_whenever_it_comes(database_url):
    with open_door(database_url, payout_approval_above=4000) as door:
        for _ in range(2):
            answer = post(door, body())
            assert (answer.status_code, answer.json()["awaiting_approval"]) == (202, True)
            assert (answer.json()["status"], answer.json()["sent_at"]) == ("created", None)
        assert door.fakes.gateway.payouts.received == []


def test_while_sending_is_off_it_is_stored_and_queued_with_202_whenever_it_comes(door):
    with transaction(door.sessions) as step:
        stops.switch_off(step.session, Switch.SEND, author="awa", reason="x", length=timedelta(hours=1))
    for _ in range(2):
        answer = post(door, body())
        assert (answer.status_code, answer.json()["queued"], answer.json()["sent_at"]) == (202, True, None)
    with transaction(door.sessions) as step:
        stops.switch_on(step.session, Switch.SEND, author="awa")
    again = post(door, body())
    assert (again.status_code, again.json()["queued"], again.json()["status"]) == (200, False, "pending")
    assert len(door.fakes.gateway.payouts.received) == 1


@pytest.mark.parametrize(("given", "stays"), [(1, True), (0, False)])
def test_top_up_wallet_says_whether_the_money_stays_there(door, given, stays):
    answer = post(door, body(route="wallet", top_up_wallet=given))
    assert (answer.status_code, answer.json()["top_up_wallet"]) == (201, given)
    assert [order.stays_in_wallet for order in door.fakes.gateway.payouts.received] == [stays]


def test_the_same_body_again_is_the_same_payout_and_is_not_sent_again(door):
    first, again = post(door, body()), post(door, body(customer="22670000000", external_id="OUT-1"))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert len(door.fakes.gateway.payouts.received) == 1


def test_many_at_once_are_one_payout(door):
    answers = all_at_once(*[lambda: post(door, body())] * 5)
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200, 201]
    assert len(door.fakes.gateway.payouts.received) == 1


def test_another_body_under_the_same_id_is_a_conflict(door):
    post(door, body())
    answer = post(door, body(amount=4201))
    assert answer.status_code == 409
    assert len(door.fakes.gateway.payouts.received) == 1


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        ([], "the body: must be an object, {...}"),
        ({"commande": body()["commande"]}, "route: is missing"),
        (body(route="pigeon"), "route: "),
        ({"route": "wallet"}, "commande: is missing"),
        (body(custom_data={}), "commande.custom_data.transaction_id: is missing"),
        (body(""), "transaction_id must have 1 to 255 characters"),
        (body(amount="4200"), "commande.amount: must be a whole number"),
        (body(amount=19), "amount must be from 20 to 1,000,000 XOF, not 19"),
        (body(customer=22670000000), "commande.customer: must be text in quotes"),
        (body(customer="70000000"), "commande.customer: the phone number must begin with its country code"),
        (body(top_up_wallet=1), "top_up_wallet must be"),
        (body(route="wallet"), "top_up_wallet must be"),
        (body(route="wallet", top_up_wallet=True), "commande.top_up_wallet: must be a whole number"),
        (body(route="wallet", top_up_wallet=2), "commande.top_up_wallet: must be at most 1"),
        (body(external_id="OUT-2"), "commande.external_id: must be empty, or the same"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_the_field_and_sends_nothing(door, sent, line):
    answer = post(door, sent)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(line)
    assert door.fakes.gateway.payouts.received == []


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        (GatewayRefused("LigdiCash refused it", sub_code="05"), 422, "refused"),
        (GatewayMisconfigured("LigdiCash refuses us", sub_code="01"), 502, "refuses us"),
        (NotSent("it was not sent"), 503, "send the same request again"),
        (PayoutUnknown("the reply was lost."), 504, "pay it in no other way before that case is resolved"),
    ],
)
def test_trouble_at_the_gateway_says_what_to_do_next(door, fault, status, words):
    door.fakes.gateway.payouts.send_fault = fault
    answer = post(door, body())
    assert (answer.status_code, answer.json()["transaction_id"]) == (status, "OUT-1")
    assert words in answer.json()["error"]
    assert "new transaction_id" not in answer.json()["error"]
    assert get(door, "OUT-1").json()["status"] == ("created" if status == 504 else "refused")


def test_after_a_lost_reply_the_same_body_shows_that_it_was_sent_and_sends_nothing(door):
    door.fakes.gateway.payouts.send_fault = PayoutUnknown("the reply was lost.")
    post(door, body())
    door.fakes.gateway.payouts.send_fault = None
    answer = post(door, body())
    assert (answer.status_code, answer.json()["status"]) == (200, "created")
    assert answer.json()["sent_at"]
    assert len(door.fakes.gateway.payouts.received) == 1


def test_without_the_key_nothing_is_told_or_sent(door):
    assert post(door, body(), key="wrong").status_code == 401
    assert door.call("GET", f"{PATH}/OUT-1").status_code == 401
    assert door.fakes.gateway.payouts.received == []


def test_what_is_no_payout_is_not_found_and_an_invoice_is_none(door):
    door.v1("POST", json={"commande": {"invoice": {"total_amount": 900}, "custom_data": {"transaction_id": "IN-1"}}})
    for ours in ("IN-1", "nothing", "a%00b"):
        answer = get(door, ours)
        assert answer.status_code == 404
        assert answer.json()["error"].startswith("no payout has the transaction_id")
    assert post(door, body("IN-1")).status_code == 409


def test_with_the_database_away_nothing_is_sent():
    with open_door(NOWHERE) as door:
        assert post(door, body()).status_code == 503
        assert door.fakes.gateway.payouts.received == []
