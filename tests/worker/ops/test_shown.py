"""How facts look: lengths a person reads at once, text that can do no harm, bodies that can be read."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.logs import without_tokens
from models.secret import secrets_of
from worker.ops.body import readable, text_of
from worker.ops.shown import brief_stamp, masked_address, print_json, safe, short, stamp

NOON = datetime(2026, 11, 23, 12, 0, 5, tzinfo=timezone(timedelta(hours=1)))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0.0s"),
        (0.44, "0.4s"),
        (9.4, "9.4s"),
        (9.97, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (200, "3m20s"),
        (3599.7, "1h00m"),
        (7530, "2h05m"),
        (86_399.9, "1d00h"),
        (1_051_200, "12d04h"),
        (-3, "-3.0s"),
    ],
)
def test_a_length_is_told_in_a_few_characters(seconds, told):
    assert short(timedelta(seconds=seconds)) == told


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=99)))
def test_no_length_of_a_payment_breaks_the_column(length):
    assert len(short(length)) <= 7
    assert ":" not in short(length)


def test_times_are_told_in_utc_and_the_year_when_it_is_not_this_one():
    assert stamp(NOON) == "2026-11-23 11:00:05"
    assert brief_stamp(NOON, now=NOON) == "11-23 11:00:05"
    assert brief_stamp(NOON, now=NOON, seconds=False) == "11-23 11:00"
    assert brief_stamp(NOON, now=NOON + timedelta(days=90)) == "2026-11-23"


@given(st.text())
def test_safe_text_can_always_be_printed(text):
    assert safe(text).replace("\N{NO-BREAK SPACE}", " ").isprintable()
    safe(text).encode()  # raises for half a surrogate pair


def test_safe_text_leaves_the_languages_of_people_alone():
    for text in ("Café Ouagadougou, ₣ 5 000, 東京", "5\N{NO-BREAK SPACE}000 XOF"):
        assert safe(text) == text


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://app.example:8443/pay/invoice/eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.abc", "https://app.example:8443/***"),
        ("https://user:word@app.example/?token=abc", "https://app.example/***"),
        ("", ""),
    ],
)
def test_of_a_payment_address_only_the_server_is_told(url, told):
    assert masked_address(url) == told


@pytest.mark.parametrize(
    "text",
    [
        '{"token": "hush"}',
        '{"invoiceToken":"hu\\"sh"}',
        json.dumps({"custom_data": json.dumps({"invoice_token": 'hu"sh'})}),
        "token=hush&a=b",
        "Bearer hush",
        "postgresql://u:hush@db/x",
    ],
)
def test_tokens_and_passwords_are_masked_wherever_they_stand(text):
    assert "hush" not in without_tokens(text)
    assert "sh" not in without_tokens(text).replace("://", "")


def test_a_document_has_whole_times_and_no_letter_beyond_ascii(capsys):
    print_json({"at": NOON, "name": "Café\x1b"})
    printed = capsys.readouterr().out
    assert printed.isascii()
    assert json.loads(printed) == {"at": "2026-11-23T11:00:05Z", "name": "Café\x1b"}


def test_what_has_no_form_in_json_is_an_error_and_not_a_guess():
    with pytest.raises(TypeError, match="bytes has no form in JSON"):
        print_json({"body": b"x"})


def test_a_json_body_is_indented():
    assert readable(b'{"status":"completed","amount":700}') == ["{", '  "status": "completed",', '  "amount": 700', "}"]


def test_a_form_body_is_one_field_a_line_decoded():
    body = b"status=completed&operator_name=ORANGE+BURKINA&custom_data%5B0%5D=caf%C3%A9&token="
    assert readable(body) == [
        "status = completed",
        "operator_name = ORANGE BURKINA",
        "custom_data[0] = café",
        "token = ",
    ]


def test_a_token_in_a_form_is_masked_whatever_it_is_called():
    assert readable(b"invoiceToken=hush&a=1") == ["invoiceToken = ***", "a = 1"]


def test_of_json_within_json_only_the_tokens_are_masked():
    inner = json.dumps({"id": "ORD-1", "token": "hush", "sum": "5"})
    assert json.loads(json.loads(without_tokens(json.dumps({"custom_data": inner})))["custom_data"]) == {
        "id": "ORD-1",
        "token": "***",
        "sum": "5",
    }


@pytest.mark.parametrize(
    "body", [b'{"note": "by a/bc=", "x": ["\\u0061/bc="]}', b"note=by+a%2Fbc%3D", b"a=%61/bc%3D", b"so a/bc= it is"]
)
def test_a_token_that_is_known_is_masked_however_it_is_called_and_spelt(body):
    known = secrets_of("a/bc=", "https://pay.example/a/bc=")
    assert "/bc" not in "".join(readable(body, secrets=known))


def test_what_is_neither_json_nor_a_form_is_shown_as_it_came():
    assert readable(b"status=1, I think\nor 2") == ["status=1, I think", "or 2"]
    assert readable(b"hello") == ["hello"]
    assert readable(b"") == ["(empty)"]
    assert readable(b"7") == ["7"]


@given(st.binary(max_size=300))
def test_every_body_can_be_shown(body):
    assert all(line.isprintable() for line in readable(body))
    text_of(body).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b"a=1&" * 15_000 + b"b=2",
        b'{"a":' * 10_000,
        b'"' + b"token" * 12_000,
        b'\\"' + b"token" * 12_000,
        b'"token\\":' * 6_000,
    ],
)
def test_a_body_made_to_hurt_is_shown_too_and_soon(body):
    began = time.process_time()
    assert readable(body)
    assert time.process_time() - began < 0.5, "the door's callbacks wait meanwhile"
