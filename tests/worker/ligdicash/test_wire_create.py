"""Creating a hosted payin: the body we send, and what every kind of reply means."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.answers import Created
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid, OutcomeUnknown, ReconcilerError
from models.order import InvoiceOrder, Item
from models.payin import Payer
from models.transaction import Mode
from worker.ligdicash.sub_codes import CREATE, NextStep
from worker.ligdicash.wire import MAX_BODY, read_created, write_create

TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpZF9pbnZvaWNlIjoiNyJ9.c2lnbmF0dXJl"
URL = f"https://client.ligdicash.com/directpayment/invoice/{TOKEN}"


def reply(**fields) -> bytes:
    return json.dumps({"response_code": "01", "token": "", "response_text": "", "description": "", **fields}).encode()


def refusal_of(*, otp: str = "", **fields) -> ReconcilerError:
    with pytest.raises((GatewayRefused, GatewayMisconfigured)) as caught:
        read_created(200, reply(**fields), otp=otp)
    return caught.value


def test_an_order_is_written_as_the_reference_page_has_it():
    order = InvoiceOrder(
        transaction_id="ORD-2025-00042",
        amount=10_000,
        description="Two shirts",
        items=(Item(name="Shirt", quantity=2, unit_price=5000, total_price=10_000, description="blue"),),
        customer_firstname="Awa",
        customer_lastname="O",
        customer_email="awa@example.com",
        store_name="Shop",
        store_url="https://shop.example",
        return_url="https://shop.example/thanks",
        cancel_url="https://shop.example/basket",
        callback_url="https://pay.example/callback",
        custom_data={"basket": "7"},
    )
    assert write_create(order) == {
        "commande": {
            "invoice": {
                "items": [
                    {"name": "Shirt", "description": "blue", "quantity": 2, "unit_price": 5000, "total_price": 10_000}
                ],
                "total_amount": 10_000,
                "devise": "XOF",
                "description": "Two shirts",
                "customer": "",
                "customer_firstname": "Awa",
                "customer_lastname": "O",
                "customer_email": "awa@example.com",
                "external_id": "",
                "otp": "",
            },
            "store": {"name": "Shop", "website_url": "https://shop.example"},
            "actions": {
                "cancel_url": "https://shop.example/basket",
                "return_url": "https://shop.example/thanks",
                "callback_url": "https://pay.example/callback",
            },
            "custom_data": {"transaction_id": "ORD-2025-00042", "basket": "7"},
        }
    }


def test_an_order_without_items_has_an_empty_list_of_them():
    written = write_create(InvoiceOrder(transaction_id="A", amount=100))
    assert written["commande"]["invoice"]["items"] == []


@pytest.mark.parametrize("name", ["user_id", "guide", "Paid", "transaction_id"])
def test_a_second_name_with_id_in_it_is_never_sent(name):
    with pytest.raises(Invalid, match=name):
        write_create(InvoiceOrder(transaction_id="A", amount=100, custom_data={name: "x"}))


@pytest.mark.parametrize("custom_data", [[], "", {"logfile": "x"}, None])
def test_an_accepted_invoice_has_its_token_and_address(custom_data):
    body = reply(response_code="00", token=TOKEN, response_text=URL, custom_data=custom_data, more="keys")
    assert read_created(200, body) == Created(token=TOKEN, payment_url=URL)


def test_the_documented_reply_without_description_is_enough():
    body = json.dumps({"response_code": "00", "token": TOKEN, "response_text": URL}).encode()
    assert read_created(200, body).token == TOKEN


@pytest.mark.parametrize("code", CREATE)
def test_every_sub_code_becomes_the_error_its_row_asks_for(code):
    row = CREATE[code]
    error = refusal_of(response_text=f"Echec (Code{code})", wiki="https://client.ligdicash.com/wiki/createInvoice")
    configuration = row.next_step is NextStep.FIX_CONFIGURATION
    assert type(error) is (GatewayMisconfigured if configuration else GatewayRefused)
    assert (error.sub_code, error.text) == (code, f"Echec (Code{code})")
    assert error.wiki == "https://client.ligdicash.com/wiki/createInvoice"
    assert row.meaning in str(error)
    assert str(error).endswith(row.next_step.value)


def test_the_details_of_a_refusal_name_its_cause():
    error = refusal_of(response_text="Echec (Code04)", response_text_details='Undefined array key "unit_price"')
    assert type(error) is GatewayRefused
    assert error.details == 'Undefined array key "unit_price"'
    assert error.details in str(error)
    assert NextStep.FIX_REQUEST in str(error)


@pytest.mark.parametrize("text", ["", "Echec", "Echec (Code99)"])
def test_a_refusal_nobody_has_listed_goes_to_support(text):
    error = refusal_of(response_text=text)
    assert type(error) is GatewayRefused
    assert NextStep.ASK_SUPPORT in str(error)


def test_a_token_in_the_details_does_not_reach_the_message():
    error = refusal_of(response_text="Echec (Code00)", response_text_details=f"token {TOKEN} is bad")
    assert TOKEN not in f"{error} {error.details} {error!r}"


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_are_about_our_keys_or_address(status):
    with pytest.raises(GatewayMisconfigured, match=f"HTTP {status}"):
        read_created(status, b"{}")


@pytest.mark.parametrize("status", [201, 204, 302, 400, 404, 429, 500, 502, 503, 504])
def test_any_other_http_status_leaves_the_outcome_unknown(status):
    with pytest.raises(OutcomeUnknown, match=f"HTTP {status}"):
        read_created(status, reply(response_code="00", token=TOKEN, response_text=URL))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        reply(response_code="00", token=TOKEN),
        reply(response_code="00", response_text=URL),
        reply(response_code="00", token=True, response_text=URL),
        reply(response_code="00", token="two words", response_text=URL),
        reply(response_code="00", token=TOKEN, response_text="javascript:alert(1)"),
        reply(response_code="00", token=TOKEN, response_text="https://x.example/\n"),
        reply(response_code="00", token=[], response_text=URL),
        reply(response_code="", token=TOKEN, response_text=URL),
        reply(response_code="01", token=TOKEN, response_text=URL),
        reply(response_code="00", token=TOKEN, response_text=URL, description="x" * MAX_BODY),
    ],
    ids=range(14),
)
def test_a_reply_that_proves_neither_yes_nor_no_leaves_the_outcome_unknown(body):
    with pytest.raises(OutcomeUnknown) as caught:
        read_created(200, body)
    assert TOKEN not in str(caught.value)


FIELDS = st.dictionaries(
    st.sampled_from(["response_code", "token", "response_text", "response_text_details", "wiki"]),
    st.none() | st.integers() | st.text() | st.sampled_from(["00", "01", TOKEN, URL, "Echec (Code03)"]),
)


@settings(deadline=None, max_examples=300)
@given(body=st.binary(max_size=200) | FIELDS.map(lambda fields: json.dumps(fields).encode()))
def test_any_reply_is_an_invoice_or_one_of_three_errors(body):
    try:
        created = read_created(200, body)
    except (GatewayRefused, GatewayMisconfigured, OutcomeUnknown):
        return
    assert created.token
    assert created.payment_url.lower().startswith(("http://", "https://"))


PAYER = Payer(mode=Mode.DIRECT, number="22676000000", operator_id="11")
UNDER_WAY = "Votre requête est en cours de traitement"


def test_a_payin_with_a_payer_is_the_same_body_with_number_and_code():
    hosted = write_create(InvoiceOrder(transaction_id="A", amount=100))
    direct = write_create(InvoiceOrder(transaction_id="A", amount=100, payer=PAYER), otp="736415")
    hosted["commande"]["invoice"] |= {"customer": "22676000000", "otp": "736415"}
    assert direct == hosted


@pytest.mark.parametrize("mode", [Mode.DIRECT, Mode.WALLET])
@pytest.mark.parametrize("said", [UNDER_WAY, "", None, "javascript:alert(1)"])
def test_a_payin_without_a_page_is_created_without_an_address(mode, said):
    body = reply(response_code="00", token=TOKEN, response_text=said)
    assert read_created(200, body, mode=mode) == Created(token=TOKEN, payment_url="")


def test_an_operator_with_a_page_of_its_own_answers_with_the_address():
    body = reply(response_code="00", token=TOKEN, response_text=URL)
    assert read_created(200, body, mode=Mode.DIRECT) == Created(token=TOKEN, payment_url=URL)


@pytest.mark.parametrize("mode", Mode)
def test_without_a_token_nobody_knows_in_any_mode(mode):
    with pytest.raises(OutcomeUnknown):
        read_created(200, reply(response_code="00", response_text=UNDER_WAY), mode=mode)


def test_what_a_customer_can_put_right_has_a_stable_code_and_the_rest_has_none():
    codes = {code: refusal_of(otp="736415", response_text=f"Echec (Code{code})").code for code in CREATE}
    assert {code: name for code, name in codes.items() if name} == {
        "05": "operator_unavailable",
        "06": "operator_unavailable",
        "07": "operator_not_served",
        "14": "wrong_wallet",
        "15": "wrong_otp",
        "16": "expired_otp",
        "17": "wrong_otp_amount",
        "18": "insufficient_balance",
    }


def test_a_customer_who_gave_no_one_time_code_is_not_told_that_it_is_wrong():
    assert refusal_of(response_text="Echec (Code15)").code == "otp_needed"


def test_a_one_time_code_that_the_gateway_repeats_does_not_reach_the_error():
    body = reply(response_text="Echec (Code15)", response_text_details="OTP 736415 is wrong")
    with pytest.raises(GatewayRefused) as caught:
        read_created(200, body, mode=Mode.DIRECT, otp="736415")
    assert "736415" not in f"{caught.value} {caught.value.details} {caught.value!r}"
    assert caught.value.sub_code == "15"
