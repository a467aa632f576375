"""Payers whose number is given: each operator's way to approve, codes that are wrong, old or for another sum, wallets."""

from __future__ import annotations

import pytest
import requests

from tests.servers import PATIENCE
from worker.ligdicash.simulator.statefile import _records

STRAIGHT = "/pay/v01/straight/checkout-invoice/create"
WALLET = "/pay/v02/debitwallet/withotp"
ORANGE = "22676000000"
UNDER_WAY = "Votre requête est en cours de traitement"


def sent(merchant, number: str, *, otp: str = "", path: str = STRAIGHT, amount: int = 4200, **more) -> dict:
    reply = merchant.send(merchant.order(amount=amount, customer=number, otp=otp, **more), path=path)
    assert reply.status_code == 200
    return reply.json()


def dialled(merchant, *, amount: int = 4200) -> str:
    return merchant.control("POST", f"phones/{ORANGE}/dial", {"amount": amount})["otp"]


def texted(merchant, *, amount: object = 4200, number: str = ORANGE) -> dict:
    url = f"{merchant.simulator.base_url}/pay/v02/debitotp/{number}/{amount}"
    return merchant.session.get(url, timeout=PATIENCE).json()


def counted(merchant, name: str) -> int:
    return merchant.control("GET", "books")["counters"][name]


def test_a_dialled_code_begins_one_payment_and_no_second(merchant):
    otp = dialled(merchant)

    first, second = sent(merchant, ORANGE, otp=otp), sent(merchant, ORANGE, otp=otp)

    assert (first["response_code"], first["response_text"]) == ("00", UNDER_WAY)
    assert second["response_text"] == "Echec (Code15)"
    assert merchant.confirm(first["token"])["status"] == "pending"
    assert (counted(merchant, "straight_creates"), counted(merchant, "payers_refused")) == (2, 1)


@pytest.mark.parametrize(
    ("phone", "amount", "code"),
    [
        ({}, 4100, "17"),
        ({"otp_life": 0}, 4200, "16"),
        ({"balance": 4199}, 4200, "18"),
        ({"operator_is_down": True}, 4200, "05"),
        ({"operator_id": "999"}, 4200, "07"),
    ],
    ids=["other amount", "expired", "balance", "down", "no such operator"],
)
def test_what_a_phone_has_against_it_is_told_by_sub_code_and_makes_no_invoice(merchant, phone, amount, code):
    merchant.control("PUT", f"phones/{ORANGE}", phone)

    reply = sent(merchant, ORANGE, otp=dialled(merchant, amount=amount))

    assert (reply["response_code"], reply["response_text"]) == ("01", f"Echec (Code{code})")
    assert reply["token"] == ""
    assert merchant.control("GET", "books")["created"] == 0


@pytest.mark.parametrize("number", ["22990000000", "2250700000000"], ids=["push", "guided"])
def test_an_operator_that_asks_on_the_phone_wants_no_code_and_the_payer_may_take_long(merchant, number):
    reply = sent(merchant, number)

    assert reply["response_text"] == UNDER_WAY
    assert merchant.confirm(reply["token"])["status"] == "pending"
    merchant.decide()
    answer = merchant.confirm(reply["token"])
    assert (answer["status"], answer["customer"]) == ("completed", number)
    assert answer["operator_id"] == {"229": "1", "225": "15"}[number[:3]]


@pytest.mark.parametrize("number", ["22370000000", "224620000000"], ids=["operator", "gateway"])
def test_an_operator_with_a_page_answers_with_its_address(merchant, number):
    reply = sent(merchant, number)

    assert requests.get(reply["response_text"], timeout=PATIENCE).status_code == 200
    assert reply["response_text"].endswith(reply["token"])


def test_a_wallet_is_debited_with_the_code_that_was_sent_and_has_a_name_of_its_own(merchant):
    assert texted(merchant) == {"error": False, "message": "OTP sent. Please check your phone."}
    otp = merchant.control("GET", f"phones/{ORANGE}")["sms"]

    reply = sent(merchant, ORANGE, otp=otp, path=WALLET)

    merchant.decide()
    answer = merchant.confirm(reply["token"])
    assert (answer["operator_id"], answer["operator_name"]) == ("", "LIGDICASH ORANGE BURKINA")
    assert (counted(merchant, "otps_sent"), counted(merchant, "wallet_creates")) == (1, 1)


def test_the_code_of_a_wallet_does_not_serve_for_a_direct_payment(merchant):
    texted(merchant)
    otp = merchant.control("GET", f"phones/{ORANGE}")["sms"]

    assert sent(merchant, ORANGE, otp=otp)["response_text"] == "Echec (Code15)"


def test_a_wallet_without_a_code_is_refused_in_the_words_of_a_captured_reply(merchant):
    reply = sent(merchant, ORANGE, path=WALLET)

    assert (reply["response_text"], reply["response_text_details"]) == (
        "Echec (Code08)",
        "You must specify password or otp",
    )


def test_nobody_without_a_wallet_gets_a_code(merchant):
    merchant.control("PUT", f"phones/{ORANGE}", {"has_wallet": False})

    assert texted(merchant)["error"] is True
    assert texted(merchant, amount="much")["error"] is True
    assert counted(merchant, "otps_refused") == 2
    assert sent(merchant, ORANGE, otp="123456", path=WALLET)["response_text"] == "Echec (Code14)"


def test_sending_a_code_meets_faults_of_its_own(merchant):
    merchant.control("PUT", "faults", {"otp": {"kind": "auth"}})

    assert texted(merchant)["response_text"] == "Echec (Code00)"
    assert sent(merchant, "22990000000")["response_code"] == "00"


@pytest.mark.parametrize("number", ["", "+22676000000", "me"])
def test_a_payer_without_a_number_is_a_fault_of_the_request(merchant, number):
    assert sent(merchant, number)["response_text"] == "Echec (Code08)"


def test_no_book_of_the_simulator_holds_a_code(merchant):
    otp = dialled(merchant)
    sent(merchant, ORANGE, otp=otp)

    assert f'"{otp}"'.encode() not in _records.dump_json(merchant.simulator.books.records())
    assert f"'{otp}'" not in str(merchant.control("GET", "transactions/ART1"))


@pytest.mark.parametrize("body", [{}, {"amount": 8}, {"amount": "4200"}, {"amount": True}])
def test_a_code_is_dialled_for_a_sum_that_can_be_paid(merchant, body):
    merchant.control("POST", f"phones/{ORANGE}/dial", body, expect=422)


def test_a_misspelt_option_of_a_phone_is_an_error(merchant):
    merchant.control("PUT", f"phones/{ORANGE}", {"ballance": 1}, expect=422)
