"""/v1/invoices beyond the hosted page: what the customer has to do is told as data and in words, by POST and by GET alike."""

from __future__ import annotations

import logging

import pytest

from models.errors import GatewayMisconfigured, GatewayRefused, OutcomeUnknown
from models.payin import Hitch
from models.transaction import Mode, Status
from tasks.intake import intake
from tasks.toolbox import OtpLeave
from tests.fakes import API_KEY, toolbox
from tests.ledger import claim, knock
from tests.webdoor import open_door

OTP = "736415"
ORANGE = "22676000000"
OURS = "1,11,12,14,15,16,18,28,33"
KEY = {"Authorization": f"Bearer {API_KEY}"}


@pytest.fixture
def door(shared_url):
    with open_door(shared_url, ligdicash_operators=OURS) as door:
        yield door


def order(number: str = ORANGE, *, otp: str = "", mode: str = "direct", operator_id: str = "11", amount: int = 4200):
    invoice = {"total_amount": amount, "customer": number, "otp": otp}
    body = {"mode": mode, "commande": {"invoice": invoice, "custom_data": {"transaction_id": "ORDER-1"}}}
    return body | ({"operator_id": operator_id} if operator_id else {})


def wallet(**more):
    return order(mode="wallet", operator_id="", **more)


def refused_with(code: str, sub_code: str):
    """What the client raises, in short."""
    return GatewayRefused(f"LigdiCash refused the invoice with Code{sub_code}.", code=code, sub_code=sub_code)


BY_OPERATOR = {
    "1": ("22990000000", "ussd_push", "approve", "Approve the payment on your phone with your PIN."),
    "15": ("2250700000000", "guided_ussd", "dial", "Dial *133# on your phone, and confirm the payment."),
}


@pytest.mark.parametrize("operator_id", BY_OPERATOR)
def test_a_customer_who_is_asked_on_the_phone_is_told_so(door, operator_id):
    number, validation, kind, words = BY_OPERATOR[operator_id]
    answer = door.v1("POST", json=order(number, operator_id=operator_id))
    assert answer.status_code == 201
    view = answer.json()
    assert (view["mode"], view["status"], view["validation"]) == ("direct", "pending", validation)
    assert (view["payment_url"], view["asked_operator"]) == (None, operator_id)
    assert view["next"]["kind"] == kind
    assert view["next"]["message"].startswith(words)
    assert door.v1("GET", "/ORDER-1").json() == view


@pytest.mark.parametrize(("operator_id", "number"), [("18", "22370000000"), ("33", "224620000000")])
def test_a_customer_with_a_page_to_open_gets_its_address(door, operator_id, number):
    door.fakes.gateway.operator_page = "https://operator.example/pay/7"
    view = door.v1("POST", json=order(number, operator_id=operator_id)).json()
    assert (view["next"]["kind"], view["next"]["url"]) == ("open_url", "https://operator.example/pay/7")
    assert view["payment_url"] == "https://operator.example/pay/7"


def test_a_code_that_has_to_be_dialled_for_is_asked_for_before_the_gateway_is_and_the_order_goes_on_with_it(door):
    answer = door.v1("POST", json=order())
    assert answer.status_code == 422
    refusal = answer.json()
    assert (refusal["code"], refusal["transaction_id"]) == ("otp_needed", "ORDER-1")
    assert refusal["next"] == {
        "kind": "dial",
        "message": "A one-time code is needed. Dial *144*4*6*4200# on your phone, and enter the one-time code that you get.",
        "ussd_code": "*144*4*6*4200#",
        "url": None,
        "gives_otp": True,
    }
    assert door.fakes.gateway.otps == []
    view = door.v1("GET", "/ORDER-1").json()
    assert (view["status"], view["refusal_code"], view["next"]) == ("refused", "otp_needed", refusal["next"])

    answer = door.v1("POST", json=order(otp=OTP))
    assert (answer.status_code, answer.json()["status"], answer.json()["next"]["kind"]) == (201, "pending", "wait")
    assert door.fakes.gateway.otps == [OTP]


def test_an_order_without_its_code_again_is_asked_for_it_again(door):
    told = [door.v1("POST", json=order()) for _ in range(2)]
    assert [answer.status_code for answer in told] == [422, 422]
    assert told[0].json() == told[1].json()


def test_a_payer_tries_another_code_with_the_same_order(door):
    door.fakes.gateway.create_fault = refused_with("wrong_otp", "15")
    answer = door.v1("POST", json=order(otp="000000"))
    assert (answer.status_code, answer.json()["code"], answer.json()["gateway"]["sub_code"]) == (422, "wrong_otp", "15")
    assert answer.json()["next"]["message"].startswith("The one-time code is wrong. Dial *144*4*6*4200# on your phone")
    door.fakes.gateway.create_fault = None
    assert door.v1("POST", json=order(otp=OTP)).status_code == 201
    assert door.v1("POST", json=order(otp="111111")).status_code == 200, "under way: another code changes nothing"
    assert door.fakes.gateway.otps == ["000000", OTP]


