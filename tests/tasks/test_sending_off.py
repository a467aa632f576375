"""While sending is switched off no money goes out: payouts wait in a queue, and go out once when the switch ends."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from models.errors import Conflict, GatewayMisconfigured, NotSent, PayoutUnknown
from models.payout import PayoutOrder
from models.queries import stops
from models.queries.cases import Signature
from models.session import transaction
from models.stop import Switch
from models.transaction import Route, Status
from tasks.payouts import approve, create, is_queued, reject
from tasks.queued import send_queued
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import Fakes, toolbox
from tests.ledger import all_at_once, cases, let_pass, run, value

BY = Signature(author="awa", reason="wrong list")
HOUR = timedelta(hours=1)


def order(ours="OUT-1", amount=5000):
    return PayoutOrder(transaction_id=ours, amount=amount, route=Route.MOBILE_MONEY, customer="22670000000")


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes)


def off(sessions, length=HOUR):
    with transaction(sessions) as step:
        stops.switch_off(step.session, Switch.SEND, author="awa", reason="a test", length=length)


def on(sessions):
    with transaction(sessions) as step:
        assert stops.switch_on(step.session, Switch.SEND, author="awa")


def go_on(tools, fakes):
    """What the sweep finds is sent, as the workers do."""
    fakes.queue.to_send.clear()
    sweep(tools)
    return [send_queued(tools, pk) for pk in list(fakes.queue.to_send)]


def received(fakes):
    return [one.transaction_id for one in fakes.gateway.payouts.received]


def stands(sessions):
    return [tuple(row) for row in run(sessions, "SELECT transaction_id, status FROM transactions ORDER BY id")]


def broken(sessions):
    return [str(violation) for violation in fsck(sessions)]


def test_what_is_ordered_while_sending_is_off_waits_and_goes_out_once_when_it_is_on_again(tools, sessions, fakes):
    off(sessions)
    booked = create(tools, order())
    assert (booked.is_new, is_queued(booked.payout), booked.payout.sent_at) == (True, True, None)
    assert is_queued(create(tools, order()).payout)
    assert go_on(tools, fakes) == []
    assert (received(fakes), broken(sessions)) == ([], [])
    on(sessions)
    assert go_on(tools, fakes) == [True]
    assert go_on(tools, fakes) == []
    assert (received(fakes), stands(sessions)) == (["OUT-1"], [("OUT-1", Status.PENDING)])
    assert (create(tools, order()).payout.status, broken(sessions)) == (Status.PENDING, [])


def test_a_stop_that_runs_out_lets_the_queue_go_by_itself_and_one_that_is_prolonged_does_not(tools, sessions, fakes):
    off(sessions, timedelta(seconds=1))
    create(tools, order())
    off(sessions)
    assert value(sessions, "SELECT next_check_at > now() + interval '59 min' FROM transactions")
    run(
        sessions,
        "UPDATE stops SET off_at = off_at - interval '2 hours', until = clock_timestamp() WHERE ended_at IS NULL",
    )
    run(sessions, "UPDATE transactions SET next_check_at = clock_timestamp()")
    assert go_on(tools, fakes) == [True]
    assert (received(fakes), broken(sessions)) == (["OUT-1"], [])


def test_a_switch_that_is_thrown_before_the_mark_stops_the_sending(tools, sessions, fakes):
    """Both in the middle at once: whichever is first, none is marked once the switch is known to be off."""
    ours = [f"OUT-{number}" for number in range(12)]
    known_off = []

    def throw():
        off(sessions)
        known_off.append(value(sessions, "SELECT clock_timestamp()"))

    all_at_once(*[lambda one=one: create(tools, order(one)) for one in ours[:6]], throw)
    for one in ours[6:]:
        create(tools, order(one))
    late = "SELECT count(*) FROM transactions WHERE sent_at > :off"
    assert value(sessions, late, off=known_off[0]) == 0
    queued = value(sessions, "SELECT count(*) FROM transactions WHERE queued_at IS NOT NULL")
    assert queued >= 6
    assert len(received(fakes)) == len(ours) - queued
    assert broken(sessions) == []
    on(sessions)
    go_on(tools, fakes)
    assert sorted(received(fakes)) == sorted(ours)


def test_who_throws_the_switch_waits_for_a_mark_that_is_being_made(tools, sessions, fakes):
    payout = create(toolbox(sessions, fakes, approval_above=1), order()).payout
    with transaction(sessions) as step:
        assert stops.keep_on(step.session, Switch.SEND) is None  # as whoever marks
        thrower = threading.Thread(target=off, args=(sessions,))
        thrower.start()
        thrower.join(timeout=0.3)
        assert thrower.is_alive()
    thrower.join(timeout=60)
    approve(tools, payout.transaction_id, BY)
    assert received(fakes) == []


def test_many_who_send_the_queue_at_once_send_each_payout_once(tools, sessions, fakes):
    off(sessions)
    for number in range(4):
        create(tools, order(f"OUT-{number}"))
    on(sessions)
    sweep(tools)
    all_at_once(*[lambda pk=pk: send_queued(tools, pk) for pk in fakes.queue.to_send * 3])
    assert sorted(received(fakes)) == [f"OUT-{number}" for number in range(4)]


def test_a_queued_payout_can_be_taken_back_and_is_then_never_sent(tools, sessions, fakes):
    off(sessions)
    create(tools, order())
    assert reject(tools, "OUT-1", BY).refusal == "rejected by awa: wrong list"
    on(sessions)
    assert go_on(tools, fakes) == []
    with pytest.raises(Conflict, match="was rejected by awa"):
        create(tools, order())
    assert (received(fakes), broken(sessions)) == ([], [])


def test_an_approved_payout_waits_in_the_queue_too(tools, sessions, fakes):
    create(toolbox(sessions, fakes, approval_above=1), order())
    off(sessions)
    assert is_queued(approve(tools, "OUT-1", BY).payout)
    on(sessions)
    assert go_on(tools, fakes) == [True]
    assert (received(fakes), cases(sessions), broken(sessions)) == (["OUT-1"], [], [])


@pytest.mark.parametrize("fault", [NotSent("no connection"), GatewayMisconfigured("the key is refused")])
def test_trouble_on_our_side_leaves_it_in_the_queue_and_it_is_tried_again(tools, sessions, fakes, fault):
    off(sessions)
    create(tools, order())
    on(sessions)
    fakes.gateway.payouts.send_fault = fault
    assert go_on(tools, fakes) == [False]
    assert (stands(sessions), cases(sessions), broken(sessions)) == ([("OUT-1", Status.CREATED)], [], [])
    assert go_on(tools, fakes) == []
    fakes.gateway.payouts.send_fault = None
    let_pass(sessions, 61)
    assert go_on(tools, fakes) == [True]
    assert stands(sessions) == [("OUT-1", Status.PENDING)]


def test_a_lost_reply_out_of_the_queue_is_never_sent_again(tools, sessions, fakes):
    off(sessions)
    create(tools, order())
    on(sessions)
    fakes.gateway.payouts.send_fault = PayoutUnknown("lost")
    go_on(tools, fakes)
    fakes.gateway.payouts.send_fault = None
    let_pass(sessions, 300)
    assert (go_on(tools, fakes), received(fakes), cases(sessions)) == ([], ["OUT-1"], ["token_lost"])


def test_while_the_workers_have_enough_it_is_not_rung_for_and_comes_back(tools, sessions, fakes):
    off(sessions)
    create(tools, order())
    on(sessions)
    fakes.queue.is_full_of_questions = True
    assert go_on(tools, fakes) == []
    fakes.queue.is_full_of_questions = False
    let_pass(sessions, 121)
    assert go_on(tools, fakes) == [True]


def test_without_a_broker_the_sweep_sends_the_queue_itself(tools, sessions, fakes):
    off(sessions)
    create(tools, order())
    on(sessions)
    fakes.queue.is_away = True
    sweep(tools, inline=True)
    assert received(fakes) == ["OUT-1"]
