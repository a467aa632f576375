"""The reply to the sending of a wallet's code: an envelope of its own, and no harm in asking again."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import GatewayMisconfigured, GatewayRefused, NoAnswer
from worker.ligdicash.wire import MAX_BODY, read_otp_sent


def body(**fields) -> bytes:
    return json.dumps(fields).encode()


def test_a_code_that_was_sent_is_told_by_an_error_that_is_false():
    read_otp_sent(200, body(error=False, message="OTP sent. Please check your phone."))


def test_a_no_keeps_the_gateways_words_and_has_a_stable_code():
    with pytest.raises(GatewayRefused, match="Customer not found") as caught:
        read_otp_sent(200, body(error=True, message="Customer not found"))
    assert (caught.value.code, caught.value.text) == ("otp_not_sent", "Customer not found")


def test_a_no_without_a_word_is_a_no():
    with pytest.raises(GatewayRefused, match="does not say why"):
        read_otp_sent(200, body(error=True))


@pytest.mark.parametrize(
    ("status", "said"), [(401, b""), (403, b""), (200, body(response_code="01", response_text="Echec (Code00)"))]
)
def test_refused_keys_are_our_trouble(status, said):
    with pytest.raises(GatewayMisconfigured):
        read_otp_sent(status, said)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (500, body(error=False)),
        (429, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"{}"),
        (200, body(error="false")),
        (200, body(error=0)),
        (200, body(response_code="00")),
        (200, b" " * (MAX_BODY + 1)),
    ],
    ids=range(9),
)
def test_anything_else_leaves_it_open_and_may_be_asked_again(status, said):
    with pytest.raises(NoAnswer):
        read_otp_sent(status, said)


@given(st.binary(max_size=100))
def test_any_bytes_come_to_one_of_the_errors_or_to_none(said):
    try:
        read_otp_sent(200, said)
    except (GatewayRefused, GatewayMisconfigured, NoAnswer):
        return
    assert b"false" in said
