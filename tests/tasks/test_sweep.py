"""The sweep: what is due is rung for, however it came to be forgotten, and worked on the spot when no bell rings."""

from __future__ import annotations

import pytest

from models.check import Lane
from models.transaction import Status
from tasks.confirm import confirm
from tasks.sweep import Swept, sweep
from tests.fakes import completed, pending, silence, toolbox
from tests.ledger import (
    add_created,
    add_pending,
    all_at_once,
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


def pays(fakes, *numbers):
    for n in numbers:
        fakes.gateway.says(f"token-of-ORD-{n}", completed(5000, f"ORD-{n}"))


def test_with_nothing_due_it_does_nothing(sessions, fakes, tools):
    add_pending(sessions, due_in=60)
    assert sweep(tools) == Swept(callbacks=0, transactions=0, parked=0)
    assert fakes.queue.asked == fakes.queue.read == []


def test_all_that_is_due_is_rung_for_in_batches(sessions, fakes):
    pks = add_pending(sessions, 25, due_in=-1)
    found = sweep(toolbox(sessions, fakes, sweep_batch=10))
    assert found.transactions == 25
    assert sorted(fakes.queue.ids_to_ask) == pks
    assert [len(ids) for ids, _ in fakes.queue.asked] == [10, 10, 5]
    assert {lane for _, lane in fakes.queue.asked} == {Lane.SWEEP}


def test_it_claims_nothing_more_once_enough_is_waiting(sessions, fakes):
    pks = add_pending(sessions, 25, due_in=-1)
    tools = toolbox(sessions, fakes, sweep_batch=10)
    ring = fakes.queue.ask_soon

    def fills_up(ids, *, lane):
        fakes.queue.is_full_of_questions = True
        return ring(ids, lane=lane)

    fakes.queue.ask_soon = fills_up
    assert sweep(tools).transactions == 10
    assert len([pk for pk in pks if due_in(sessions, pk) <= 0]) == 15
    assert sweep(tools).transactions == 0


def test_callbacks_are_read_even_while_the_sweeps_own_questions_pile_up(sessions, fakes, tools):
    fakes.queue.is_full_of_questions = True
    ids = knock(sessions, claim("ORD-1"))
    let_pass(sessions, 6)
    assert sweep(tools).callbacks == 1
    assert fakes.queue.ids_to_read == ids


def test_questions_are_asked_even_while_unread_callbacks_pile_up(sessions, fakes, tools):
    fakes.queue.is_full_of_callbacks = True
    pks = add_pending(sessions, 2, due_in=-1)
    knock(sessions, claim("ORD-1"))
    let_pass(sessions, 6)
    assert sweep(tools) == Swept(callbacks=0, transactions=2, parked=0)
    assert fakes.queue.ids_to_ask == pks
    assert fakes.queue.read == []
    fakes.queue.is_full_of_callbacks = False
    assert sweep(tools).callbacks == 1  # left unclaimed, it stayed due


def test_a_refused_ring_ends_the_sweep_and_what_it_did_not_claim_stays_due(sessions, fakes):
    pks = add_pending(sessions, 25, due_in=-1)
    fakes.queue.is_away = True
    assert sweep(toolbox(sessions, fakes, sweep_batch=10)).transactions == 10
    assert len([pk for pk in pks if due_in(sessions, pk) <= 0]) == 15


def test_with_the_broker_away_it_works_inline_and_money_moves(sessions, fakes):
    add_pending(sessions, 25, due_in=-1)
    pays(fakes, *range(1, 26))
    knock(sessions, claim("ORD-1"))
    let_pass(sessions, 6)
    fakes.queue.is_away = True
    found = sweep(toolbox(sessions, fakes, sweep_batch=10), inline=True)
    assert (found.callbacks, found.transactions) == (1, 25)
    assert count(sessions, "settlements") == 25
    assert value(sessions, "SELECT outcome FROM callbacks") == "matched"


def test_with_a_broker_it_rings_and_works_nothing_inline(sessions, fakes, tools):
    add_pending(sessions, due_in=-1)
    sweep(tools, inline=True)
    assert fakes.gateway.asked == []
    assert len(fakes.queue.asked) == 1


def test_inline_it_ends_though_what_it_asked_about_is_due_again_meanwhile(sessions, fakes):
    add_pending(sessions, 6, due_in=-1)
    fakes.queue.is_away = True
    fakes.gateway.during_confirm = lambda _token: run(
        sessions, "UPDATE transactions SET next_check_at = clock_timestamp(), last_asked_at = NULL"
    )
    assert sweep(toolbox(sessions, fakes, sweep_batch=2), inline=True).transactions <= 12
    assert len(fakes.gateway.asked) <= 12


def test_inline_callbacks_are_read_between_the_questions(sessions, fakes):
    add_pending(sessions, 20, due_in=-1)
    knock(sessions, *[claim("ORD-1", status="pending")] * 20)
    let_pass(sessions, 6)
    fakes.queue.is_away = True
    read_by_then = []
    fakes.gateway.during_confirm = lambda _token: read_by_then.append(
        value(sessions, "SELECT count(*) FROM callbacks WHERE outcome = 'matched'")
    )
    sweep(toolbox(sessions, fakes, sweep_batch=5), inline=True)
    assert read_by_then[0] == 5
    assert max(read_by_then) == 20


def test_sweeps_that_race_ring_once_for_each(sessions, fakes):
    pks = add_pending(sessions, 300, due_in=-1)
    tools = toolbox(sessions, fakes, sweep_batch=20)
    all_at_once(*[lambda: sweep(tools)] * 3)
    sweep(tools)
    assert sorted(fakes.queue.ids_to_ask) == pks


def test_a_create_without_a_reply_is_parked_with_a_case_and_not_asked_about(sessions, tools):
    [hole] = add_created(sessions)
    assert sweep(tools).parked == 0
    let_pass(sessions, 121)
    assert sweep(tools) == Swept(callbacks=0, transactions=0, parked=1)
    assert cases(sessions) == ["token_lost"]
    assert row(sessions, hole).status == Status.CREATED
    assert sweep(tools).parked == 0


def test_what_was_rung_for_and_forgotten_is_rung_for_again_after_its_lease(sessions, fakes, tools):
    [pk] = add_pending(sessions, due_in=-1)
    sweep(tools)
    let_pass(sessions, tools.lengths.lease - 1)
    assert sweep(tools).transactions == 0
    let_pass(sessions, 1.1)
    assert sweep(tools).transactions == 1
    assert fakes.queue.ids_to_ask == [pk, pk]


@pytest.mark.parametrize("said", [silence(), pending()])
def test_after_a_day_without_a_sweep_or_an_answer_everything_settles(sessions, fakes, tools, said):
    add_pending(sessions, 12, due_in=0)
    for n in range(1, 13):
        fakes.gateway.says(f"token-of-ORD-{n}", said, completed(5000, f"ORD-{n}"))
    for _ in range(2):
        let_pass(sessions, 86_400)
        sweep(tools)
        confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert count(sessions, "settlements") == 12


def test_an_emptied_broker_loses_no_payment(sessions, fakes, tools):
    add_pending(sessions, 5, due_in=-1)
    pays(fakes, 1, 2, 3, 4, 5)
    sweep(tools)
    fakes.queue.asked.clear()  # FLUSHALL
    let_pass(sessions, tools.lengths.lease + 1)
    sweep(tools)
    confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert count(sessions, "settlements") == 5
