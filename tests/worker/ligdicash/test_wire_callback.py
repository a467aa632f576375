"""Reading callbacks: every shape the vendor's pages and the field show, and nothing but `Unreadable` for all others."""

from __future__ import annotations

import dataclasses
import json
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.answers import CallbackContent, Said
from models.errors import Unreadable
from worker.ligdicash.wire import read_callback
from worker.ligdicash.wire.callback import KNOWN_FIELDS

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def read_json(**fields) -> CallbackContent:
    return read_callback(JSON, json.dumps(fields).encode())


def entry(key, value):
    return {"keyof_customdata": key, "valueof_customdata": value, "datecreation_customdata": "2026-05-09 07:20:23"}


SHAPES = {
    "entries": [entry("hash", "00"), entry("transaction_id", "ORD-1")],
    "old entries": [{"id_invoice": "7", "keyof_customdata": "transaction_id", "valueof_customdata": "ORD-1"}],
    "entries keyed by index": {"0": entry("logfile", "x"), "1": entry("transaction_id", "ORD-1")},
    "plain object": {"transaction_id": "ORD-1", "logfile": "x"},
    "text of entries": json.dumps([entry("transaction_id", "ORD-1")]),
    "text of a plain object": '{"transaction_id": "ORD-1"}',
    "text of text of an object": json.dumps('{"transaction_id": "ORD-1"}'),
}


@pytest.mark.parametrize("name", ["custom_data", "customdata"])
@pytest.mark.parametrize("shape", SHAPES)
def test_our_id_is_found_in_every_shape_of_custom_data(shape, name):
    assert read_json(status="completed", **{name: SHAPES[shape]}).references == ("ORD-1",)


@pytest.mark.parametrize(
    "nothing", [[], "", "[]", "{}", '""', None, True, {}, [[]], [None], ["x"], "not json", 5, "5", [entry("hash", "1")]]
)
def test_custom_data_without_our_id_names_nobody(nothing):
    assert read_json(status="completed", custom_data=nothing).references == ()


@pytest.mark.parametrize("inner", [[], {}, None, True, "", "  ", [entry("transaction_id", "ORD-1")]])
def test_an_id_that_is_no_text_names_nobody(inner):
    assert read_json(status="completed", custom_data={"transaction_id": inner}, transaction_id=inner).references == ()


def test_references_come_most_trustworthy_first_and_once():
    content = read_json(
        status="completed", external_id="ORD-1", transaction_id="ROOT", custom_data={"transaction_id": " ORD-1 "}
    )
    assert content.references == ("ORD-1", "ROOT")


@pytest.mark.parametrize("bad", ["a\x00b", "a\nb", "a\x85b", "\ud800", "x" * 256])
def test_an_id_that_could_not_be_ours_or_not_be_stored_is_dropped(bad):
    assert read_json(status="completed", transaction_id=bad, external_id="ORD-1").references == ("ORD-1",)


def test_an_id_written_as_a_number_is_read_as_text():
    assert read_callback(JSON, b'{"status": "completed", "transaction_id": 1234567}').references == ("1234567",)


@pytest.mark.parametrize(
    ("said", "claims"),
    [
        ("pending", Said.PENDING),
        ("completed", Said.COMPLETED),
        (" Completed ", Said.COMPLETED),
        ("notcompleted", Said.NOTCOMPLETED),
        ("nocompleted", Said.NOTCOMPLETED),
        ("success", Said.UNKNOWN),
        ("", Said.UNKNOWN),
        (None, Said.UNKNOWN),
        (["completed"], Said.UNKNOWN),
        ({"completed": 1}, Said.UNKNOWN),
        ("comp\x00leted", Said.UNKNOWN),
    ],
)
def test_the_status_word_decides_the_claim(said, claims):
    assert read_json(status=said).claims is claims


