"""Reading answers to confirm: every pair of status and response_code, every sub-code, and all that is no answer."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.answers import Answer, Said
from worker.ligdicash.sub_codes import CONFIRM
from worker.ligdicash.wire import MAX_BODY, read_confirm
from worker.ligdicash.wire.confirm import VERDICTS, Code, Word

REFERENCE_ANSWER = {
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
    "date": "2026-05-09 07:20:23+00",
    "external_id": "ART5A7044E5",
    "oreference": "",
    "request_id": "P2777636082026",
    "custom_data": [
        {
            "keyof_customdata": "transaction_id",
            "valueof_customdata": "ART5A7044E5",
            "datecreation_customdata": "2026-05-09 07:20:23.362788",
        },
        {"keyof_customdata": "logfile", "valueof_customdata": "2026050907202369fee03756652"},
    ],
    "customer_details": {"firstname": "F", "lastname": "L"},
    "wiki": "https://client.ligdicash.com/wiki/confirmInvoice",
}


def answer(http_status: int = 200, **fields) -> Answer:
    return read_confirm(http_status, json.dumps(fields).encode())


def test_the_answer_of_the_reference_page_is_read_whole():
    body = json.dumps(REFERENCE_ANSWER).encode()
    assert read_confirm(200, body) == Answer(
        said=Said.COMPLETED,
        amount=4200,
        references=("ART5A7044E5",),
        operator_id="11",
        operator_name="ORANGE BURKINA",
        request_id="P2777636082026",
        wiki="https://client.ligdicash.com/wiki/confirmInvoice",
        http_status=200,
        body=body,
    )


def test_a_pending_answer_has_no_operator_and_no_customer():
    read = answer(**{**REFERENCE_ANSWER, "status": "pending", "operator_id": "", "operator_name": "", "customer": None})
    assert (read.said, read.operator_id, read.trouble) == (Said.PENDING, "", "")


def test_every_pair_of_word_and_code_has_a_verdict():
    assert set(VERDICTS) == set(itertools.product(Word, Code))


SPELLINGS = {
    Word.COMPLETED: ["completed", " COMPLETED "],
    Word.NOTCOMPLETED: ["notcompleted", "nocompleted"],
    Word.PENDING: ["pending"],
    Word.STRANGE: ["success", "failed", "unknown", 7],
    Word.MISSING: ["", "  ", None, [], {"a": 1}, False],
}
CODES = {Code.YES: ["00"], Code.NO: ["01", "02", "0", 0, "E1"], Code.MISSING: ["", None, [], True]}


@pytest.mark.parametrize(("word", "code"), list(itertools.product(Word, Code)))
def test_the_table_of_verdicts_is_what_is_read(word, code):
    for status, response_code in itertools.product(SPELLINGS[word], CODES[code]):
        read = answer(status=status, response_code=response_code, response_text="Echec (Code02)")
        assert read.said is (VERDICTS[word, code] or Said.NOT_FOUND)
        assert bool(read.trouble) is (read.said in (Said.UNKNOWN, Said.NOT_FOUND))


def test_a_failed_payment_is_failed_whether_the_code_says_00_or_01():
    for code in ("00", "01"):
        assert answer(status="notcompleted", response_code=code).said is Said.NOTCOMPLETED


def test_completed_with_01_is_not_believed():
    read = answer(status="completed", response_code="01", amount=4200)
    assert read.said is Said.UNKNOWN
    assert read.trouble == 'status "completed" with response_code "01" says nothing certain'


@pytest.mark.parametrize("code", CONFIRM)
def test_every_sub_code_decides_a_refusal_without_a_status(code):
    read = answer(
        response_code="01", response_text=f"Echec (Code{code})", response_text_details="because", wiki="https://w"
    )
    assert read.said is CONFIRM[code].comes_to
    assert (read.sub_code, read.text, read.details, read.wiki) == (code, f"Echec (Code{code})", "because", "https://w")
    assert CONFIRM[code].meaning in read.trouble


@pytest.mark.parametrize("text", ["", "Echec", "Echec (Code77)", "Echec (Code03a)"])
def test_a_refusal_without_a_listed_sub_code_leaves_the_payment_open(text):
    assert answer(response_code="01", response_text=text).said is Said.UNKNOWN


@pytest.mark.parametrize("status", [0, 100, 201, 204, 301, 302, 400, 404, 405, 408, 418, 429, 500, 502, 503, 504, 520])
def test_another_http_status_than_200_is_silence_whatever_its_body_says(status):
    read = answer(status, **REFERENCE_ANSWER)
    assert read.said is Said.SILENCE
    assert (read.amount, read.references) == (None, ())
    assert read.http_status == status
    assert str(status) in read.trouble


@pytest.mark.parametrize("status", [401, 403])
def test_401_and_403_are_refusals(status):
    assert answer(status).said is Said.REFUSED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<html>maintenance</html>",
        b"[]",
        b"null",
        b'"completed"',
        b'{"status": "compl',
        b"\xff",
        b"[" * 9999,
    ],
)
def test_a_200_without_a_json_object_is_silence_with_its_body_kept(body):
    read = read_confirm(200, body)
    assert read.said is Said.SILENCE
    assert read.body == body
    assert read.trouble


def test_an_endless_answer_is_silence_and_cut():
    body = json.dumps({**REFERENCE_ANSWER, "description": "x" * MAX_BODY}).encode()
    read = read_confirm(200, body)
    assert read.said is Said.SILENCE
    assert read.body == body[:MAX_BODY]


def test_amounts_that_disagree_are_no_amount():
    assert answer(**{**REFERENCE_ANSWER, "montant": 42}).amount is None
    assert answer(**{**REFERENCE_ANSWER, "montant": "4200.0"}).amount == 4200


def test_a_token_in_a_text_is_not_kept_as_text():
    read = answer(
        response_code="01",
        response_text="bad token eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2ln",
        status="eyJhbGciOiJIUzI1NiJ9",
    )
    assert "eyJ" not in read.text + read.trouble


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(
    st.sampled_from([*REFERENCE_ANSWER, "response_text_details"]),
    ANY_JSON | st.sampled_from(["00", "01", "completed", "pending", "notcompleted", "Echec (Code02)", "4200"]),
)


@settings(deadline=None, max_examples=400)
@given(
    http_status=st.sampled_from([200, 200, 401, 500]) | st.integers(),
    body=st.binary(max_size=200) | OBJECTS.map(lambda fields: json.dumps(fields).encode()),
)
def test_any_bytes_come_to_exactly_one_answer_fit_to_be_stored(http_status, body):
    read = read_confirm(http_status, body)
    texts = (
        *read.references,
        read.operator_id,
        read.operator_name,
        read.request_id,
        read.sub_code,
        read.text,
        read.details,
    )
    for text in (*texts, read.wiki, read.trouble):
        assert b"\x00" not in text.encode()
    if read.said is Said.COMPLETED:
        fields = json.loads(body)
        assert (http_status, fields["response_code"].strip()) == (200, "00")
        assert fields["status"].strip().lower() == "completed"
