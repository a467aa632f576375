"""Failures around callbacks: seen once and never again, forged, early, equally old, replayed in vain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from models.answers import Said
from models.order import InvoiceOrder
from models.queries.receive import reopen_callbacks
from models.queries.replay.work import Claim
from models.queries.replay.work import claim as claim_items
from models.session import transaction
from models.transaction import Status
from tasks.confirm import confirm
from tasks.intake import intake, read_and_ask
from tasks.invoices import create
from tasks.record import record
from tasks.replay import work_batch
from tasks.sweep import sweep
from tests.fakes import completed, notcompleted, pending
from tests.ledger import (
    LANE,
    add_pending,
    answered,
    begin,
    cases,
    claim,
    count,
    due_in,
    knock,
    let_pass,
    row,
    run,
    value,
)
from tests.machine import World
from tests.museum.naive import KnownTokensOnly, SeenOnce, newest_by_second
from tests.plans import add_failed, all_paid, approve, found, leases_end, pairs, plan

PAID = completed(5000, "ORD-1")


def asking(*answers) -> Callable:
    """Answers a naive handler's questions, one after the other; an exception is raised."""
    left = list(answers)

    def ask(_name):
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return ask


def take_messages(tools, fakes):
    """Workers take everything that waits in the queues."""
    while fakes.queue.read or fakes.queue.asked:
        if fakes.queue.read:
            read_and_ask(tools, fakes.queue.read.pop(0))
        else:
            ids, lane = fakes.queue.asked.pop(0)
            confirm(tools, ids, lane=lane)


def test_01_dedup_key_consumed_before_the_work_succeeded(sessions, fakes, tools):
    """dj-stripe #832, LigdiCash sample: a worker dies after it marked the event as seen, and the twin is ignored."""
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", PAID)
    intake(tools, knock(sessions, claim("ORD-1")))
    begin(sessions, pk)  # leave to ask was taken, and its worker killed
    fakes.queue.asked.clear()
    let_pass(sessions, 4)
    intake(tools, knock(sessions, claim("ORD-1")))
    take_messages(tools, fakes)
    assert row(sessions, pk).status == Status.COMPLETED


def test_01_in_the_naive_design_the_twin_is_ignored_and_the_payment_lost():
    naive = SeenOnce(asking(ConnectionError("killed here"), PAID))
    with pytest.raises(ConnectionError):
        naive.callback("ORD-1")
    naive.callback("ORD-1")
    assert naive.settled == []


def test_02_forged_body_consumes_the_dedup_key(sessions, fakes, tools):
    """LigdiCash sample: a forged callback comes first and uses up the key, so that the genuine one is ignored."""
    [pk] = add_pending(sessions)
    intake(tools, knock(sessions, claim("ORD-1")))
    fakes.gateway.says("token-of-ORD-1", pending(), PAID)
    take_messages(tools, fakes)
    assert row(sessions, pk).status == Status.PENDING
    let_pass(sessions, 4)
    intake(tools, knock(sessions, claim("ORD-1")))
    take_messages(tools, fakes)
    assert row(sessions, pk).status == Status.COMPLETED


def test_02_in_the_naive_design_the_genuine_callback_is_ignored():
    naive = SeenOnce(asking(pending(), PAID))
    naive.callback("ORD-1")
    naive.callback("ORD-1")
    assert naive.settled == []


def test_15_replay_swallowed_by_dedup(sessions, fakes, tools):
    """Outpost #670: an operator replays an event and the dedup of the first delivery swallows it; here both replays ask."""
    add_pending(sessions)
    [callback] = knock(sessions, claim("ORD-1"))
    intake(tools, [callback])
    take_messages(tools, fakes)
    for asked in (2, 3):
        let_pass(sessions, 4)
        with transaction(sessions) as step:
            assert reopen_callbacks(step.session, [callback]) == []
        intake(tools, [callback])
        take_messages(tools, fakes)
        assert len(fakes.gateway.asked) == asked


def test_15_in_the_naive_design_a_replay_does_nothing():
    naive = SeenOnce(asking(pending()))
    for _ in range(3):
        naive.callback("ORD-1")
    assert naive.handled == 1


