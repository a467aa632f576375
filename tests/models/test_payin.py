"""What a customer has to do next: sorted for every status, mode, operator and hitch; and who may pay what through whom."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from models.errors import AskCustomer
from models.operators import OPERATORS, Operator, Validation, find
from models.payin import CustomerStep, Hitch, Payer, PayinState, StepKind, customer_step, known_hitch, operator_of
from models.phone import MALI
from models.transaction import Mode, Status

ORANGE = find("11")
PENDING = PayinState(status=Status.PENDING, mode=Mode.DIRECT, amount=4200, operator=ORANGE)
REFUSED = replace(PENDING, status=Status.REFUSED)
PAYER = Payer(mode=Mode.DIRECT, number="22676000000", operator_id="11")


def by_mode(validation: Validation | None) -> Operator:
    return Operator(id="9", name="Any", country=MALI, validation=validation, ussd="*9*{amount}#")


def kind(state: PayinState) -> StepKind | None:
    step = customer_step(state)
    return step.kind if step else None


WHILE_PENDING = {
    Validation.USSD_OTP: CustomerStep(kind=StepKind.WAIT),
    Validation.USSD_PUSH: CustomerStep(kind=StepKind.APPROVE, ussd_code="*9*4200#"),
    Validation.GUIDED_USSD: CustomerStep(kind=StepKind.DIAL, ussd_code="*9*4200#"),
    Validation.SMS_OTP: CustomerStep(kind=StepKind.WAIT),
    Validation.LIGDICASH_REDIRECT: CustomerStep(kind=StepKind.WAIT),
    Validation.OPERATOR_REDIRECT: CustomerStep(kind=StepKind.WAIT),
    None: CustomerStep(kind=StepKind.WAIT),
}


@pytest.mark.parametrize("validation", [*Validation, None])
def test_each_validation_mode_has_its_step_while_the_payment_is_pending(validation):
    assert customer_step(replace(PENDING, operator=by_mode(validation))) == WHILE_PENDING[validation]


@pytest.mark.parametrize("validation", [*Validation, None])
def test_an_address_of_the_gateway_goes_before_what_the_operator_usually_does(validation):
    step = customer_step(replace(PENDING, operator=by_mode(validation), payment_url="https://operator.example/7"))
    assert (step.kind, step.url) == (StepKind.OPEN_URL, "https://operator.example/7")


def test_a_hosted_page_is_opened_if_its_address_is_known():
    hosted = replace(PENDING, mode=Mode.HOSTED, operator=None)
    assert kind(replace(hosted, payment_url="https://page.example/7")) is StepKind.OPEN_URL
    assert kind(hosted) is None


def test_what_may_have_begun_is_not_tried_again_whatever_went_wrong():
    state = PayinState(status=Status.REFUSED, mode=Mode.DIRECT, amount=4200, hitch=Hitch.OPERATOR_DOWN)
    assert (kind(state), kind(replace(state, may_have_begun=True))) == (StepKind.RETRY, StepKind.FIND_OUT)


BY_HITCH = {
    Hitch.OTP_NEEDED: StepKind.DIAL,
    Hitch.WRONG_OTP: StepKind.DIAL,
    Hitch.EXPIRED_OTP: StepKind.DIAL,
    Hitch.OTHER_AMOUNT_OTP: StepKind.DIAL,
    Hitch.WRONG_WALLET: StepKind.PAY_OTHERWISE,
    Hitch.BALANCE: StepKind.RETRY,
    Hitch.OPERATOR_DOWN: StepKind.RETRY,
    Hitch.OPERATOR_NEEDED: StepKind.CHOOSE_OPERATOR,
    Hitch.NOT_SERVED: StepKind.PAY_OTHERWISE,
    Hitch.AMOUNT: StepKind.PAY_OTHERWISE,
    Hitch.OTP_NOT_SENT: StepKind.RETRY,
    Hitch.OTP_TOO_SOON: StepKind.RETRY,
}


@pytest.mark.parametrize("hitch", Hitch)
def test_each_hitch_has_a_step_that_puts_it_right(hitch):
    step = customer_step(replace(REFUSED, hitch=hitch))
    assert (step.kind, step.hitch) == (BY_HITCH[hitch], hitch)
    assert step.ussd_code == ("*144*4*6*4200#" if step.kind is StepKind.DIAL else "")


def test_another_code_for_a_wallet_comes_in_a_message():
    step = customer_step(PayinState(status=Status.REFUSED, mode=Mode.WALLET, amount=4200, hitch=Hitch.EXPIRED_OTP))
    assert (step.kind, step.gives_otp, step.ussd_code) == (StepKind.ENTER_OTP, True, "")


@pytest.mark.parametrize(
    ("status", "mode"), list(product([Status.CREATED, Status.COMPLETED, Status.NOTCOMPLETED], Mode))
)
def test_there_is_nothing_to_do_where_it_is_over_or_nobody_knows(status, mode):
    assert customer_step(replace(PENDING, status=status, mode=mode, payment_url="https://page.example")) is None


def test_a_refusal_that_no_customer_can_put_right_has_no_step():
    assert customer_step(REFUSED) is None


def test_a_code_that_only_a_later_release_knows_is_no_hitch():
    assert known_hitch("sim_swapped") is None
    assert known_hitch("wrong_otp") is Hitch.WRONG_OTP
    assert known_hitch("") is None


def test_of_a_number_only_country_and_last_digits_are_kept_and_no_repr_shows_it():
    assert PAYER.masked == "226******00"
    assert PAYER.number not in repr(PAYER)


def test_the_operator_that_the_customer_names_is_taken():
    assert operator_of(PAYER, amount=4200, project=()) is ORANGE
    assert operator_of(PAYER, amount=4200, project=("11", "12")) is ORANGE


def test_of_a_number_whose_country_has_one_operator_of_the_project_it_is_that_one():
    assert operator_of(replace(PAYER, operator_id=""), amount=4200, project=("1", "11")) is ORANGE


def test_one_we_do_not_know_may_be_the_gateways():
    assert operator_of(replace(PAYER, operator_id="777"), amount=4200, project=("11", "777")) is None


def test_a_wallet_has_no_operator():
    assert operator_of(Payer(mode=Mode.WALLET, number="33612345678"), amount=4200, project=("11",)) is None


@pytest.mark.parametrize(
    ("change", "amount", "project", "hitch"),
    [
        ({"operator_id": ""}, 4200, ("11", "12"), Hitch.OPERATOR_NEEDED),
        ({"operator_id": ""}, 4200, (), Hitch.OPERATOR_NEEDED),
        ({"operator_id": ""}, 4200, ("777",), Hitch.OPERATOR_NEEDED),
        ({"operator_id": ""}, 4200, ("1",), Hitch.NOT_SERVED),
        ({"operator_id": "12"}, 4200, ("11",), Hitch.NOT_SERVED),
        ({"operator_id": "1"}, 4200, (), Hitch.NOT_SERVED),
        ({}, 9, (), Hitch.AMOUNT),
        ({}, 2_000_001, (), Hitch.AMOUNT),
    ],
    ids=range(8),
)
def test_what_the_gateway_would_certainly_refuse_is_refused_with_its_code(change, amount, project, hitch):
    with pytest.raises(AskCustomer) as caught:
        operator_of(replace(PAYER, **change), amount=amount, project=project)
    assert caught.value.code == hitch
    assert PAYER.number not in str(caught.value)


def test_every_operator_we_know_takes_a_direct_payment_of_a_middling_sum_with_no_second_call():
    """A code by message is the wallet's alone: another operator with it would need a second call that nobody documents."""
    for operator in OPERATORS:
        payer = replace(PAYER, number=f"{operator.country.dialling}70000000", operator_id=operator.id)
        assert operator_of(payer, amount=5000, project=()) is operator
        assert operator.validation is not Validation.SMS_OTP
