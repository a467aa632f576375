"""The sub-code tables, walked row by row."""

from __future__ import annotations

import pytest

from models.answers import Said
from worker.ligdicash.sub_codes import CONFIRM, CREATE, NextStep, confirm_refusal, create_refusal, sub_code_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Echec (Code00)", "00"),
        ("Echec (Code15)", "15"),
        ("Echec (Code03a)", "03a"),
        ("Echec (Code03B)", "03b"),
        ("échec ( code 04 )", "04"),
        ("Echec", ""),
        ("", ""),
        ("Echec (Code)", ""),
        ("Echec (Code1)", ""),
        ("https://app.ligdicash.com/pay/invoice/code15", ""),
        ("Echec (Code\u0661\u0665)", ""),
    ],
)
def test_the_sub_code_stands_in_brackets_in_the_text(text, code):
    assert sub_code_of(text) == code


def test_every_listed_code_is_found_in_a_text_that_holds_it():
    for code in (*CREATE, *CONFIRM):
        assert sub_code_of(f"Echec (Code{code})") == code


def test_every_row_says_what_it_means_and_stands_under_its_own_code():
    for table in (CREATE, CONFIRM):
        for code, row in table.items():
            assert row.code == code
            assert row.meaning
            assert row.next_step in NextStep


def test_create_knows_00_to_18_and_confirm_00_to_04():
    assert list(CREATE) == [f"{number:02}" for number in range(19)]
    assert list(CONFIRM) == [f"{number:02}" for number in range(5)]


def test_no_refused_question_ever_says_that_a_payment_failed_or_succeeded():
    assert {row.comes_to for row in CONFIRM.values()} <= {Said.REFUSED, Said.NOT_FOUND, Said.UNKNOWN}


@pytest.mark.parametrize("code", ["", "19", "99", "03a"])
def test_an_unlisted_code_goes_to_support_and_leaves_the_payment_open(code):
    assert create_refusal(code).next_step is NextStep.ASK_SUPPORT
    assert confirm_refusal(code).next_step is NextStep.ASK_SUPPORT
    assert confirm_refusal(code).comes_to is Said.UNKNOWN
    assert create_refusal(code).code == confirm_refusal(code).code == code
