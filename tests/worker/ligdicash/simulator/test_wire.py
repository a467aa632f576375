"""The simulator creates and confirms invoices in the documented words, refusals included."""

from __future__ import annotations

import base64
import json
import re

import pytest
import requests

from tests.servers import PATIENCE
from worker.ligdicash.simulator.options import Expiry, RateLimit

CREATE = "/pay/v01/redirect/checkout-invoice/create"
CONFIRM = "/pay/v01/redirect/checkout-invoice/confirm"


def test_a_created_invoice_has_a_token_and_a_payment_page(merchant):
    reply = merchant.send(merchant.order()).json()

    assert reply["response_code"] == "00"
    assert reply["response_text"] == f"{merchant.simulator.base_url}/pay/invoice/{reply['token']}"
    assert reply["wiki"] == "https://client.ligdicash.com/wiki/createInvoice"
    assert set(reply) == {"response_code", "token", "response_text", "description", "custom_data", "wiki"}


def test_the_token_looks_like_the_gateways_jwt(merchant):
    token = merchant.create()

    header, payload, signature = token.split(".")
    assert 190 <= len(token) <= 205
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"typ": "JWT", "alg": "HS256"}
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert set(content) == {"id_invoice", "start_date", "expiry_date"}
    assert len(signature) == 43


def test_two_invoices_never_share_a_token_even_with_one_transaction_id(merchant):
    assert merchant.create("ART1") != merchant.create("ART1")


@pytest.mark.parametrize("slash", ["", "/"])
def test_both_paths_are_served_with_and_without_the_slash(merchant, slash):
    token = merchant.send(merchant.order(), path=f"{CREATE}{slash}").json()["token"]

    assert merchant.ask(token, path=f"{CONFIRM}{slash}").json()["status"] == "pending"


def test_a_pending_payment_is_told_without_operator_and_customer(merchant):
    answer = merchant.confirm(merchant.create())

    assert (answer["response_code"], answer["status"]) == ("00", "pending")
    assert (answer["operator_id"], answer["operator_name"], answer["customer"]) == ("", "", None)


def test_a_completed_payment_is_told_in_the_full_documented_shape(merchant):
    token = merchant.create(
        "ART5A7044E5", customer_firstname="F", customer_lastname="L", customer_email="a@example.com"
    )
    merchant.decide("ART5A7044E5", operator_id="11", phone="22676000000")

    answer = merchant.confirm(token)

    entries = answer.pop("custom_data")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00", answer.pop("date"))
    assert re.fullmatch(r"P\d{10,}", answer.pop("request_id"))
    assert answer == {
        "response_code": "00",
        "status": "completed",
        "token": "",
        "response_text": "",
        "description": "",
        "operator_id": "11",
        "operator_name": "ORANGE BURKINA",
        "customer": "22676000000",
        "montant": 4200,
        "amount": 4200,
        "external_id": "ART5A7044E5",
        "oreference": "",
        "customer_details": {
            "firstname": "F",
            "lastname": "L",
            "email": "a@example.com",
            "phone": "22676000000",
            "details": "",
        },
        "wiki": "https://client.ligdicash.com/wiki/confirmInvoice",
    }
    assert [entry["keyof_customdata"] for entry in entries] == ["transaction_id", "hash", "logfile"]
    assert entries[0]["valueof_customdata"] == "ART5A7044E5"
    assert re.fullmatch(r"[0-9a-f]{64}", entries[1]["valueof_customdata"])
    assert re.fullmatch(r"\d{14}[0-9a-f]{13}", entries[2]["valueof_customdata"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", entries[0]["datecreation_customdata"])


def test_two_keys_with_id_in_their_names_are_glued_into_external_id(merchant):
    order = merchant.order("ART1")
    order["commande"]["custom_data"] |= {"note": "x", "user_id": 7}

    answer = merchant.confirm(merchant.send(order).json()["token"])

    assert answer["external_id"] == "ART17"


@pytest.mark.parametrize(
    ("failed_as", "told"),
    [
        ("00", ("00", "notcompleted", "")),
        ("01", ("01", "notcompleted", "Echec (Code03)")),
        ("nocompleted", ("00", "nocompleted", "")),
    ],
)
def test_a_failed_payment_is_told_in_each_way_the_vendor_pages_and_sdks_know(merchant, failed_as, told):
    token = merchant.create()
    merchant.decide(status="notcompleted", failed_as=failed_as)

    answer = merchant.confirm(token)

    assert (answer["response_code"], answer["status"], answer["response_text"]) == told


@pytest.mark.parametrize("amount", [8, 2_000_001, -5, 0])
def test_an_amount_outside_the_limits_is_code02(merchant, amount):
    assert merchant.send(merchant.order(amount=amount)).json()["response_text"] == "Echec (Code02)"


@pytest.mark.parametrize("amount", [9, 2_000_000, "4200", 5000.0])
def test_amounts_at_the_limits_and_numeric_texts_are_taken(merchant, amount):
    assert merchant.send(merchant.order(amount=amount)).json()["response_code"] == "00"


@pytest.mark.parametrize("amount", [10.5, "many", True, None, [], "NaN", "1e999"])
def test_an_amount_that_is_no_whole_number_is_refused(merchant, amount):
    assert merchant.send(merchant.order(amount=amount)).json()["response_text"] in ("Echec (Code08)", "Echec (Code02)")


def test_an_item_as_in_the_quickstart_is_code04_with_a_php_warning(merchant):
    reply = merchant.send(merchant.order(items=[{"name": "Pagne", "price": 4200, "quantity": 1}])).json()

    assert (reply["response_code"], reply["token"], reply["response_text"]) == ("01", "", "Echec (Code04)")
    assert reply["response_text_details"] == 'Undefined array key "unit_price"'


def test_item_arithmetic_is_not_checked(merchant):
    item = {"name": "Pagne", "description": "", "quantity": 3, "unit_price": 5000, "total_price": 5000}

    assert merchant.send(merchant.order(items=[item])).json()["response_code"] == "00"


@pytest.mark.parametrize("section", ["invoice", "store", "actions"])
def test_a_missing_section_is_code04(merchant, section):
    order = merchant.order()
    del order["commande"][section]

    assert merchant.send(order).json()["response_text_details"] == f'Undefined array key "{section}"'


def test_another_currency_is_code08(merchant):
    assert merchant.send(merchant.order(devise="EUR")).json()["response_text"] == "Echec (Code08)"
    assert merchant.send(merchant.order(devise="xof")).json()["response_code"] == "00"


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http://user:pw@a.example/", "javascript:alert(1)", "http://[", "/x"]
)
def test_a_callback_address_that_breaks_the_rules_is_code08(merchant, url):
    assert merchant.send(merchant.order(callback_url=url)).json()["response_text"] == "Echec (Code08)"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"commande": 5}', b"[" * 100_000, b"\xff"])
