"""The client's direct and wallet payins: each to its own address, with a code and a number that nobody sees afterwards."""

from __future__ import annotations

import json
import logging
import traceback
from dataclasses import replace

import pytest

from models.answers import Created
from models.errors import GatewayMisconfigured, GatewayRefused, NoAnswer, NotSent, OutcomeUnknown
from models.payin import Payer
from models.transaction import Mode
from tests.servers import free_port
from tests.worker.ligdicash.clients import API_KEY, ORDER, QUICK, TOKEN, client_of, gateway_and_client
from tests.worker.ligdicash.scripted_gateway import hangs_up_after, message, says
from worker.ligdicash.client import SIMULATOR_HEADER
from worker.ligdicash.wire import write_create

OTP = "736415"
NUMBER = "22676000000"
PATHS = {
    Mode.DIRECT: "/pay/v01/straight/checkout-invoice/create",
    Mode.WALLET: "/pay/v02/debitwallet/withotp",
}
UNDER_WAY = message(
    {"response_code": "00", "token": TOKEN, "response_text": "Votre requ\u00eate est en cours de traitement"}
)
OTP_SENT = message({"error": False, "message": "OTP sent. Please check your phone."})


def paid_by(mode: Mode):
    return replace(ORDER, payer=Payer(mode=mode, number=NUMBER))


def assert_silent(error: BaseException) -> None:
    told = "".join(traceback.format_exception(error)) + repr(error)
    assert OTP not in told
    assert NUMBER not in told


@pytest.mark.parametrize("mode", PATHS)
def test_each_mode_goes_to_its_own_address_with_number_and_code(mode):
    with gateway_and_client(says(UNDER_WAY)) as (gateway, client):
        assert client.create_invoice(paid_by(mode), otp=OTP) == Created(token=TOKEN, payment_url="")
    (asked,) = gateway.asked
    assert asked.line == f"POST {PATHS[mode]} HTTP/1.1"
    assert json.loads(asked.body) == write_create(paid_by(mode), otp=OTP)


@pytest.mark.parametrize("mode", PATHS)
def test_a_reply_that_is_lost_is_unknown_and_one_that_was_never_asked_for_is_not_sent(mode):
    with gateway_and_client(hangs_up_after(), **QUICK) as (gateway, client):
        with pytest.raises(OutcomeUnknown) as lost:
            client.create_invoice(paid_by(mode), otp=OTP)
        assert len(gateway.asked) == 1, "a create is never repeated"
    with client_of(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(NotSent) as unsent:
        client.create_invoice(paid_by(mode), otp=OTP)
    for error in (lost.value, unsent.value):
        assert_silent(error)


def test_a_refused_code_is_told_without_the_code():
    said = {"response_code": "01", "token": "", "response_text": "Echec (Code15)", "response_text_details": f"{OTP}?"}
    with gateway_and_client(says(message(said))) as (_, client), pytest.raises(GatewayRefused) as caught:
        client.create_invoice(paid_by(Mode.DIRECT), otp=OTP)
    assert_silent(caught.value)
    assert caught.value.code == "wrong_otp"


def test_a_code_is_asked_for_by_number_and_amount_and_no_log_line_shows_the_number(caplog):
    caplog.set_level(logging.DEBUG)
    with gateway_and_client(says(OTP_SENT)) as (gateway, client):
        client.send_wallet_otp(NUMBER, 4200)
    (asked,) = gateway.asked
    assert asked.line == f"GET /pay/v02/debitotp/{NUMBER}/4200 HTTP/1.1"
    assert asked.headers["apikey"] == API_KEY
    assert "debitotp" in caplog.text
    assert NUMBER not in caplog.text


def test_a_code_whose_sending_nobody_confirms_may_be_asked_for_again():
    with gateway_and_client(hangs_up_after(), **QUICK) as (_, client), pytest.raises(NoAnswer) as caught:
        client.send_wallet_otp(NUMBER, 4200)
    assert_silent(caught.value)
    with client_of(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(NotSent) as unsent:
        client.send_wallet_otp(NUMBER, 4200)
    assert_silent(unsent.value)


def test_in_production_the_simulator_is_not_believed_in_any_call():
    played = message({"error": False}, "200 OK", f"{SIMULATOR_HEADER}: 1")
    with gateway_and_client(says(played)) as (_, client):
        with pytest.raises(GatewayMisconfigured, match="simulator"):
            client.send_wallet_otp(NUMBER, 4200)
        with pytest.raises(GatewayMisconfigured, match="simulator"):
            client.create_invoice(paid_by(Mode.DIRECT), otp=OTP)
