"""Creating direct and wallet payins: one code path with the hosted ones, and a one-time code that is kept nowhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.check import Lane
from models.errors import AskCustomer, Conflict, GatewayRefused, NotSent, OutcomeUnknown
from models.order import InvoiceOrder, Item
from models.payin import Payer
from models.transaction import Mode, Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.invoices import create, order_digest
from tests.fakes import completed, toolbox
from tests.ledger import all_at_once, cases, claim, count, knock, row, value

OTP = "736415"
PAYER = Payer(mode=Mode.DIRECT, number="22676000000", operator_id="11")
ORDER = InvoiceOrder(transaction_id="ORD-1", amount=5000, description="shoes", payer=PAYER)
PUSHED = replace(ORDER, payer=Payer(mode=Mode.DIRECT, number="22990000000", operator_id="1"))
HOSTED = replace(ORDER, payer=None)
WALLET = replace(ORDER, payer=Payer(mode=Mode.WALLET, number="22676000000"))
WRONG = GatewayRefused("a wrong one-time code", code="wrong_otp", sub_code="15")


def only(sessions):
    return row(sessions, value(sessions, "SELECT id FROM transactions"))


def test_a_hosted_order_keeps_the_digest_it_always_had():
    """Orders of earlier releases lie in the books by it: sent again, they must be the same orders."""
    order = InvoiceOrder(
        transaction_id="ORD-1",
        amount=5000,
        description="shoes",
        items=(Item(name="Shoe", quantity=2, unit_price=2500, total_price=5000),),
        customer_email="awa@example.com",
        custom_data={"basket": "7"},
    )
    assert order_digest(order).hex() == "3d4d29cb49206bf209cbdc955e177e87dcc0a51c929343fda7fdead03ef7adc6"


def test_the_books_keep_the_mode_the_operator_and_a_masked_number(sessions, tools):
    create(tools, ORDER, otp=OTP)
    kept = only(sessions)
    assert (kept.mode, kept.payer, kept.asked_operator, kept.status) == ("direct", "226******00", "11", Status.PENDING)
    assert PAYER.number not in str(vars(kept))


def test_a_direct_payin_is_settled_by_the_gateways_answer_like_any_other(sessions, fakes, tools):
    booked = create(tools, PUSHED)
    fakes.gateway.says(booked.invoice.token, completed(5000, "ORD-1"))
    confirm(tools, [booked.invoice.id], lane=Lane.SWEEP)
    assert only(sessions).status == Status.COMPLETED
    assert count(sessions, "settlements") == 1


def test_who_stood_still_before_the_call_has_nothing_created_any_more(sessions, fakes):
    clock = iter((0, 20.5, 100, 119.5))
    tools = toolbox(sessions, fakes, uptime=lambda: next(clock))
    with pytest.raises(NotSent, match="stood still"):
        create(tools, PUSHED)
    assert (only(sessions).status, fakes.gateway.orders) == (Status.REFUSED, [])
    assert create(tools, PUSHED).is_new


@pytest.mark.parametrize("order", [ORDER, WALLET], ids=["direct", "wallet"])
def test_without_a_code_the_gateway_is_not_asked_and_the_order_is_in_the_books_as_refused(
    sessions, fakes, tools, order
):
    with pytest.raises(AskCustomer) as caught:
        create(tools, order)
    kept = only(sessions)
    assert (kept.status, kept.refusal_code, kept.next_check_at) == (Status.REFUSED, caught.value.code, None)
    assert fakes.gateway.otps == []
    assert create(tools, order, otp=OTP).invoice.status == Status.PENDING
    assert (only(sessions).refusal, only(sessions).refusal_code) == ("", "")


def test_a_refused_code_may_be_replaced_and_an_accepted_one_not(sessions, fakes, tools):
    fakes.gateway.create_fault = WRONG
    with pytest.raises(GatewayRefused):
        create(tools, ORDER, otp="000000")
    assert only(sessions).refusal_code == "wrong_otp"
    fakes.gateway.create_fault = None
    assert create(tools, ORDER, otp=OTP).is_new
    assert not create(tools, ORDER, otp="111111").is_new
    assert fakes.gateway.otps == ["000000", OTP]


def test_the_same_code_sent_many_times_at_once_reaches_the_gateway_once(sessions, fakes, tools):
    fakes.gateway.create_fault = WRONG
    with pytest.raises(GatewayRefused):
        create(tools, ORDER, otp="000000")
    fakes.gateway.create_fault = None
    all_at_once(*[lambda: create(tools, ORDER, otp=OTP)] * 5)
    assert fakes.gateway.otps == ["000000", OTP]
    assert count(sessions, "transactions") == 1


@pytest.mark.parametrize(("order", "is_tried_again"), [(PUSHED, False), (WALLET, False), (HOSTED, True)])
def test_a_refused_order_that_was_called_back_about_is_tried_again_on_a_page_alone(
    sessions, fakes, tools, order, is_tried_again
):
    fakes.gateway.create_fault = GatewayRefused("an error while sending to the operator", code="operator_unavailable")
    with pytest.raises(GatewayRefused):
        create(tools, order, otp=OTP)
    intake(tools, knock(sessions, claim("ORD-1")))
    fakes.gateway.create_fault = None
    if is_tried_again:
        assert create(tools, order).is_new
    else:
        with pytest.raises(Conflict, match="may have been debited"):
            create(tools, order, otp=OTP)
    assert len(fakes.gateway.orders) == is_tried_again
    assert cases(sessions) == ["called_back"]


def test_one_that_was_never_sent_may_be_sent_again_with_its_code(sessions, fakes, tools):
    fakes.gateway.create_fault = NotSent("no connection")
    with pytest.raises(NotSent):
        create(tools, ORDER, otp=OTP)
    assert (only(sessions).status, only(sessions).refusal_code) == (Status.REFUSED, "")
    fakes.gateway.create_fault = None
    assert create(tools, ORDER, otp=OTP).is_new


@pytest.mark.parametrize("order", [ORDER, WALLET], ids=["direct", "wallet"])
def test_a_lost_reply_leaves_a_case_and_no_code_makes_it_sent_again(sessions, fakes, tools, order):
    fakes.gateway.create_fault = OutcomeUnknown("the gateway did not answer")
    with pytest.raises(OutcomeUnknown):
        create(tools, order, otp=OTP)
    fakes.gateway.create_fault = None
    again = create(tools, order, otp="111111")
    assert (again.is_new, again.invoice.status) == (False, Status.CREATED)
    assert fakes.gateway.otps == [OTP]
    assert cases(sessions) == ["token_lost"]


def test_what_cannot_be_paid_leaves_nothing_in_the_books(sessions, tools):
    with pytest.raises(AskCustomer):
        create(tools, replace(ORDER, amount=9), otp=OTP)
    assert count(sessions, "transactions") == 0


def test_an_order_that_is_under_way_is_given_back_whatever_the_settings_say_by_now(sessions, fakes, tools):
    booked = create(tools, ORDER, otp=OTP)
    moved = toolbox(sessions, fakes, operators=("1",))
    assert create(moved, ORDER).invoice.id == booked.invoice.id
    with pytest.raises(AskCustomer):
        create(moved, replace(ORDER, transaction_id="ORD-2"), otp=OTP)


def test_the_same_order_from_another_number_is_a_conflict(tools):
    create(tools, ORDER, otp=OTP)
    with pytest.raises(Conflict):
        create(tools, replace(ORDER, payer=replace(PAYER, number="22676000001")), otp=OTP)