def test_16_bulk_replay_truncated_or_lost_on_restart(sessions, fakes, tools):
    """Svix recover: a bulk replay lives in a process; a restart ends it, and a cap cuts it short without a word.

    Ours is a row for each item: without `ring_for_plans` in the sweep, the restart in the middle would lose the rest.
    """
    add_failed(sessions, 450, names=50)
    add_pending(sessions, 50)
    all_paid(fakes.gateway, 50)
    plan_id = plan(tools)
    approve(tools, plan_id)
    work_batch(tools, plan_id)
    with transaction(sessions) as step:  # a worker takes up the next batch, and dies with it
        how = Claim(most=200, lease=timedelta(seconds=39), shy=6)
        assert len(claim_items(step.session, plan_id, limit=100, how=how)) == 100
    fakes.queue.replays.clear()  # and with it goes all that was waiting in the broker
    leases_end(sessions)
    sweep(tools)
    while fakes.queue.replays:
        if work_batch(tools, fakes.queue.replays.pop()):
            fakes.queue.replay_soon(plan_id)
    assert found(sessions, plan_id).state == "done"
    assert pairs(sessions, plan_id) == {("to_ask", "settled"): 50, ("to_ask", "nothing_new"): 400}
    assert run(sessions, "SELECT outcome, count(*) FROM callbacks GROUP BY 1") == [("matched", 450)]
    assert count(sessions, "settlements") == 50


def test_19_equal_timestamps_lose_the_later_fact(sessions, fakes, tools):
    """sync-engine #268: two facts carry one time, and the second is dropped as not newer.

    Here nothing is ordered by a callback's time, and an answer that is not younger than the one that decided asks again.
    """
    [pk] = add_pending(sessions)
    first = answered(sessions, pk, notcompleted())
    record(tools, [first], lane=LANE)
    second = type(first)(question=first.question, answer=PAID)
    record(tools, [second], lane=LANE)
    assert cases(sessions) == ["contradiction"]
    assert due_in(sessions, pk) <= 10
    fakes.gateway.says("token-of-ORD-1", PAID)
    let_pass(sessions, 10)
    sweep(tools)
    take_messages(tools, fakes)
    assert row(sessions, pk).status == Status.COMPLETED


def test_19_in_the_naive_design_the_second_fact_of_one_second_is_dropped():
    assert newest_by_second([(1_700_000_000, "notcompleted"), (1_700_000_000, "completed")]) == "notcompleted"


def test_20_callback_arrives_before_we_stored_our_own_token(sessions):
    """killbill-adyen #69: the customer is quicker than the reply to our create, and the callback finds nothing to ask with."""
    world = World(sessions)

    def customer_is_quick():
        world.gateway.payments["token-of-ORD-1"].becomes(Said.COMPLETED, amount=5000)
        intake(world.tools, knock(sessions, claim("ORD-1")))
        world.deliver_all()

    world.gateway.before_the_reply = customer_is_quick
    invoice = create(world.tools, InvoiceOrder(transaction_id="ORD-1", amount=5000)).invoice
    assert sweep(world.tools).transactions == 1  # at once, not after the two minutes of an invoice without a callback
    world.deliver_all()
    assert row(sessions, invoice.id).status == Status.COMPLETED
    assert value(sessions, "SELECT outcome FROM callbacks") == "matched"


def test_20_in_the_naive_design_the_early_callback_is_dropped():
    naive = KnownTokensOnly()
    naive.callback("ORD-1")
    naive.tokens["ORD-1"] = "a token"
    assert naive.to_ask == []


def test_a_thousand_replays_of_one_callback_settle_once(sessions, fakes, tools):
    """The same promise at length: a callback that came a thousand times is read, and then replayed a thousand times."""
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", pending(), PAID)
    ids = knock(sessions, *[claim("ORD-1")] * 1000)
    for _ in range(2):
        for start in range(0, 1000, 10):
            intake(tools, ids[start : start + 10])
            take_messages(tools, fakes)
        let_pass(sessions, 4)
        with transaction(sessions) as step:
            assert reopen_callbacks(step.session, ids) == []
    assert row(sessions, pk).status == Status.COMPLETED
    assert count(sessions, "settlements") == count(sessions, "notices") == 1
    seconds = value(sessions, "SELECT extract(epoch FROM max(asked_at) - min(asked_at))::float8 FROM checks")
    assert len(fakes.gateway.asked) <= seconds / 3 + 2
