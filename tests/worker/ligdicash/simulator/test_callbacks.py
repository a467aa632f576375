"""The simulator knocks as the gateway does: twice, in two encodings, unsigned; and astray where told to."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest

from worker.ligdicash.simulator.manners import Manners
from worker.ligdicash.simulator.options import Mishaps, Payer, Shares, Span

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def form_of(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


def statuses(knocks) -> list[str]:
    return [json.loads(body)["status"] if kind == JSON else form_of(body)["status"] for kind, body in knocks]


def test_a_decision_is_announced_twice_with_an_empty_token(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide()

    (first, form), (second, body) = receiver.wait_for(2)

    told = json.loads(body)
    assert (first, second) == (FORM, JSON)
    assert (told["token"], told["status"], told["amount"], told["operator_id"]) == ("", "completed", 4200, "11")
    assert "transaction_id" not in told
    assert json.loads(form_of(form)["custom_data"]) == told["custom_data"]
    assert form_of(form)["amount"] == "4200"
    assert form_of(form)["oreference"] == ""


def test_the_callback_has_the_keys_of_the_answer_to_confirm(merchant, receiver):
    token = merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "json-only"})

    [(_, body)] = receiver.wait_for(1)

    assert json.loads(body) == merchant.confirm(token)


@pytest.mark.parametrize(
    ("twins", "kinds"),
    [("json-form", [JSON, FORM]), ("form-json", [FORM, JSON]), ("json-only", [JSON]), ("form-only", [FORM])],
)
def test_the_twins_come_in_the_chosen_order(merchant, receiver, twins, kinds, wait_until):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": twins, "gap": 0.3})

    receiver.wait_for(len(kinds))
    wait_until(lambda: len(merchant.control("GET", "transactions/ART1")["deliveries"]) == len(kinds))
    assert [kind for kind, _ in receiver.knocks] == kinds


def test_a_lost_callback_is_never_sent_while_confirm_tells_the_truth(merchant, receiver):
    token = merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "none"})
    merchant.create("ART2", callback_url=receiver.url)
    merchant.decide("ART2", callbacks={"twins": "json-only"})

    [(_, body)] = receiver.wait_for(1)

    assert json.loads(body)["external_id"] == "ART2"
    assert merchant.confirm(token)["status"] == "completed"


def test_a_late_callback_waits(merchant, receiver, wait_until):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "json-only", "delay": 0.3})

    wait_until(lambda: merchant.control("GET", "books")["callbacks_sent"] == 1)
    seen = merchant.control("GET", "transactions/ART1")
    assert seen["first_callback_at"] - seen["decided_at"] >= 0.3


def test_callbacks_can_be_doubled(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"copies": 3, "gap": 0})

    assert len(receiver.wait_for(6)) == 6


@pytest.mark.parametrize(("side", "told"), [("first", ["pending", "completed"]), ("last", ["completed", "pending"])])
def test_a_pending_callback_can_come_before_or_after_the_final_one(merchant, receiver, side, told):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "json-only", "pending": side, "gap": 0.3})

    assert statuses(receiver.wait_for(2)) == told


def test_a_failed_payment_is_announced_too(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide(status="notcompleted")

    assert statuses(receiver.wait_for(2)) == ["notcompleted", "notcompleted"]


def test_a_callback_may_tell_another_amount_than_confirm(merchant, receiver):
    token = merchant.create(callback_url=receiver.url)
    merchant.decide(callback_amount=42, confirm_amount=43, callbacks={"twins": "json-only"})

    [(_, body)] = receiver.wait_for(1)

    assert json.loads(body)["amount"] == json.loads(body)["montant"] == 42
    assert merchant.confirm(token)["amount"] == 43


def test_a_callback_may_outrun_confirm(merchant, receiver, wait_until):
    token = merchant.create(callback_url=receiver.url)
    merchant.decide(confirm_after=1)

    assert statuses(receiver.wait_for(1)) == ["completed"]
    assert merchant.confirm(token)["status"] == "pending"
    wait_until(lambda: merchant.confirm(token)["status"] == "completed")


def test_the_flattened_form_names_each_entry_by_its_key(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "form-only", "form_shape": "flattened"})

    [(_, body)] = receiver.wait_for(1)

    assert form_of(body)["custom_data[transaction_id]"] == "ART1"
    assert "customer_details[phone]" in form_of(body)


def test_the_indexed_form_counts_the_entries(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"twins": "form-only", "form_shape": "indexed"})

    [(_, body)] = receiver.wait_for(1)

    assert form_of(body)["custom_data[0][keyof_customdata]"] == "transaction_id"
    assert form_of(body)["custom_data[0][valueof_customdata]"] == "ART1"


@pytest.mark.parametrize("shape", ["json-text", "flattened", "indexed"])
@pytest.mark.parametrize(
    ("style", "told"),
    [("empty-list", []), ("empty-text", "")],
)
def test_custom_data_can_come_back_empty_in_either_spelling(merchant, receiver, style, told, shape):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"custom_data": style, "form_shape": shape})

    (_, form), (_, body) = receiver.wait_for(2)

    assert json.loads(body)["custom_data"] == told
    assert form_of(form)["custom_data"] == ("[]" if shape == "json-text" and told == [] else "")


def test_custom_data_can_come_back_as_an_object_or_as_old_entries(merchant, receiver):
    merchant.create(callback_url=receiver.url)
    merchant.decide(callbacks={"custom_data": "object", "twins": "json-only"})
    receiver.wait_for(1)
    merchant.decide(callbacks={"custom_data": "old-entries", "twins": "json-only"})

    as_object, as_entries = (json.loads(body)["custom_data"] for _, body in receiver.wait_for(2))

    assert as_object["transaction_id"] == "ART1"
    assert set(as_entries[0]) == {"id_invoice", "keyof_customdata", "valueof_customdata"}


def test_a_receiver_that_refuses_is_noted_and_not_tried_again(merchant, receiver, wait_until):
    receiver.status = 500
    merchant.create(callback_url=receiver.url)
    merchant.decide()

    wait_until(lambda: merchant.control("GET", "books")["callbacks_failed"] == 2)
    assert [each["http_status"] for each in merchant.control("GET", "transactions/ART1")["deliveries"]] == [500, 500]
    assert len(receiver.knocks) == 2


def test_a_receiver_that_is_away_is_noted(merchant, wait_until):
    merchant.create(callback_url="http://127.0.0.1:1/closed")
    merchant.decide(callbacks={"twins": "json-only"})

    wait_until(lambda: merchant.control("GET", "books")["callbacks_failed"] == 1)
    [delivery] = merchant.control("GET", "transactions/ART1")["deliveries"]
    assert (delivery["http_status"], delivery["trouble"]) == (None, "ConnectionError")


def test_an_invoice_without_a_callback_address_is_paid_in_silence(merchant):
    merchant.create()

    assert merchant.decide()["status"] == "completed"
    assert merchant.control("GET", "books")["callbacks_sent"] == 0


def test_a_callback_can_arrive_before_the_reply_to_create(start, receiver):
    merchant = start(
        payer=Payer.AUTO, shares=Shares(completed=1), pay_delay=Span(), create_latency=Span(low=0.5, high=0.5)
    )
    knocked = []
    merchant.session.hooks["response"].append(lambda *_, **__: knocked.append(len(receiver.knocks)))

    merchant.create(callback_url=receiver.url)

    assert knocked[0] >= 1


@pytest.mark.parametrize("name", ["lost", "late", "doubled", "reordered"])
def test_a_share_of_the_callbacks_goes_astray(start, receiver, name):
    merchant = start(manners=Manners(gap=0.2), mishaps=Mishaps(**{name: 1.0}, late_by=Span(low=0.2, high=0.2)))
    merchant.create(callback_url=receiver.url)

    seen = merchant.decide()

    expected = {"lost": 0, "late": 2, "doubled": 4, "reordered": 4}[name]
    assert seen["mishap"] == name
    assert len(receiver.wait_for(expected)) == expected
    if name == "reordered":
        assert statuses(receiver.knocks) == ["completed", "completed", "pending", "pending"]
