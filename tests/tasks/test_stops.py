"""While something is switched off it does not happen, nothing is lost by it, and afterwards all catches up by itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from config import policy
from models.answers import Said
from models.check import Lane
from models.queries import stops
from models.queries.receive import nudge
from models.session import transaction
from models.stop import Switch
from models.transaction import Status
from tasks.confirm import confirm
from tasks.foresee import ask_aside
from tasks.record import record
from tasks.sweep import Swept, sweep
from tasks.watch import fsck
from tests.fakes import completed, notcompleted, pending, silence, toolbox
from tests.ledger import (
    GRACE,
    LANE,
    add_created,
    add_pending,
    answered,
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

HOUR = timedelta(hours=1)
DAY = 86_400
PAID = completed(5000, "ORD-1")


@pytest.fixture
def pk(sessions):
    [only] = add_pending(sessions)
    return only


def switch_off(sessions, switch=Switch.SETTLE, *, length=HOUR):
    with transaction(sessions) as step:
        stops.switch_off(step.session, switch, author="awa", reason="a test", length=length)


def switch_on(sessions, switch=Switch.SETTLE):
    with transaction(sessions) as step:
        assert stops.switch_on(step.session, switch, author="awa")


def hear(tools, pk, answer):
    let_pass(tools.sessions, 4)
    record(tools, [answered(tools.sessions, pk, answer)], lane=LANE)


def fall_due(sessions):
    """All that waits for a date is due; when things happened stays as it was."""
    run(sessions, "UPDATE transactions SET next_check_at = now() WHERE next_check_at IS NOT NULL")


def broken(sessions):
    return {violation.rule for violation in fsck(sessions)}


@pytest.mark.parametrize("answer", [PAID, notcompleted()])
def test_while_settling_is_off_an_outcome_is_evidence_and_moves_nothing(sessions, tools, pk, answer):
    switch_off(sessions)
    hear(tools, pk, answer)
    found = row(sessions, pk)
    assert (found.status, found.final_at, found.parked_at) == (Status.PENDING, None, None)
    assert (found.answered, found.silences) == (1, 0)
    assert count(sessions, "settlements") == count(sessions, "notices") == count(sessions, "cases") == 0
    assert value(sessions, "SELECT reason FROM checks").endswith("; held back: settling is switched off by awa")
    assert 59 < due_in(sessions, pk) <= 61


@pytest.mark.parametrize(("answer", "status"), [(PAID, Status.COMPLETED), (notcompleted(), Status.NOTCOMPLETED)])
def test_what_was_held_back_settles_by_itself_when_it_is_on_again(sessions, fakes, tools, pk, answer, status):
    switch_off(sessions)
    hear(tools, pk, answer)
    switch_on(sessions)
    fakes.gateway.says("token-of-ORD-1", answer)
    let_pass(sessions, 61)
    sweep(tools)
    confirm(tools, fakes.queue.ids_to_ask, lane=Lane.SWEEP)
    assert row(sessions, pk).status == status
    assert count(sessions, "notices") == 1
    assert cases(sessions) == []


def test_a_stop_that_ran_out_holds_nothing_back(sessions, tools, pk):
    switch_off(sessions)
    run(sessions, "UPDATE stops SET off_at = off_at - interval '1 hour', until = until - interval '1 hour'")
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED


def test_an_answer_that_moves_nothing_is_recorded_as_ever(sessions, tools, pk):
    switch_off(sessions)
    hear(tools, pk, pending())
    hear(tools, pk, completed(4999, "ORD-1"))
    assert 3598 < due_in(sessions, pk) <= 3602
    assert cases(sessions) == ["mismatch"]
    assert row(sessions, pk).held_asked_at is None


def test_a_late_success_that_is_held_back_is_flagged_when_it_settles_and_not_before(sessions, tools, pk):
    hear(tools, pk, notcompleted())
    switch_off(sessions)
    hear(tools, pk, PAID)
    assert (row(sessions, pk).status, cases(sessions)) == (Status.NOTCOMPLETED, [])
    assert 59 < due_in(sessions, pk) <= 61
    switch_on(sessions)
    hear(tools, pk, PAID)
    assert (row(sessions, pk).status, cases(sessions)) == (Status.COMPLETED, ["late_success"])


def test_holding_back_neither_parks_nor_ends_the_case_of_what_is_parked(sessions, tools, pk):
    let_pass(sessions, 31 * DAY)
    hear(tools, pk, pending())
    assert cases(sessions) == ["parked"]
    switch_off(sessions)
    hear(tools, pk, PAID)
    assert cases(sessions) == ["parked"]
    assert 598 < due_in(sessions, pk) <= 602
    switch_on(sessions)
    hear(tools, pk, PAID)
    assert (row(sessions, pk).status, cases(sessions)) == (Status.COMPLETED, [])


def test_a_callback_while_it_is_held_back_brings_the_next_question_forward(sessions, tools, pk):
    switch_off(sessions)
    question = answered(sessions, pk, PAID)
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.COMPLETED}, grace=GRACE)
    record(tools, [question], lane=LANE)
    assert due_in(sessions, pk) <= 3


@pytest.mark.parametrize("held", [PAID, notcompleted()])
@pytest.mark.parametrize("old", [PAID, notcompleted(), pending()])
def test_an_older_answer_that_comes_after_one_was_held_back_is_not_the_last_word(sessions, tools, pk, old, held):
    stale = answered(sessions, pk, old)
    switch_off(sessions)
    let_pass(sessions, 4)
    late = answered(sessions, pk, held)
    record(tools, [late], lane=LANE)
    switch_on(sessions)
    record(tools, [stale], lane=LANE)
    assert row(sessions, pk).status == Status.PENDING
    assert count(sessions, "settlements") == count(sessions, "cases") == 0
    assert due_in(sessions, pk) <= 3
    hear(tools, pk, held)
    assert row(sessions, pk).status == (Status.COMPLETED if held is PAID else Status.NOTCOMPLETED)


def test_a_failure_affirmed_by_an_older_answer_does_not_end_the_wait_of_a_held_success(sessions, tools, pk):
    hear(tools, pk, notcompleted())
    let_pass(sessions, 4)
    stale = answered(sessions, pk, notcompleted())
    switch_off(sessions)
    hear(tools, pk, PAID)
    record(tools, [stale], lane=LANE)
    assert due_in(sessions, pk) is not None


def test_no_move_commits_once_the_switch_is_off(sessions, tools):
    """Workers record all the time; when `switch_off` has returned, what is completed stays what it was."""
    pks = add_pending(sessions, 40)
    answers = [[answered(sessions, pk, completed(5000, f"ORD-{n}"))] for n, pk in enumerate(pks, 1)]
    begun = threading.Semaphore(0)

    def work(mine):
        for answer in mine:
            record(tools, answer, lane=LANE)
            begun.release()

    with ThreadPoolExecutor(4) as threads:
        workers = [threads.submit(work, answers[n::4]) for n in range(4)]
        for _ in range(8):
            assert begun.acquire(timeout=60)
        switch_off(sessions)
        by_then = count(sessions, "settlements")
        for worker in workers:
            worker.result(60)
    assert count(sessions, "settlements") == by_then
    assert count(sessions, "checks") == 40
    assert value(sessions, "SELECT count(*) FROM transactions WHERE held_asked_at IS NOT NULL") == 40 - by_then
    assert broken(sessions) == set()


def test_with_the_sweep_off_nothing_is_asked_about_by_itself(sessions, fakes, tools):
    add_pending(sessions, 3, due_in=-1)
    switch_off(sessions, Switch.SWEEP)
    assert sweep(tools) == Swept(callbacks=0, transactions=0, parked=0, is_off=True)
    fakes.queue.is_away = True
    sweep(tools, inline=True)
    assert fakes.gateway.asked == fakes.queue.asked == []
    fakes.queue.is_away = False
    switch_on(sessions, Switch.SWEEP)
    assert sweep(tools) == Swept(callbacks=0, transactions=3, parked=0)


def test_with_the_sweep_off_callbacks_are_read_and_their_questions_asked_once(sessions, fakes, tools):
    called, quiet = add_pending(sessions, 2, due_in=-1)
    switch_off(sessions, Switch.SWEEP)
    fakes.gateway.says("token-of-ORD-1", pending())
    knock(sessions, claim("ORD-1"))
    let_pass(sessions, 6)
    fakes.queue.is_away = True
    assert sweep(tools, inline=True).callbacks == 1
    let_pass(sessions, 6)
    sweep(tools, inline=True)
    assert fakes.gateway.asked == ["token-of-ORD-1"]
    let_pass(sessions, 600)
    sweep(tools, inline=True)
    assert fakes.gateway.asked == ["token-of-ORD-1"]
    assert row(sessions, called).asked == 1
    assert row(sessions, quiet).asked == 0


def test_with_the_sweep_off_a_callback_that_came_during_a_slow_question_still_gets_its_own(sessions, fakes, tools, pk):
    """The question went out before the callback and was over after it."""
    switch_off(sessions, Switch.SWEEP)
    slow = answered(sessions, pk, pending(took=9.0))
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.COMPLETED}, grace=GRACE)
    record(tools, [slow], lane=LANE)
    fall_due(sessions)
    assert sweep(tools).transactions == 1
    assert fakes.queue.ids_to_ask == [pk]


def test_with_the_sweep_off_a_callback_whose_question_met_silence_is_asked_about_again(sessions, tools, pk):
    switch_off(sessions, Switch.SWEEP)
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.COMPLETED}, grace=GRACE)
    hear(tools, pk, silence())
    fall_due(sessions)
    assert sweep(tools).transactions == 1


def test_with_the_sweep_off_a_question_aside_is_not_the_one_a_callback_is_owed(sessions, fakes, tools, pk):
    """The answer of a review is thrown away."""
    switch_off(sessions, Switch.SWEEP)
    fakes.gateway.says("token-of-ORD-1", PAID)
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.COMPLETED}, grace=GRACE)
    ask_aside(tools, [pk])
    fall_due(sessions)
    assert sweep(tools).transactions == 1


def test_with_the_sweep_off_a_callback_whose_answer_was_held_back_is_asked_about_again(sessions, tools, pk):
    switch_off(sessions, Switch.SWEEP)
    switch_off(sessions, Switch.SETTLE)
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.COMPLETED}, grace=GRACE)
    hear(tools, pk, PAID)
    switch_on(sessions, Switch.SETTLE)
    fall_due(sessions)
    assert sweep(tools).transactions == 1


def test_with_the_sweep_off_a_hole_still_gets_its_case(sessions, tools):
    add_created(sessions)
    let_pass(sessions, 121)
    switch_off(sessions, Switch.SWEEP)
    assert sweep(tools).parked == 1


def test_what_waits_for_the_sweep_is_overdue_only_some_time_after_it_is_on(sessions):
    add_pending(sessions, due_in=-1)
    switch_off(sessions, Switch.SWEEP, length=timedelta(hours=3))
    back = "UPDATE transactions SET next_check_at = now() - interval '2 h', created_at = now() - interval '5 days'"
    run(sessions, back)
    assert broken(sessions) == set()
    switch_on(sessions, Switch.SWEEP)
    assert broken(sessions) == set()
    run(sessions, "UPDATE stops SET off_at = off_at - interval '11 min', ended_at = ended_at - interval '11 min'")
    assert broken(sessions) == {"overdue"}
    ages_ago = "UPDATE stops SET off_at = off_at - interval '3 d', ended_at = ended_at - interval '3 d'"
    run(sessions, ages_ago)
    assert broken(sessions) == {"overdue", "unasked"}


def test_no_stop_excuses_a_hole(sessions):
    add_created(sessions)
    switch_off(sessions, Switch.SWEEP)
    run(sessions, "UPDATE transactions SET next_check_at = now() - interval '11 min'")
    assert broken(sessions) == {"overdue"}


def test_a_stop_of_settling_excuses_no_neglect(sessions, tools, pk):
    switch_off(sessions)
    hear(tools, pk, PAID)
    assert broken(sessions) == set()
    run(sessions, "UPDATE transactions SET next_check_at = now() - interval '11 min'")
    assert broken(sessions) == {"overdue"}


@pytest.mark.parametrize("age", [0, 3600, 5 * DAY, 40 * DAY])
def test_what_is_held_back_is_asked_about_every_few_minutes_whatever_its_age(age):
    assert 60 <= policy.held_back_in(age, jitter=0.0) <= policy.held_back_in(age, jitter=0.999) <= 900


def test_a_toolbox_with_jitter_spreads_what_is_held_back(sessions, fakes, pk):
    switch_off(sessions)
    hear(toolbox(sessions, fakes, draw=lambda: 0.999), pk, PAID)
    assert 89 < due_in(sessions, pk) <= 91