def test_response_code_00_claims_nothing():
    assert read_json(response_code="00").claims is Said.UNKNOWN


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ('"amount": 4200', 4200),
        ('"montant": "4200"', 4200),
        ('"amount": 4200, "montant": "4200"', 4200),
        ('"amount": 4200.0', 4200),
        ('"amount": " 4200.00 "', 4200),
        ('"amount": 0', 0),
        ('"amount": "", "montant": 4200', 4200),
        ('"amount": null, "montant": 4200', 4200),
        ('"amount": 4200, "montant": 4201', None),
        ('"amount": "many", "montant": 4200', None),
        ('"amount": {}, "montant": 4200', None),
        ('"amount": true', None),
        ('"amount": -4200', None),
        ('"amount": 4200.5', None),
        ('"amount": "4 200"', None),
        ('"amount": "42\\u000000"', None),
        ('"amount": "\\u0664\\u0662"', None),
        ('"amount": NaN', None),
        ('"amount": Infinity', None),
        ('"amount": 1e3', None),
        ('"amount": 1000000001', None),
        ('"amount": ' + "9" * 10_000, None),
        ('"status": "completed"', None),
    ],
)
def test_amounts_are_whole_francs_or_none(fields, amount):
    assert read_callback(JSON, b'{"status": "pending", ' + fields.encode() + b"}").amount == amount


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b"4200",
        b'"completed"',
        b"{}",
        b'{"hello": "world"}',
        b'{"status": "completed"',
        b"[" * 60_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b"hello=world",
        b"<html><body>502</body></html>",
        b"\x00\xff\xfe\x80",
        b"a=&" * 10_000,
        b'--x\r\nContent-Disposition: form-data; name="status"\r\n\r\ncompleted\r\n--x--\r\n',
    ],
    ids=range(16),
)
@pytest.mark.parametrize("content_type", [JSON, FORM, "multipart/form-data; boundary=x", ""])
def test_what_is_no_callback_is_unreadable(content_type, body):
    with pytest.raises(Unreadable):
        read_callback(content_type, body)


def test_deeply_nested_custom_data_is_as_good_as_none():
    content = read_json(status="completed", custom_data="[" * 50_000, external_id="ORD-1")
    assert content.references == ("ORD-1",)


def test_of_a_repeated_field_the_last_one_counts():
    assert read_callback(JSON, b'{"status": "pending", "status": "completed"}').claims is Said.COMPLETED
    assert read_callback(FORM, b"status=pending&status=completed").claims is Said.COMPLETED


@pytest.mark.parametrize(
    "content_type", ["APPLICATION/JSON", "application/json; charset=UTF-8", "Application/X-WWW-Form"]
)
def test_content_types_come_with_parameters_and_in_any_case(content_type):
    assert read_callback(content_type, b'{"status": "completed"}').claims is Said.COMPLETED
    assert read_callback(content_type, b"status=completed").claims is Said.COMPLETED


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_the_bytes_say_which_charset_it_is(charset):
    body = '{"status": "completed", "operator_name": "MOOV CÔTE"}'.encode(charset)
    assert read_callback("application/json; charset=rot13", body).operator_name == "MOOV CÔTE"


@pytest.mark.parametrize(
    "body", [b"\xef\xbb\xbfstatus=completed", b"status=completed&operator_name=%E9", b"status=completed\r\n"]
)
def test_forms_may_have_a_mark_or_latin_letters_or_a_line_end(body):
    assert read_callback(FORM, body).claims is Said.COMPLETED


def test_an_empty_custom_data_field_does_not_hide_the_bracketed_ones():
    for body in (b"custom_data=&custom_data[transaction_id]=A", b"custom_data[transaction_id]=A&custom_data="):
        assert read_callback(FORM, body).references == ("A",)


@pytest.mark.parametrize(
    "name", ["custom_data[", "custom_data]", "[x]", "custom_data[a][b][c][d][e]", "custom_data[]", "[]"]
)
def test_odd_names_of_fields_do_no_harm(name):
    assert read_callback(FORM, f"status=completed&{quote_plus(name)}=A".encode()).references == ()


