"""What people write as a phone number comes to one form, and a refusal names the rule and never the number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.phone import BURKINA_FASO, COUNTRIES, IVORY_COAST, SHORTEST, country_of, gateway_form

WRITTEN = [
    "22670000000",
    "+22670000000",
    "0022670000000",
    " +226 70 00 00 00 ",
    "00226 70-00-00-00",
    "(+226) 70.00.00.00",
    "+226\N{NO-BREAK SPACE}70\N{NARROW NO-BREAK SPACE}00 00/00",
]


def why_not(written):
    with pytest.raises(Invalid) as refused:
        gateway_form(written)
    return str(refused.value)


@pytest.mark.parametrize("written", WRITTEN, ids=range(len(WRITTEN)))
def test_however_it_is_written_it_comes_to_digits_with_the_country_code(written):
    assert gateway_form(written) == "22670000000"


@pytest.mark.parametrize("written", ["70 00 00 00", "70000000", "0700000000", "+0770000000", "00 07 00 00 00 00"])
def test_a_number_without_its_country_code_is_refused(written):
    assert why_not(written) == "the phone number must begin with its country code, as in +226 70 00 00 00"


@pytest.mark.parametrize(
    "written",
    ["", " ", "+", "+226 7O OO OO OO", "+226+70000000", "226_70000000", "\N{FULLWIDTH DIGIT TWO}2670000000"],
    ids=["empty", "blank", "plus", "letters", "two-plusses", "underscore", "wide"],
)
def test_anything_but_digits_is_refused(written):
    assert why_not(written) == "the phone number must be digits, with nothing before them but + or 00"


@pytest.mark.parametrize("digits", [1, 6, 16])
def test_a_number_shorter_or_longer_than_any_in_the_world_is_refused(digits):
    assert why_not("+" + "5" * digits) == "the phone number must have 7 to 15 digits"


def test_a_text_that_goes_on_and_on_is_refused():
    assert why_not("2" + " " * 100) == "the phone number must have at most 40 characters"


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("+226 7000 000", "a phone number of Burkina Faso has 8 digits after +226, not 7"),
        ("226700000000", "a phone number of Burkina Faso has 8 digits after +226, not 9"),
        ("+225 07 00 00 00", "a phone number of Côte d'Ivoire has 10 digits after +225, not 8"),
        ("+229 97 00 00 0", "a phone number of Benin has 8 or 10 digits after +229, not 7"),
    ],
)
def test_a_length_that_the_national_plan_does_not_know_is_refused(written, rule):
    assert why_not(written) == rule


def test_a_number_of_benin_passes_with_the_eight_digits_of_old_and_the_ten_of_today():
    assert gateway_form("+229 97 00 00 00") == "22997000000"
    assert gateway_form("+229 01 97 00 00 00") == "2290197000000"


@pytest.mark.parametrize("digits", [7, 9], ids=["seven", "nine"])
def test_where_the_plan_knows_several_lengths_none_is_refused(digits):
    assert gateway_form("+243" + "8" * digits) == "243" + "8" * digits


def test_a_country_that_is_not_known_passes_when_its_code_must_be_there():
    assert gateway_form("+220 765 4321") == "2207654321"
    assert gateway_form("237670000000") == "237670000000"
    assert country_of("237670000000") is None


def test_the_country_is_read_off_the_country_code():
    assert country_of("22670000000") is BURKINA_FASO
    assert country_of("2250700000000") is IVORY_COAST
    assert len({country.dialling for country in COUNTRIES}) == len({country.code for country in COUNTRIES}) == 9


@given(st.sampled_from(COUNTRIES), st.data())
def test_a_number_in_the_gateways_form_stays_as_it_is(country, data):
    length = data.draw(st.sampled_from(country.lengths or (9,)))
    number = country.dialling + data.draw(st.from_regex(rf"[0-9]{{{length}}}", fullmatch=True))
    assert gateway_form(number) == gateway_form(f"+{number}") == number


@given(st.text(max_size=50) | st.text("+0123456789 -.()/", max_size=25))
def test_whatever_is_written_comes_to_digits_or_to_a_refusal_without_the_number(written):
    try:
        number = gateway_form(written)
    except Invalid:
        assert len(written) < SHORTEST or written not in why_not(written)
    else:
        assert re.fullmatch("[1-9][0-9]{6,14}", number)
