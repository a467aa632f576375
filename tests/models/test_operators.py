"""The operators as data: nothing contradicts itself, an unknown id breaks nothing, and only what is certain is refused."""

from __future__ import annotations

import pytest

from models.operators import OPERATORS, Validation, find, served_by
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
    assert operator.ussd or not (operator.validation and operator.validation.needs_code_first)
    assert operator.dial(5000) == "" or operator.dial(5000).startswith("*")
    assert operator.dial(5000)[-1:] in ("", "#")


def test_what_a_customer_of_orange_burkina_dials_has_the_amount_in_it():
    assert find("11").dial(12_500) == "*144*4*6*12500#"


def test_the_pages_name_every_operator_that_the_simulator_plays():
    assert {number: find(number).gateway_name for number in SIMULATED} == SIMULATED


def test_one_mode_alone_wants_its_code_before_the_payin():
    assert [mode for mode in Validation if mode.needs_code_first] == [Validation.USSD_OTP]


@pytest.mark.parametrize("operator_id", ["", "0", "99", "011", "eleven"], ids=["none", "0", "99", "011", "word"])
def test_an_id_we_do_not_know_is_told_as_unknown(operator_id):
    assert find(operator_id) is None


def test_the_operators_of_the_project_in_the_country_of_a_number_serve_it():
    assert served_by(IN_BURKINA, ["18", "12", "11"]) == (find("12"), find("11"))


@pytest.mark.parametrize("number", [IN_MALI, IN_CAMEROON], ids=["mali", "cameroon"])
def test_a_number_of_a_country_without_an_operator_of_the_project_is_certainly_not_served(number):
    assert served_by(number, ["11", "12", "15"]) == ()


@pytest.mark.parametrize("operator_ids", [(), ("77",), ("11", "77")], ids=["none", "stranger", "one-stranger"])
def test_where_the_projects_operators_are_not_all_known_nothing_is_certain(operator_ids):
    for number in (IN_BURKINA, IN_MALI, IN_CAMEROON):
        assert served_by(number, operator_ids) is None
