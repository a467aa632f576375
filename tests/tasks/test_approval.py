"""A payout above the ceiling waits for a person, and is then sent once, or never."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from models.check import Lane
from models.errors import Conflict, GatewayRefused, Invalid, NotFound, NotSent, PayoutUnknown, ReconcilerError
from models.payout import PayoutOrder
from models.queries.cases import Signature
from models.session import transaction
from models.transaction import Approval, Route, Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.payouts import approve, create, is_awaiting, reject
from tasks.queued import send_queued
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import FakeAccounts, Fakes, toolbox
from tests.ledger import all_at_once, cases, claim, count, due_in, knock, let_pass, run, value

BY = Signature(author="awa", reason="signed by the board")


def order(amount=500_001, ours="OUT-1"):
    return PayoutOrder(transaction_id=ours, amount=amount, route=Route.MOBILE_MONEY, customer="22670000000")


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes, approval_above=500_000)


def received(fakes):
    return len(fakes.gateway.payouts.received)


def stands(sessions):
    [(status, approval)] = run(sessions, "SELECT status, approval FROM transactions")
    return status, approval


def send_what_is_due(tools, fakes):
    sweep(tools)
    for pk in fakes.queue.to_send:
        send_queued(tools, pk)


def open_detail(sessions):
    return value(sessions, "SELECT detail FROM cases WHERE resolved_at IS NULL")


def test_at_the_ceiling_it_is_sent_and_above_it_waits_for_ever(tools, sessions, fakes):
    assert create(tools, order(500_000)).payout.status == Status.PENDING
    booked = create(tools, order(ours="OUT-2"))
    assert (booked.is_new, is_awaiting(booked.payout), booked.payout.sent_at) == (True, True, None)
    let_pass(sessions, 86_400)
    intake(tools, knock(sessions, claim("OUT-2")))
    sweep(tools)
    again = create(tools, order(ours="OUT-2"))
    assert (again.is_new, is_awaiting(again.payout)) == (False, True)
    assert (received(fakes), cases(sessions)) == (1, ["approval"])
    assert [str(violation) for violation in fsck(sessions)] == []


def test_without_a_ceiling_none_waits_but_what_waits_goes_on_waiting(tools, sessions, fakes):
    create(tools, order())
    without = toolbox(sessions, fakes)
    assert is_awaiting(create(without, order()).payout)
    assert received(fakes) == 0


def test_an_approved_one_is_sent_once_and_keeps_who_and_why(tools, sessions, fakes):
    create(tools, order())
    booked = approve(tools, "OUT-1", BY)
    assert (booked.payout.status, booked.payout.approval) == (Status.PENDING, Approval.APPROVED)
    assert (booked.payout.approval_by, booked.payout.approval_why) == ("awa", "signed by the board")
    assert booked.payout.approval_at is not None
    with pytest.raises(Conflict, match="does not wait for approval: it is pending, approved by awa"):
        approve(tools, "OUT-1", BY)
    assert create(tools, order()).payout.status == Status.PENDING
    assert (received(fakes), cases(sessions)) == (1, [])


def test_a_rejected_one_is_never_sent_and_its_order_is_refused(tools, sessions, fakes):
    create(tools, order())
    assert reject(tools, "OUT-1", BY).refusal == "rejected by awa: signed by the board"
    for call in (
        lambda: create(tools, order()),
        lambda: approve(tools, "OUT-1", BY),
        lambda: reject(tools, "OUT-1", BY),
    ):
        with pytest.raises(Conflict):
            call()
    assert (received(fakes), cases(sessions), stands(sessions)) == (0, [], ("refused", "rejected"))
    assert [str(violation) for violation in fsck(sessions)] == []


def test_of_many_who_decide_at_once_one_wins_and_it_is_sent_once_at_most(tools, sessions, fakes):
    create(tools, order())

    def quietly(call):
        def run_it():
            try:
                return call()
            except ReconcilerError as exc:
                return exc

        return run_it

    deciding = [quietly(lambda: approve(tools, "OUT-1", BY)), quietly(lambda: reject(tools, "OUT-1", BY))]
    all_at_once(*deciding * 3, quietly(lambda: create(tools, order())))
    status, approval = stands(sessions)
    assert (status, approval, received(fakes)) in [("pending", "approved", 1), ("refused", "rejected", 0)]
    assert cases(sessions) == []


def test_one_that_waited_for_days_is_asked_about_as_a_young_one(tools, sessions):
    create(tools, order())
    let_pass(sessions, 9 * 86_400)
    pk = approve(tools, "OUT-1", BY).payout.id
    confirm(tools, [pk], lane=Lane.PERSON)
    assert 28 < due_in(sessions, pk) <= 32


def test_a_lost_reply_after_approval_is_not_sent_again(tools, sessions, fakes):
    create(tools, order())
    fakes.gateway.payouts.send_fault = PayoutUnknown("lost")
    with pytest.raises(PayoutUnknown):
        approve(tools, "OUT-1", BY)
    fakes.gateway.payouts.send_fault = None
    with pytest.raises(Conflict):
        approve(tools, "OUT-1", BY)
    assert (received(fakes), cases(sessions)) == (1, ["token_lost"])


def test_what_was_approved_and_is_refused_waits_for_a_person_again_who_is_told_why(tools, sessions, fakes):
    create(tools, order())
    fakes.gateway.payouts.send_fault = GatewayRefused("the balance is too low")
    for _ in range(2):
        with pytest.raises(GatewayRefused):
            approve(tools, "OUT-1", BY)
        assert is_awaiting(create(tools, order()).payout)
        assert (stands(sessions), cases(sessions)) == (("created", "awaiting"), ["approval"])
    assert "refused it when it was sent: the balance is too low" in open_detail(sessions)
    assert [str(violation) for violation in fsck(sessions)] == []
    fakes.gateway.payouts.send_fault = None
    assert approve(tools, "OUT-1", BY).payout.status == Status.PENDING
    assert (cases(sessions), count(sessions, "notices")) == ([], 0)


def test_what_was_approved_and_could_not_be_sent_goes_by_itself(tools, sessions, fakes):
    create(tools, order())
    fakes.gateway.payouts.send_fault = NotSent("no connection")
    with pytest.raises(NotSent):
        approve(tools, "OUT-1", BY)
    fakes.gateway.payouts.send_fault = None
    let_pass(sessions, 61)
    send_what_is_due(tools, fakes)
    assert (stands(sessions), cases(sessions), received(fakes)) == (("pending", "approved"), [], 2)


def test_what_an_approver_who_died_has_not_sent_goes_by_itself(tools, sessions, fakes):
    create(tools, order())
    from models.queries import approval

    with transaction(sessions) as step:
        pk = step.session.execute(text("SELECT id FROM transactions")).scalar_one()
        approval.approve(step.session, pk, BY, grace=tools.pending_after)
    let_pass(sessions, 121)
    send_what_is_due(tools, fakes)
    assert (stands(sessions), received(fakes)) == (("pending", "approved"), 1)
    assert [str(violation) for violation in fsck(sessions)] == []


@pytest.mark.parametrize(
    "change", ["sent_at = now()", "approval = 'rejected'", "approval = 'approved'", "approval = 'perhaps'"]
)
def test_the_database_holds_it_too(tools, sessions, change):
    create(tools, order())
    with pytest.raises(IntegrityError, match="approv"), transaction(sessions) as step:
        step.session.execute(text(f"UPDATE transactions SET {change}"))


def test_one_whose_account_is_not_set_up_goes_on_waiting(tools, sessions):
    create(tools, order())
    gone = replace(tools, accounts=FakeAccounts())
    with pytest.raises(Invalid, match="there is no account 'default'"):
        approve(gone, "OUT-1", BY)
    assert (stands(sessions), cases(sessions)) == (("created", "awaiting"), ["approval"])
    assert approve(tools, "OUT-1", BY).payout.status == Status.PENDING


def test_what_is_not_there_or_needs_no_approval_says_so(tools):
    with pytest.raises(NotFound):
        approve(tools, "OUT-1", BY)
    create(tools, order(1000))
    with pytest.raises(Conflict, match="does not wait for approval: it is pending"):
        reject(tools, "OUT-1", BY)
