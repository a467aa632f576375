"""Asking about a batch: who is asked about, who is left to others, and how one bad or slow answer harms nobody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from models.answers import Said
from models.check import Lane
from models.errors import StoreAway
from models.queries.receive import nudge
from models.session import transaction
from models.transaction import Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.sweep import sweep
from tests.fakes import LENGTHS, Fakes, completed, notcompleted, pending, silence, toolbox
from tests.ledger import (
    GRACE,
    add_created,
    add_pending,
    all_at_once,
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
from tests.servers import PATIENCE
from tests.webdoor import until


def pays(fakes, *numbers, amount=5000):
    for n in numbers:
        fakes.gateway.says(f"token-of-ORD-{n}", completed(amount, f"ORD-{n}"))


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_each_is_asked_about_once_and_settled(sessions, fakes, tools):
    pks = add_pending(sessions, 5)
    pays(fakes, 1, 2, 3, 4, 5)
    assert confirm(tools, [*pks, *pks], lane=Lane.CALLBACK) == 5
    assert sorted(fakes.gateway.asked) == [f"token-of-ORD-{n}" for n in range(1, 6)]
    assert count(sessions, "settlements") == 5
    assert run(sessions, "SELECT DISTINCT lane FROM checks") == [("callback",)]
    assert fakes.locks.held == set()


def test_nothing_to_ask_is_no_trouble(tools, fakes):
    assert confirm(tools, [], lane=Lane.SWEEP) == 0
    assert confirm(tools, [12345], lane=Lane.SWEEP) == 0
    assert fakes.gateway.asked == []


@pytest.mark.usefixtures("wide_spacing")
def test_a_forged_callback_first_does_not_keep_the_genuine_one_from_settling(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", pending())
    intake(tools, knock(sessions, claim("ORD-1", amount=1)))
    confirm(tools, fakes.queue.ids_to_ask, lane=Lane.CALLBACK)
    assert row(sessions, pk).status == Status.PENDING
    pays(fakes, 1)
    intake(tools, knock(sessions, claim("ORD-1")))
    assert fakes.queue.ids_to_ask == [pk, pk]
    confirm(tools, [pk], lane=Lane.CALLBACK)
    assert count(sessions, "settlements") == 0  # within the spacing: put off, not dropped
    let_pass(sessions, 61)
    sweep(toolbox(sessions, fakes))
    confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


def test_a_worker_killed_between_receipt_and_question_delays_the_payment_and_loses_nothing(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    pays(fakes, 1)
    intake(tools, knock(sessions, claim("ORD-1")))
    begin(sessions, pk)  # took leave to ask, and died
    let_pass(sessions, 40)
    sweep(tools)
    confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


def test_a_locked_transaction_is_left_to_its_holder(sessions, fakes, tools):
    mine, theirs = add_pending(sessions, 2)
    fakes.locks.others = {theirs}
    pays(fakes, 1, 2)
    assert confirm(tools, [mine, theirs], lane=Lane.CALLBACK) == 1
    assert row(sessions, theirs).asked == 0
    assert fakes.gateway.asked == ["token-of-ORD-1"]


def test_a_callback_during_the_question_makes_its_holder_ask_once_more(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", pending(), completed(5000, "ORD-1"))

    def another_knock(_token):
        fakes.gateway.during_confirm = lambda _token: None
        intake(tools, knock(sessions, claim("ORD-1")))
        assert confirm(tools, [pk], lane=Lane.CALLBACK) == 0  # its message finds the lock held

    fakes.gateway.during_confirm = another_knock
    confirm(tools, [pk], lane=Lane.CALLBACK)
    assert 2 < due_in(sessions, pk) <= 3
    let_pass(sessions, 3)
    confirm(tools, [pk], lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


@pytest.mark.usefixtures("wide_spacing")
def test_with_the_locks_away_workers_that_race_ask_once_and_settle_once(sessions, fakes, tools):
    pks = add_pending(sessions, 10)
    fakes.locks.is_away = True
    pays(fakes, *range(1, 11))
    all_at_once(*[lambda: confirm(tools, pks, lane=Lane.CALLBACK)] * 3)
    assert len(fakes.gateway.asked) == 10
    assert count(sessions, "settlements") == count(sessions, "notices") == 10


def test_a_lock_that_ends_in_mid_question_lets_a_second_worker_ask_and_still_one_settles(sessions, fakes, threads):
    [pk] = add_pending(sessions)
    pays(fakes, 1)
    paused, go_on = threading.Event(), threading.Event()
    slow = Fakes(gateway=fakes.gateway)

    def pause(_token):
        fakes.gateway.during_confirm = lambda _token: None
        paused.set()
        go_on.wait(timeout=PATIENCE)

    fakes.gateway.during_confirm = pause
    first = threads.submit(confirm, toolbox(sessions, slow), [pk], lane=Lane.CALLBACK)
    assert paused.wait(timeout=PATIENCE)
    let_pass(sessions, 4)
    assert confirm(toolbox(sessions, fakes), [pk], lane=Lane.SWEEP) == 1  # other locks: ours are gone
    go_on.set()
    assert first.result(timeout=PATIENCE) == 1
    assert count(sessions, "settlements") == count(sessions, "notices") == 1
    assert count(sessions, "checks") == 2
    assert cases(sessions) == []


def test_a_slow_answer_keeps_no_other_from_being_recorded(sessions, fakes, threads):
    slow, *quick = add_pending(sessions, 4)
    pays(fakes, 1, 2, 3, 4)
    answer = threading.Event()
    fakes.gateway.during_confirm = lambda token: token == "token-of-ORD-1" and answer.wait(timeout=PATIENCE)
    job = threads.submit(confirm, toolbox(sessions, fakes, asking=threads), [slow, *quick], lane=Lane.CALLBACK)
    until(lambda: count(sessions, "settlements") == 3 and fakes.locks.held == {slow})
    assert row(sessions, slow).status == Status.PENDING
    answer.set()
    assert job.result(timeout=PATIENCE) == 4
    assert count(sessions, "settlements") == 4


def test_no_transaction_is_open_during_a_question(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    seen = []
    pool = sessions.kw["bind"].pool
    fakes.gateway.during_confirm = lambda _token: seen.append(pool.checkedout())
    confirm(tools, [pk], lane=Lane.SWEEP)
    assert seen == [0]


def test_a_batch_out_of_time_gives_the_rest_back_uncounted_and_due_at_once(sessions, fakes):
    pks = add_pending(sessions, 3)
    tools = toolbox(sessions, fakes, lengths=replace(LENGTHS, batch=-1))
    assert confirm(tools, pks, lane=Lane.SWEEP) == 0
    assert fakes.gateway.asked == []
    for pk in pks:
        assert due_in(sessions, pk) <= 0
        assert row(sessions, pk).asked == 0
    assert confirm(toolbox(sessions, fakes), pks, lane=Lane.SWEEP) == 3


def test_the_spacing_counts_from_when_a_question_left_a_long_batch(sessions, fakes, tools):
    first, second = add_pending(sessions, 2)
    pause = threading.Event()
    fakes.gateway.during_confirm = lambda token: token == "token-of-ORD-1" and pause.wait(0.3)
    confirm(tools, [first, second], lane=Lane.SWEEP)
    between = "SELECT extract(epoch FROM b.last_asked_at - a.last_asked_at)::float8 FROM transactions a, transactions b"
    assert value(sessions, f"{between} WHERE a.id = :a AND b.id = :b", a=first, b=second) > 0.28


def test_a_bug_in_one_question_leaves_the_others_recorded_and_its_row_due_by_its_lease(sessions, fakes, tools):
    bad, good = add_pending(sessions, 2)
    pays(fakes, 1, 2)

    def trip(token):
        if token == "token-of-ORD-1":
            raise ZeroDivisionError

    fakes.gateway.during_confirm = trip
    assert confirm(tools, [bad, good], lane=Lane.SWEEP) == 1
    assert row(sessions, good).status == Status.COMPLETED
    assert 30 < due_in(sessions, bad) <= 39
    assert fakes.locks.held == set()


def test_with_the_database_gone_in_the_middle_nothing_more_is_asked_and_the_locks_are_let_go(sessions, fakes):
    pks = add_pending(sessions, 40)
    pays(fakes, *range(1, 41))
    gone, known, first = threading.Event(), threading.Event(), threading.Lock()

    def flaky():
        if gone.is_set():
            raise StoreAway("gone")
        return sessions()

    def cut(_token):
        """The first is answered at once, the others when the batch has come to know that there is nowhere to record them."""
        if first.acquire(blocking=False):
            gone.set()
        else:
            known.wait(PATIENCE)

    fakes.gateway.during_confirm = cut
    with ThreadPoolExecutor(2) as asking:
        with pytest.raises(StoreAway):
            confirm(toolbox(flaky, fakes, asking=asking), pks, lane=Lane.SWEEP)
        known.set()
    assert len(fakes.gateway.asked) <= 3
    assert fakes.locks.held == set()
    assert {row(sessions, pk).status for pk in pks[:3]} == {Status.PENDING}
    assert all(due_in(sessions, pk) > 0 for pk in pks[:3])


def test_a_row_without_a_token_is_never_asked_about(sessions, fakes, tools):
    [pk] = add_created(sessions)
    assert confirm(tools, [pk], lane=Lane.CALLBACK) == 0
    assert fakes.gateway.asked == []


def test_a_day_of_silence_parks_nothing_and_all_settle_when_it_is_over(sessions, fakes, tools):
    pks = add_pending(sessions, 3, due_in=0)
    for n in (1, 2, 3):
        fakes.gateway.says(f"token-of-ORD-{n}", silence())
    for _ in range(24):
        let_pass(sessions, 3600)
        sweep(tools)
        confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert {(row(sessions, pk).asked, row(sessions, pk).answered) for pk in pks} == {(24, 0)}
    assert max(due_in(sessions, pk) for pk in pks) <= 600
    pays(fakes, 1, 2, 3)
    let_pass(sessions, 601)
    sweep(tools)
    confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert count(sessions, "settlements") == 3


def test_completed_then_notcompleted_stays_paid_and_the_other_way_round_becomes_paid(sessions, fakes, tools):
    paid_first, failed_first = add_pending(sessions, 2)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"), notcompleted())
    fakes.gateway.says("token-of-ORD-2", notcompleted(), completed(5000, "ORD-2"))
    for _ in range(2):
        confirm(tools, [paid_first, failed_first], lane=Lane.PERSON)
        let_pass(sessions, 4)
    assert row(sessions, paid_first).status == row(sessions, failed_first).status == Status.COMPLETED
    assert sorted(cases(sessions)) == ["contradiction", "late_success"]


def test_a_callback_about_what_a_person_just_asked_about_waits_for_the_spacing_only(sessions, tools):
    [pk] = add_pending(sessions)
    confirm(tools, [pk], lane=Lane.PERSON)
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.UNKNOWN}, grace=GRACE)
    confirm(tools, [pk], lane=Lane.CALLBACK)
    assert 2 < due_in(sessions, pk) <= 3


@pytest.mark.parametrize("lane", [Lane.CALLBACK, Lane.SWEEP])
def test_a_doubled_message_about_what_is_settled_costs_the_gateway_nothing(sessions, fakes, tools, lane):
    [pk] = add_pending(sessions)
    pays(fakes, 1)
    for _ in range(3):
        confirm(tools, [pk], lane=lane)
        let_pass(sessions, 60)
    assert len(fakes.gateway.asked) == 1


@pytest.mark.parametrize("lane", [Lane.PERSON, Lane.REPLAY])
def test_who_wants_to_know_may_ask_about_what_is_settled_or_parked_too(sessions, fakes, tools, lane):
    settled, parked = add_pending(sessions, 2)
    pays(fakes, 1)
    confirm(tools, [settled], lane=lane)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE id = :pk", pk=parked)
    let_pass(sessions, 60)
    assert confirm(tools, [settled, parked], lane=lane) == 2
    assert due_in(sessions, settled) is None
    assert count(sessions, "settlements") == 1