def test_texts_are_made_fit_to_be_stored():
    content = read_json(
        status="completed",
        operator_id=11,
        operator_name="ORANGE\x00\ud800 BURKINA" + "x" * 500,
        request_id="eyJhbGciOiJI.eyJpZCI6.sig",
    )
    assert content.operator_id == "11"
    assert content.operator_name.startswith("ORANGE   BURKINA")
    assert len(content.operator_name) == 255
    assert content.request_id == "[token]"


def storable(content: CallbackContent) -> bool:
    texts = [*content.references, content.operator_id, content.operator_name, content.request_id]
    return all("\x00" not in text and text.encode() is not None and len(text) <= 255 for text in texts)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=10,
)
KNOWN_OBJECTS = st.dictionaries(
    st.sampled_from([*sorted(KNOWN_FIELDS), "customer_details"]),
    ANY_JSON | st.sampled_from(list(SHAPES.values())) | st.text(st.characters()),
)
BODIES = st.one_of(
    st.binary(max_size=300),
    KNOWN_OBJECTS.map(lambda fields: json.dumps(fields).encode()),
    st.lists(
        st.tuples(st.sampled_from(["status", "custom_data", "custom_data[0][x]", "amount"]) | st.text(), st.text())
    ).map(lambda pairs: urlencode(pairs, errors="replace").encode()),
)


@settings(deadline=None, max_examples=400)
@given(content_type=st.sampled_from([JSON, FORM, ""]) | st.text(), body=BODIES)
@example(content_type=JSON, body=b'{"status": "\\ud800", "operator_name": "\\udfff"}')
@example(content_type=FORM, body=b"status=%00&transaction_id=%ED%A0%80")
def test_any_bytes_are_read_or_refused_as_unreadable(content_type, body):
    try:
        content = read_callback(content_type, body)
    except Unreadable:
        return
    assert storable(content)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,20}", fullmatch=True)


@st.composite
def events(draw):
    """An event as the gateway might send it: known fields, flat texts and numbers, and custom_data as entries."""
    event = draw(
        st.fixed_dictionaries(
            {"status": st.sampled_from(["completed", "pending", "notcompleted", "nocompleted", "odd"]) | TEXTS},
            optional={
                "amount": st.integers() | st.floats() | TEXTS,
                "montant": st.integers(0, 5_000_000),
                "operator_id": st.integers() | TEXTS,
                "operator_name": TEXTS,
                "request_id": TEXTS,
                "transaction_id": TEXTS | st.integers(),
                "external_id": TEXTS,
                "token": TEXTS,
            },
        )
    )
    return event, draw(st.dictionaries(KEYS | st.just("transaction_id"), TEXTS, max_size=4))


def as_json(event, custom_data) -> bytes:
    return json.dumps({**event, "custom_data": [entry(*item) for item in custom_data.items()]}).encode()


def scalars(event):
    return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in event.items()]


def as_text_form(event, custom_data) -> bytes:
    entries = json.dumps([entry(*item) for item in custom_data.items()])
    return urlencode([*scalars(event), ("custom_data", entries)]).encode()


def as_flat_form(event, custom_data) -> bytes:
    return urlencode(
        [*scalars(event), *((f"custom_data[{key}]", value) for key, value in custom_data.items())]
    ).encode()


def as_indexed_form(event, custom_data) -> bytes:
    entries = [
        (f"custom_data[{place}][{name}]", value)
        for place, item in enumerate(custom_data.items())
        for name, value in entry(*item).items()
    ]
    return urlencode([*scalars(event), *entries]).encode()


@settings(deadline=None, max_examples=200)
@given(event=events())
@pytest.mark.parametrize("form", [as_text_form, as_flat_form, as_indexed_form])
def test_the_twins_of_any_event_read_the_same(form, event):
    assert read_callback(FORM, form(*event)) == read_callback(JSON, as_json(*event))


def test_the_content_of_a_callback_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_json(status="completed").claims = Said.PENDING
