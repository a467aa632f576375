"""A payout whose order was taken, and that is then refused, has a notice and is over; what the order's own answer told has none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from models.check import Lane
from models.errors import Conflict, GatewayRefused
from models.event import RefusalEvidence, RejectionEvidence
from models.payout import PayoutOrder
from models.queries import stops
from models.queries.cases import Signature
from models.queries.events import events_after
from models.session import transaction
from models.stop import Switch
from models.transaction import Route, Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.payouts import approve, create, reject
from tasks.queued import send_queued
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import Fakes, notcompleted, toolbox
from tests.ledger import cases, claim, count, knock, run, value

BY = Signature(author="awa", reason="paid in cash")
ORDER = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")
NO = GatewayRefused("refused with Code05: amount out of range")


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes, merchant=fakes.merchant)


def queue(sessions, tools):
    """Ordered while sending is off, which then is on again."""
    with transaction(sessions) as step:
        stops.switch_off(step.session, Switch.SEND, author="awa", reason="a test", length=timedelta(hours=1))
    create(tools, ORDER)
    with transaction(sessions) as step:
        stops.switch_on(step.session, Switch.SEND, author="awa")


def send(tools, fakes):
    sweep(tools)
    for pk in fakes.queue.to_send:
        send_queued(tools, pk)


def told(sessions):
    with transaction(sessions) as step:
        return events_after(step.session, "default", after=0, limit=9).events


def broken(sessions):
    return [str(violation) for violation in fsck(sessions)]


def test_one_that_is_refused_out_of_the_queue_is_told_once_and_is_over(sessions, tools, fakes):
    queue(sessions, tools)
    fakes.gateway.payouts.send_fault = NO
    send(tools, fakes)
    assert fakes.queue.rung_for_notices == 1
    fakes.gateway.payouts.send_fault = None
    send(tools, fakes)
    [event] = told(sessions)
    assert (event.type, event.seq, event.amount, event.settled_at) == ("payout.refused", 1, 5000, None)
    assert event.evidence == RefusalEvidence(reason=str(NO))
    assert (cases(sessions), broken(sessions)) == ([], [])
    with pytest.raises(Conflict, match="as its event told"):
        create(tools, ORDER)
    assert (len(fakes.gateway.payouts.received), len(told(sessions))) == (1, 1)


def test_its_order_that_comes_again_and_is_refused_is_told_too_for_the_first_answer_said_it_waits(
    sessions, tools, fakes
):
    queue(sessions, tools)
    fakes.gateway.payouts.send_fault = NO
    with pytest.raises(GatewayRefused):
        create(tools, ORDER)
    assert [event.type for event in told(sessions)] == ["payout.refused"]


@pytest.mark.parametrize("waits_for", ["approval", "sending"])
def test_one_that_a_person_rejects_is_told_with_who_and_why(sessions, tools, fakes, waits_for):
    if waits_for == "approval":
        create(replace(tools, approval_above=1), ORDER)
    else:
        queue(sessions, tools)
    payout = reject(tools, "OUT-1", BY)
    with pytest.raises(Conflict):
        reject(tools, "OUT-1", BY)
    [event] = told(sessions)
    assert event.evidence == RejectionEvidence(by="awa", reason="paid in cash", made_at=payout.approval_at)
    assert (event.type, event.seq, fakes.queue.rung_for_notices) == ("payout.refused", 1, 1)
    assert broken(sessions) == []


def test_what_the_answer_to_the_order_told_has_no_notice_and_its_order_goes_out_later(sessions, tools, fakes):
    fakes.gateway.payouts.send_fault = NO
    with pytest.raises(GatewayRefused):
        create(tools, ORDER)
    fakes.gateway.payouts.send_fault = None
    assert create(tools, ORDER).payout.status == Status.PENDING
    assert (count(sessions, "notices"), broken(sessions)) == (0, [])


def test_an_approved_one_that_cannot_wait_for_a_person_again_is_told(sessions, tools, fakes):
    """A callback claims that it went out, so that nothing sends it again."""
    create(replace(tools, approval_above=1), ORDER)
    intake(tools, knock(sessions, claim("OUT-1")))
    fakes.gateway.payouts.send_fault = NO
    with pytest.raises(GatewayRefused):
        approve(tools, "OUT-1", BY)
    assert [event.type for event in told(sessions)] == ["payout.refused"]
    assert broken(sessions) == []


def test_one_out_of_the_queue_that_fails_at_the_gateway_has_the_notice_of_that(sessions, tools, fakes):
    queue(sessions, tools)
    send(tools, fakes)
    fakes.gateway.payouts.says("payout-1-of-OUT-1", notcompleted())
    confirm(tools, run(sessions, "SELECT id FROM transactions")[0], lane=Lane.SWEEP)
    assert [event.type for event in told(sessions)] == ["payout.notcompleted"]


def test_the_database_lets_nothing_that_was_told_be_taken_up_again(sessions, tools):
    """Nor by a process of the release before, which knows nothing of it."""
    queue(sessions, tools)
    reject(tools, "OUT-1", BY)
    with pytest.raises(IntegrityError, match="waited"):
        run(
            sessions,
            "UPDATE transactions SET status = 'created', refusal = '', approval = NULL, approval_by = NULL,"
            " approval_why = NULL, approval_at = NULL, next_check_at = now()",
        )
    assert value(sessions, "SELECT status FROM transactions") == "refused"
