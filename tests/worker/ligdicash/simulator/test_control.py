"""The control API tells everything, decides anything, forges callbacks, and takes no half-understood order."""

from __future__ import annotations

import json

import pytest
import requests

from tests.servers import PATIENCE


def test_a_payment_is_decided_with_its_time_operator_and_phone(merchant):
    merchant.create()

    seen = merchant.decide(operator_id="12", phone="22660000000")

    assert (seen["status"], seen["operator_id"], seen["phone"]) == ("completed", "12", "22660000000")
    assert seen["paid_at"] == seen["decided_at"] >= seen["created_at"]


def test_a_decision_can_be_taken_back_and_the_first_time_of_payment_stays(merchant):
    token = merchant.create()
    paid_at = merchant.decide()["paid_at"]

    assert merchant.decide(status="pending")["paid_at"] == paid_at
    assert merchant.confirm(token)["status"] == "pending"
    assert merchant.decide(status="completed")["paid_at"] == paid_at


def test_a_transaction_is_found_by_the_gateways_number_too(merchant):
    merchant.create("ART/1 é")
    [listed] = merchant.control("GET", "transactions")["transactions"]

    assert merchant.control("GET", f"transactions/{listed['request_id']}")["transaction_id"] == "ART/1 é"
    assert merchant.control("GET", "transactions/ART%2F1%20%C3%A9")["request_id"] == listed["request_id"]


def test_transactions_are_listed_page_by_page_in_the_order_of_creation(merchant):
    for number in range(5):
        merchant.create(f"ART{number}")

    first = merchant.control("GET", "transactions?limit=3")
    second = merchant.control("GET", f"transactions?after={first['next']}&limit=3")

    listed = [each["transaction_id"] for page in (first, second) for each in page["transactions"]]
    assert listed == ["ART0", "ART1", "ART2", "ART3", "ART4"]
    assert second["next"] == 5


def test_the_books_add_up(merchant):
    token = merchant.create("ART1", amount=100)
    merchant.create("ART2", amount=200)
    merchant.create("ART3", amount=300)
    merchant.decide("ART1")
    merchant.decide("ART2", "notcompleted")
    merchant.confirm(token)
    merchant.confirm(token)
    merchant.confirm("nobody's")

    books = merchant.control("GET", "books")

    assert books["created"] == 3
    assert books["by_status"] == {"pending": 1, "completed": 1, "notcompleted": 1}
    assert books["paid_amount"] == 100
    assert books["confirms"] == 2
    assert books["counters"]["unknown_tokens"] == 1
    first = books["transactions"][0]
    assert first["asked"] == 2
    assert books["shortest_gap"] == pytest.approx(first["asked_at"][1] - first["asked_at"][0])


def test_no_listing_shows_a_token(merchant):
    token = merchant.create()
    merchant.decide()

    for path in ("books", "transactions", "transactions/ART1"):
        assert token not in json.dumps(merchant.control("GET", path))


@pytest.mark.parametrize("encoding", ["json", "form"])
def test_a_forged_callback_of_a_known_transaction_leaves_the_books_alone(merchant, receiver, encoding):
    token = merchant.create()

    forged = merchant.control(
        "POST", "forge", {"url": receiver.url, "transaction_id": "ART1", "amount": 1, "encoding": encoding}
    )

    assert [each["http_status"] for each in forged["deliveries"]] == [200]
    assert b"ART1" in receiver.knocks[0][1]
    assert b"completed" in receiver.knocks[0][1]
    assert merchant.confirm(token)["status"] == "pending"
    assert merchant.control("GET", "books")["counters"]["forged"] == 1


def test_a_callback_can_be_forged_for_a_transaction_nobody_made(merchant, receiver):
    merchant.control(
        "POST", "forge", {"url": receiver.url, "transaction_id": "NOBODY", "amount": 77, "encoding": "both"}
    )

    told = json.loads(receiver.knocks[0][1])
    assert (told["external_id"], told["amount"]) == ("NOBODY", 77)
    assert len(receiver.knocks) == 2
    assert merchant.control("GET", "books")["created"] == 0


def test_what_does_not_exist_is_404(merchant):
    merchant.control("GET", "transactions/NOBODY", expect=404)
    merchant.control("POST", "transactions/NOBODY/decide", {"status": "completed"}, expect=404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "paid"},
        {"status": "completed", "confirm_ammount": 1},
        {"status": "completed", "callbacks": {"twin": "none"}},
        {"status": "completed", "callbacks": {"gap": -1}},
        {"status": "completed", "callbacks": []},
        {"status": "completed", "confirm_amount": "42"},
        [],
    ],
)
def test_a_decision_that_is_not_understood_changes_nothing(merchant, body):
    merchant.create()

    assert merchant.control("POST", "transactions/ART1/decide", body, expect=422)["error"]
    assert merchant.control("GET", "transactions/ART1")["status"] == "pending"


def test_a_web_page_cannot_use_the_control_api_without_asking(merchant):
    """A form or a plain-text body needs no permission of the browser; JSON does."""
    merchant.create()
    url = f"{merchant.simulator.base_url}/_sim/transactions/ART1/decide"

    reply = requests.post(url, data='{"status": "completed"}', headers={"Content-Type": "text/plain"}, timeout=PATIENCE)

    assert reply.status_code == 422
    assert merchant.control("GET", "transactions/ART1")["status"] == "pending"


@pytest.mark.parametrize("query", ["after=-1", "limit=x", "after=٣"])
def test_a_page_that_is_no_number_is_refused(merchant, query):
    merchant.control("GET", f"transactions?{query}", expect=422)


def test_confirm_can_name_another_reference_than_the_merchants(merchant):
    token = merchant.create("ART1")
    merchant.decide(confirm_reference="ART2")

    told = merchant.confirm(token)

    assert told["external_id"] == "ART2"
    assert [e["valueof_customdata"] for e in told["custom_data"] if e["keyof_customdata"] == "transaction_id"] == [
        "ART2"
    ]
    assert merchant.control("GET", "transactions/ART1")["status"] == "completed"


def test_callbacks_wait_in_the_post_until_they_are_answered(merchant, receiver, wait_until):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "json-form", "delay": 0.3, "gap": 0})

    assert merchant.control("GET", "post") == {"waiting": 2}
    receiver.wait_for(2)
    wait_until(lambda: merchant.control("GET", "post") == {"waiting": 0})
    assert len(merchant.control("GET", "transactions/ART1")["deliveries"]) == 2
