"""The door with several accounts: an address for the callbacks of each, orders and events by account."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from models.account import DEFAULT
from models.check import Lane
from tasks.confirm import confirm
from tests.fakes import API_KEY, FakeAccounts, Fakes, completed, toolbox
from tests.webdoor import open_door, until

PATH = "/api/callback/ligdicash"
ORDER = {"commande": {"invoice": {"total_amount": 5000}, "custom_data": {"transaction_id": "ORDER-1"}}}


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def shop():
    return Fakes()


@pytest.fixture
def accounts(fakes, shop):
    return FakeAccounts(fakes.account(DEFAULT), shop.account("shop"))


@pytest.fixture
def door(shared_url, fakes, accounts):
    with open_door(shared_url, fakes=fakes, accounts=accounts) as door:
        yield door


def events(door, query=""):
    return door.call("GET", f"/v1/events{query}", headers={"Authorization": f"Bearer {API_KEY}"})


@pytest.mark.parametrize("end", ["", "/"])
def test_a_callback_of_an_account_is_stored_and_rung_for_like_any_other(door, end):
    answer = door.call("POST", f"{PATH}/shop{end}", json={"status": "completed"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    [stored] = door.callbacks()
    assert stored.headers[":path"] == f"{PATH}/shop{end}"
    until(lambda: door.fakes.queue.ids_to_read == [stored.id])


def test_at_the_plain_address_nothing_is_added(door):
    door.call("POST", PATH, json={})
    assert ":path" not in door.callbacks()[0].headers


def test_an_account_nobody_knows_is_noted_and_its_callback_stored_all_the_same(door):
    with capture_logs() as logs:
        answer = door.call("POST", f"{PATH}/sh%0Aop{'x' * 100}", json={"status": "completed"})
    assert answer.status_code == 200
    [stored] = door.callbacks()
    assert stored.headers[":path"].startswith(f"{PATH}/sh")
    [line] = [line for line in logs if line["event"] == "callback_for_unknown_account"]
    assert len(line["account"]) == 40
    assert line["account"].isprintable()


def test_nothing_lies_behind_the_name_of_an_account(door):
    assert door.call("POST", f"{PATH}/shop/more", json={}).status_code == 404
    assert door.callbacks() == []


def test_what_is_no_callback_is_refused_there_too(door):
    assert door.call("POST", f"{PATH}/shop", data=b"x", headers={"Content-Type": "text/html"}).status_code == 415
    assert door.call("GET", f"{PATH}/shop").status_code == 405


def test_an_order_names_its_account_and_is_shown_with_it(door, fakes, shop):
    answer = door.v1("POST", json=ORDER | {"account": "shop"})
    assert (answer.status_code, answer.json()["account"]) == (201, "shop")
    assert door.v1("GET", "/ORDER-1").json()["account"] == "shop"
    assert (len(fakes.gateway.orders), len(shop.gateway.orders)) == (0, 1)


@pytest.mark.parametrize("more", [{}, {"account": ""}, {"account": None}, {"account": DEFAULT}], ids=range(4))
def test_an_order_without_one_is_of_the_plain_settings(door, more):
    assert door.v1("POST", json=ORDER | more).json()["account"] == DEFAULT


@pytest.mark.parametrize("named", ["nowhere", "Shop", "x" * 900])
def test_an_account_that_is_not_set_up_is_refused_in_a_sentence_that_names_those_there_are(door, named):
    answer = door.v1("POST", json=ORDER | {"account": named})
    assert answer.status_code == 422
    told = f"account: there is no account {named[:40]!r} here; there are default, shop"
    assert answer.json()["error"] == told
    assert door.invoices() == []


def test_the_same_id_in_another_account_is_a_conflict(door):
    door.v1("POST", json=ORDER)
    answer = door.v1("POST", json=ORDER | {"account": "shop"})
    assert answer.status_code == 409
    assert "taken by an order of the account 'default'" in answer.json()["error"]


def payout(door, **more):
    told = {"amount": 4200, "customer": "22670000000", "custom_data": {"transaction_id": "OUT-1"}}
    sent = {"route": "mobile_money", "commande": told} | more
    return door.call("POST", "/v1/payouts", json=sent, headers={"Authorization": f"Bearer {API_KEY}"})


def test_a_payout_goes_out_of_the_account_it_names(door, fakes, shop):
    answer = payout(door, account="shop")
    assert (answer.status_code, answer.json()["account"]) == (201, "shop")
    assert (len(fakes.gateway.payouts.received), len(shop.gateway.payouts.received)) == (0, 1)
    assert "taken by an order of the account 'shop'" in payout(door).json()["error"]


def test_a_payout_of_an_account_that_is_not_set_up_is_refused(door):
    answer = payout(door, account="nowhere")
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "account: there is no account 'nowhere' here; there are default, shop",
    )


@pytest.mark.parametrize(("account", "status"), [("shop", 422), (DEFAULT, 201)])
def test_the_operators_of_a_payout_are_those_of_its_account(door, accounts, fakes, shop, account, status):
    accounts.add(fakes.account(DEFAULT, operators=("11",)))
    accounts.add(shop.account("shop", operators=("3",)))
    assert payout(door, account=account).status_code == status


def test_a_code_is_sent_by_the_account_of_the_order_to_come(door, fakes, shop):
    asked = {"customer": "22676000000", "amount": 4200, "account": "shop"}
    answer = door.call("POST", "/v1/wallet-otps", json=asked, headers={"Authorization": f"Bearer {API_KEY}"})
    assert answer.status_code == 202
    assert (fakes.gateway.sent_to, shop.gateway.sent_to) == ([], [("22676000000", 4200)])


def test_each_account_has_events_and_numbers_of_its_own(door, fakes, shop):
    accounts = FakeAccounts(fakes.account(DEFAULT), shop.account("shop"))
    tools = toolbox(door.sessions, fakes, accounts=accounts)
    for number, account in enumerate(("shop", DEFAULT), start=1):
        order = {"commande": {"invoice": {"total_amount": 5000}, "custom_data": {"transaction_id": f"O-{number}"}}}
        door.v1("POST", json=order | {"account": account})
        gateway = shop.gateway if account == "shop" else fakes.gateway
        gateway.says(f"token-1-of-O-{number}", completed(5000, f"O-{number}"))
        confirm(tools, [number], lane=Lane.PERSON)
    [event] = events(door, "?account=shop").json()["events"]
    assert (event["seq"], event["data"]["account"], event["data"]["transaction_id"]) == (1, "shop", "O-1")
    [event] = events(door).json()["events"]
    assert (event["seq"], event["data"]["account"], event["data"]["transaction_id"]) == (1, DEFAULT, "O-2")


def test_events_of_an_account_that_never_was_are_refused_and_those_of_one_that_was_are_told(door):
    answer = events(door, "?account=nowhere")
    assert answer.status_code == 422
    assert "there is no account 'nowhere' here" in answer.json()["error"]
    with door.sessions() as session:
        session.execute(text("INSERT INTO notice_counters (account, last_seq) VALUES ('nowhere', 0)"))
        session.commit()
    assert events(door, "?account=nowhere").json() == {"events": [], "next": 0, "more": False}
    assert events(door, "?account=%00").status_code == 422