@pytest.mark.parametrize("change", [{"number": "22676000001"}, {"amount": 4300}, {"operator_id": "12"}])
def test_another_payer_is_another_order(door, change):
    door.v1("POST", json=order(otp=OTP))
    assert door.v1("POST", json=order(otp=OTP, **change)).status_code == 409


def test_the_same_number_written_otherwise_is_the_same_order(door):
    assert door.v1("POST", json=order(otp=OTP)).status_code == 201
    assert door.v1("POST", json=order("+226 76 00 00 00", otp="736 415")).status_code == 200


REFUSALS = {
    "wrong_otp": ("15", 422, "dial", "Le code à usage unique est faux."),
    "expired_otp": ("16", 422, "dial", "Le code à usage unique a expiré."),
    "wrong_otp_amount": ("17", 422, "dial", "Le code à usage unique a été établi pour un autre montant."),
    "insufficient_balance": ("18", 402, "retry", "Le solde est insuffisant pour ce paiement."),
    "operator_unavailable": ("05", 503, "retry", "L'opérateur est injoignable pour le moment."),
    "wrong_wallet": ("14", 422, "pay_otherwise", "LigdiCash n'accepte pas ce portefeuille."),
}


@pytest.mark.parametrize("code", REFUSALS)
def test_each_refusal_has_a_code_a_status_and_french_words_that_say_what_to_do(door, code):
    sub_code, status, kind, words = REFUSALS[code]
    door.fakes.gateway.create_fault = refused_with(code, sub_code)
    answer = door.call("POST", "/v1/invoices?lang=fr", json=order(otp=OTP), headers=KEY)
    assert answer.status_code == status
    refusal = answer.json()
    assert (refusal["code"], refusal["next"]["kind"]) == (code, kind)
    assert refusal["next"]["message"].startswith(words)
    assert len(refusal["next"]["message"]) > len(words), "and what to do about it"
    assert refusal["error"].startswith("LigdiCash refused the invoice"), "programs and logs read English"
    french = door.call("GET", "/v1/invoices/ORDER-1", headers=KEY | {"Accept-Language": "fr-BF,fr;q=0.9"})
    assert french.json()["next"] == refusal["next"]


NEVER_ASKED = [
    (order("33612345678", operator_id=""), "operator_not_served", "pay_otherwise"),
    (order("22676000000", operator_id="27"), "operator_not_served", "pay_otherwise"),
    (order("22990000000"), "operator_not_served", "pay_otherwise"),
    (order(operator_id=""), "operator_needed", "choose_operator"),
    (order(operator_id="12", amount=99), "amount_not_served", "pay_otherwise"),
]


@pytest.mark.parametrize(
    ("body", "code", "kind"), NEVER_ASKED, ids=["abroad", "not ours", "of another country", "of two", "too little"]
)
def test_what_certainly_cannot_be_paid_is_refused_before_the_gateway_is_asked(door, body, code, kind):
    answer = door.v1("POST", json=body)
    assert answer.status_code == 422
    assert (answer.json()["code"], answer.json()["next"]["kind"]) == (code, kind)
    assert door.fakes.gateway.otps == []
    assert door.invoices() == []


def test_the_operators_to_choose_from_are_named(door):
    assert door.v1("POST", json=order(operator_id="")).json()["error"] == (
        "which operator the number belongs to must be said, by operator_id; there are: "
        "11 ORANGE BURKINA, 12 MOOV AFRICA BURKINA"
    )


def test_a_refused_order_that_was_called_back_about_is_told_alike_by_both_routes(door):
    door.fakes.gateway.create_fault = refused_with("operator_unavailable", "05")
    door.v1("POST", json=order(otp=OTP))
    assert door.v1("GET", "/ORDER-1?lang=fr").json()["next"]["kind"] == "retry"
    intake(toolbox(door.sessions), knock(door.sessions, claim("ORDER-1")))
    answer = door.v1("POST", "?lang=fr", json=order(otp=OTP))
    assert (answer.status_code, answer.json()["next"]["kind"]) == (409, "find_out")
    assert answer.json()["next"] == door.v1("GET", "/ORDER-1?lang=fr").json()["next"]
    assert answer.json()["next"]["message"].startswith("Ce paiement est peut-être passé.")


def test_an_operator_that_stands_alone_in_its_country_need_not_be_named(door):
    view = door.v1("POST", json=order("22990000000", operator_id="")).json()
    assert (view["asked_operator"], view["next"]["kind"]) == ("1", "approve")