def test_a_body_that_is_no_order_is_refused_with_http_200(merchant, body):
    url = f"{merchant.simulator.base_url}{CREATE}"
    reply = merchant.session.post(url, data=body, timeout=PATIENCE)

    assert reply.status_code == 200
    assert reply.json()["response_code"] == "01"
    assert merchant.control("GET", "books")["created"] == 0


@pytest.mark.parametrize(
    ("key", "token"),
    [(None, "Bearer sim-t"), ("sim-k", None), ("sim-k", "sim-t"), ("REALKEY", "Bearer sim-t"), ("sim-k", "Bearer eyJ")],
)
def test_both_credentials_are_needed_and_both_must_be_the_simulators_own(merchant, key, token):
    headers = {"Apikey": key, "Authorization": token}
    created = merchant.send(merchant.order(), headers=headers).json()
    asked = merchant.ask("x", headers=headers).json()

    assert created["response_text"] == asked["response_text"] == "Echec (Code00)"
    assert created["response_text_details"]
    assert "REALKEY" not in json.dumps([created, asked, merchant.control("GET", "books")])


def test_real_credentials_are_told_that_this_is_the_simulator(merchant):
    headers = {"Apikey": "REAL", "Authorization": "Bearer REAL"}

    assert "simulator" in merchant.send(merchant.order(), headers=headers).json()["response_text_details"]


def test_an_unknown_token_is_code02_without_a_status(merchant):
    answer = merchant.confirm("eyJ.unknown.token")

    assert (answer["response_code"], answer["response_text"]) == ("01", "Echec (Code02)")
    assert "status" not in answer


def test_either_name_of_the_token_parameter_will_do_unless_told_to_be_strict(start):
    lenient, strict = start(), start(strict_token_param=True)

    assert lenient.ask(lenient.create(), name="token").json()["status"] == "pending"
    assert strict.ask(strict.create(), name="token").json()["response_text"] == "Echec (Code02)"


def test_two_questions_within_three_seconds_can_be_refused_in_either_form(start, monkeypatch):
    monkeypatch.setattr(
        "worker.ligdicash.simulator.gatekeeper.FLOOR", PATIENCE
    )  # three seconds that no stall passes over
    with_429, with_01 = start(rate_limit=RateLimit.HTTP429), start(rate_limit=RateLimit.REFUSE01)
    for merchant in (with_429, with_01):
        assert merchant.confirm(merchant.create())["status"] == "pending"

    tokens = [merchant.simulator.books.get("ART1").token for merchant in (with_429, with_01)]
    assert with_429.ask(tokens[0]).status_code == 429
    refused = with_01.confirm(tokens[1])
    assert refused["response_code"] == "01"
    assert "status" not in refused
    assert with_429.control("GET", "books")["counters"]["rate_limited"] == 1


def test_an_expired_token_is_still_known_or_not_as_chosen(start):
    accepting = start(token_life=0)
    refusing = start(token_life=0, token_expiry=Expiry.REFUSE)

    assert accepting.confirm(accepting.create())["status"] == "pending"
    assert refusing.confirm(refusing.create())["response_text"] == "Echec (Code02)"


@pytest.mark.parametrize(
    "path", ["/pay", "/pay/v01/straight/payout/create", "/pay/v01/redirect/checkout-invoice/refund"]
)
def test_what_is_no_endpoint_is_404(merchant, path):
    assert merchant.send({}, path=path).status_code == 404


def test_every_response_says_that_it_comes_from_the_simulator(merchant):
    token = merchant.create()
    base = merchant.simulator.base_url

    for reply in (
        merchant.ask(token),
        merchant.send({}),
        merchant.send({}, path="/nowhere"),
        requests.get(f"{base}/pay/invoice/{token}", timeout=PATIENCE),
        requests.get(f"{base}/_sim/books", timeout=PATIENCE),
        requests.delete(f"{base}{CREATE}", timeout=PATIENCE),
    ):
        assert reply.headers["X-Ligdicash-Simulator"] == "1"
