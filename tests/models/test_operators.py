"""The operators as data: nothing contradicts itself, an unknown id breaks nothing, and only what is certain is refused."""

from __future__ import annotations

import pytest

from models.errors import Invalid
from models.operators import OPERATORS, Validation, check_served, find, served_by
from models.order import PAYIN_MAX
from models.phone import COUNTRIES
from worker.ligdicash.simulator.payment import OPERATORS as SIMULATED

IN_BURKINA, IN_MALI, IN_CAMEROON = "22670000000", "22370000000", "237670000000"

NAMES = [f"{operator.name} {operator.country.code}" for operator in OPERATORS]


def test_no_id_and_no_name_stands_for_two_operators():
    named = [operator.gateway_name for operator in OPERATORS if operator.gateway_name]
    assert len({operator.id for operator in OPERATORS}) == len(OPERATORS) == len(set(NAMES))
    assert len(set(named)) == len(named)


@pytest.mark.parametrize("operator", OPERATORS, ids=NAMES)
def test_each_operator_is_in_a_country_we_know_with_limits_that_can_hold(operator):
    assert operator.id.isdecimal()
    assert operator.country in COUNTRIES
    assert 0 < (operator.minimum or 1) < (operator.maximum or PAYIN_MAX) <= PAYIN_MAX


@pytest.mark.parametrize("operator", OPERATORS, ids=NAMES)
def test_a_code_to_dial_is_there_where_a_code_must_come_before_the_payin(operator):
    needs_code = operator.validation is not None and operator.validation.needs_code_first
    assert bool(operator.ussd) or not needs_code
    assert operator.dial(5000) == "" or operator.dial(5000).startswith("*")
    assert operator.dial(5000)[-1:] in ("", "#")


def test_what_a_customer_of_orange_burkina_dials_has_the_amount_in_it():
    assert find("11").dial(12_500) == "*144*4*6*12500#"


def test_the_pages_name_every_operator_that_the_simulator_plays():
    assert {number: find(number).gateway_name for number in SIMULATED} == SIMULATED


@pytest.mark.parametrize("mode", Validation)
def test_each_mode_asks_for_a_code_first_or_for_a_page_or_for_neither(mode):
    asks = (mode.needs_code_first, mode.sends_customer_to_page)
    assert (
        asks
        == {
            Validation.USSD_OTP: (True, False),
            Validation.USSD_PUSH: (False, False),
            Validation.GUIDED_USSD: (False, False),
            Validation.SMS_OTP: (False, False),
            Validation.LIGDICASH_REDIRECT: (False, True),
            Validation.OPERATOR_REDIRECT: (False, True),
        }[mode]
    )


@pytest.mark.parametrize("operator_id", ["", "0", "99", "011", "eleven"], ids=["none", "0", "99", "011", "word"])
def test_an_id_we_do_not_know_is_told_as_unknown(operator_id):
    assert find(operator_id) is None


def test_the_operators_of_the_project_in_the_country_of_a_number_serve_it():
    assert served_by(IN_BURKINA, ["18", "12", "11"]) == (find("12"), find("11"))
    check_served(IN_BURKINA, ["18", "12", "11"])


@pytest.mark.parametrize("number", [IN_MALI, IN_CAMEROON], ids=["mali", "cameroon"])
def test_a_number_of_a_country_without_an_operator_of_the_project_is_refused(number):
    assert served_by(number, ["11", "12", "15"]) == ()
    with pytest.raises(Invalid) as refused:
        check_served(number, ["11", "12", "15"])
    assert str(refused.value) == (
        "no operator of the project works in the country of this phone number; they work in BF, CI (LIGDICASH_OPERATORS)"
    )


@pytest.mark.parametrize("operator_ids", [(), ("77",), ("11", "77")], ids=["none", "stranger", "one-stranger"])
def test_where_the_projects_operators_are_not_all_known_no_number_is_refused(operator_ids):
    for number in (IN_BURKINA, IN_MALI, IN_CAMEROON):
        assert served_by(number, operator_ids) is None
        check_served(number, operator_ids)