def test_an_operator_that_we_do_not_know_is_the_gateways_affair(shared_url):
    with open_door(shared_url) as door:
        view = door.v1("POST", json=order("22676000000", operator_id="777")).json()
    assert (view["asked_operator"], view["validation"], view["next"]["kind"]) == ("777", "", "wait")


def test_an_operator_that_the_gateway_does_not_have_on_the_project_is_our_trouble_and_the_customers(door):
    door.fakes.gateway.create_fault = GatewayMisconfigured("no such operator", code=Hitch.NOT_SERVED, sub_code="07")
    answer = door.v1("POST", json=order(otp=OTP))
    assert (answer.status_code, answer.json()["next"]["kind"]) == (502, "pay_otherwise")


def test_a_wallet_is_debited_with_the_code_that_was_sent(door):
    sent = door.call("POST", "/v1/wallet-otps", json={"customer": "+226 76000000", "amount": 4200}, headers=KEY)
    assert (sent.status_code, sent.json()["next"]["kind"]) == (202, "enter_otp")
    assert door.fakes.gateway.sent_to == [(ORANGE, 4200)]

    assert door.v1("POST", json=wallet()).json()["next"]["kind"] == "enter_otp"
    view = door.v1("POST", json=wallet(otp=OTP)).json()
    assert (view["mode"], view["status"], view["next"]["kind"]) == ("wallet", "pending", "wait")
    [sent] = door.fakes.gateway.orders
    assert (sent.mode, sent.payer.number) == (Mode.WALLET, ORANGE)


def test_a_code_that_was_not_sent_is_told_with_what_to_do(door):
    door.fakes.gateway.otp_fault = refused_with("otp_not_sent", "")
    body = {"customer": ORANGE, "amount": 4200}
    answer = door.call("POST", "/v1/wallet-otps?lang=fr", json=body, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (422, "otp_not_sent")
    assert answer.json()["next"]["message"].startswith("LigdiCash n'a pas envoyé de code à usage unique.")


def test_codes_asked_for_too_often_are_told_so_in_the_customers_language_and_ligdicash_is_not_asked(door):
    door.fakes.otps.leave = OtpLeave(wait=23.2)
    body = {"customer": "+226 76000000", "amount": 4200}
    answer = door.call("POST", "/v1/wallet-otps?lang=fr", json=body, headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (429, "24", "otp_too_soon")
    assert answer.json()["error"] == (
        "no one-time code is sent to this number for 24 s: as many as may be were sent lately"
    )
    assert answer.json()["next"]["message"].startswith("Trop de codes")
    assert door.fakes.otps.asked == ["22676000000"]
    assert door.fakes.gateway.sent_to == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"customer": ORANGE}, "amount: is missing"),
        ({"customer": ORANGE, "amount": 8}, "amount must be from 9 to 2,000,000 XOF, not 8"),
        ({"customer": "76000000", "amount": 4200}, "customer: the phone number must begin with its country code"),
    ],
    ids=["no amount", "too little", "no country"],
)
def test_a_code_is_only_asked_for_where_it_can_serve(door, body, error):
    answer = door.call("POST", "/v1/wallet-otps", json=body, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(error)
    assert door.fakes.gateway.sent_to == []


def test_wallet_codes_are_behind_the_key(door):
    answer = door.call("POST", "/v1/wallet-otps", json={"customer": ORANGE, "amount": 4200})
    assert answer.status_code == 401
    assert door.fakes.gateway.sent_to == []


def test_a_direct_payin_whose_reply_is_lost_is_not_sent_a_second_time(door):
    door.fakes.gateway.create_fault = OutcomeUnknown("the reply was lost")
    lost = door.v1("POST", json=order(otp=OTP))
    assert lost.status_code == 504
    assert "the customer may have been debited" in lost.json()["error"], "and must not be sent to pay once more"
    door.fakes.gateway.create_fault = None
    again = door.v1("POST", json=order(otp="111111"))
    assert (again.status_code, again.json()["status"], again.json()["next"]) == (200, Status.CREATED, None)
    assert door.fakes.gateway.otps == [OTP]


def test_neither_the_code_nor_the_whole_number_is_kept_logged_or_told(door, caplog):
    caplog.set_level(logging.DEBUG)
    door.fakes.gateway.create_fault = refused_with("wrong_otp", "15")
    said = [door.v1("POST", json=order(otp=OTP)).text]
    door.fakes.gateway.create_fault = None
    said += [door.v1("POST", json=order(otp=OTP)).text, door.v1("GET", "/ORDER-1").text]
    said += [door.v1("POST", json=order(otp=f"{OTP}!")).text, door.v1("POST", json=order(f"{ORANGE}0000000")).text]
    [row] = door.invoices()
    kept = str({column.name: getattr(row, column.key) for column in row.__table__.columns})
    for secret in (OTP, ORANGE):
        assert secret not in "".join(said) + caplog.text + kept + repr(row)
    assert (row.payer, row.mode) == ("226******00", "direct")
