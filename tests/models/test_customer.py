"""A customer is found however the gateway, a form, JSON or a person wrote the number, the address or the name; nobody else is."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

import pytest

from models.customer import Sort, customer_of
from models.errors import Invalid
from models.queries.customers import Place, look_for
from models.session import transaction
from tests.ledger import claim, knock

AWA = "22670000000"
NAMED = [
    claim("X", customer=AWA),
    claim("X", customer=int(AWA)),
    claim("X", customer="+226 70 00 00 00"),
    claim("X", customer="00226-70.00.00.00"),
    claim("X", customer_details={"phone": "70 00 00 00"}),
    claim("X", custom_data=json.dumps({"tel": "70000000"})),
    claim("X", note="ring 226\N{NO-BREAK SPACE}70\N{NO-BREAK SPACE}00\N{NO-BREAK SPACE}00\N{NO-BREAK SPACE}00, please"),
    urlencode({"customer": "+226 70 00 00 00"}).encode(),
    urlencode({"customer": AWA}).encode(),
    urlencode({"customer_details[phone]": "70000000"}).encode(),
    quote(urlencode({"customer": "+226 70 00 00 00"}), safe="").encode(),
    f"customer={AWA}".encode("utf-16-le"),
    b"\xff\x00 226\xa070000000\x00",
]
OTHERS = [
    claim("X", customer="22370000000"),
    claim("X", customer="226700000001"),
    claim("X", customer="122670000000"),
    claim("X", customer_details={"phone": "+223 70 00 00 00"}),
    claim("X", customer="", request_id="70000000"),
    claim("70000000", customer="22670000001"),
    urlencode({"customer": "22670000001", "amount": "70000000"}).encode(),
]


def found(sessions, who: str, bodies) -> list[int]:
    """Which of these bodies, from 0, name them."""
    first = knock(sessions, *bodies)[0]
    with transaction(sessions) as step:
        looked = look_for(step.session, Place.CALLBACKS, customer_of(who), after=first - 1)
    return sorted(one.id - first for one in looked.namings if one.by_all or one.by_local)


def test_a_number_is_found_however_it_is_written_and_nobody_elses(sessions):
    assert found(sessions, "+226 70 00 00 00", NAMED) == list(range(len(NAMED)))
    assert found(sessions, "00226 70000000", OTHERS) == []


def test_a_number_of_benin_is_found_with_its_01_and_without(sessions):
    bodies = [claim("X", customer=number) for number in ("22997000000", "2290197000000", "2290297000000")]
    assert found(sessions, "+229 97 00 00 00", bodies) == found(sessions, "+229 01 97 00 00 00", bodies) == [0, 1]


def test_an_address_and_a_name_are_found_in_forms_in_json_and_in_old_encodings(sessions):
    mail = "Awa.O@example.com"
    bodies = [
        claim("X", m=mail),
        urlencode({"m": mail.upper()}).encode(),
        claim("X", m=f"k{mail}"),
        claim("X", m=f"{mail}x"),
    ]
    assert found(sessions, mail, bodies) == [0, 1]
    name = "Awa Ouédraogo"
    bodies = [
        claim("X", firstname="AWA", lastname="OUÉDRAOGO"),
        json.dumps({"name": name}, ensure_ascii=False).encode(),
        urlencode({"name": name}).encode(),
        urlencode({"name": name}, encoding="latin-1").encode(),
        f"name={name}".encode("latin-1"),
        claim("X", name="awa ouedraogo"),
        claim("X", name="Hawa Ouédraogo"),
        claim("X", name="Awa Traoré"),
    ]
    assert found(sessions, name, bodies) == [0, 1, 2, 3, 4, 5]


def test_what_is_shown_of_them_tells_nobody_who_it_is_and_no_fault_repeats_it():
    assert [customer_of(who).masked for who in ("+226 70 00 00 00", "awa@example.com", "Awa Ouédraogo")] == [
        "226******00",
        "a**@example.com",
        "A** O********",
    ]
    assert customer_of("awa@example.com").sort is Sort.EMAIL
    assert "70" not in repr(customer_of(AWA))
    for bad in ("71 23 45 67", "", "x", "Awa\x00", "a" * 300):
        with pytest.raises(Invalid, match=r"phone number|name") as refused:
            customer_of(bad)
        assert "23 45" not in str(refused.value)


def test_a_reason_that_names_them_is_noticed():
    assert customer_of(AWA).is_named_in("asked by +226 70 00 00 00 by phone")
    assert not customer_of(AWA).is_named_in("letter of 2026-11-02, file 70")
