"""Questions that wait for their turn: who waits, who is put off, and that what does not go out is not counted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from models.answers import Answer, Said
from models.check import Lane
from models.errors import StoreAway, TryAgain
from models.queries.receive import nudge
from models.session import transaction
from tasks.confirm import confirm
from tasks.sweep import sweep
from tasks.toolbox import Heard
from tests.fakes import LENGTHS, silence, toolbox
from tests.ledger import GRACE, add_pending, count, due_in, row, run, value
from tests.servers import PATIENCE

REFUSED = Answer(said=Said.REFUSED, trouble="the address is not allowed")


def untouched(sessions, pks):
    """Whether these look as if nobody had ever set out to ask about them."""
    ids = {"ids": pks}
    told = "SELECT DISTINCT asked, answered, silences, last_asked_at FROM transactions WHERE id = ANY(:ids)"
    return run(sessions, told, **ids) == [(0, 0, 0, None)]


@pytest.mark.parametrize("lane", [Lane.SWEEP, Lane.REPLAY, Lane.AUDIT])
def test_a_lane_in_which_nobody_waits_asks_what_it_may_and_puts_off_the_rest_uncounted(sessions, fakes, tools, lane):
    pks = add_pending(sessions, 10)
    fakes.budget.left, fakes.budget.next_in, fakes.budget.all_in = 4, 2, 12
    assert confirm(tools, pks, lane=lane) == 4
    assert len(fakes.gateway.asked) == 4
    late = pks[4:]
    assert untouched(sessions, late)
    assert all(1.5 < due_in(sessions, pk) <= 12 for pk in late)
    assert len({due_in(sessions, pk) for pk in late}) > 1
    assert fakes.locks.held == set()


def test_what_had_no_date_and_got_no_turn_has_none_afterwards(sessions, fakes, tools):
    pks = add_pending(sessions, 2)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now()")
    fakes.budget.left = 0
    assert confirm(tools, pks, lane=Lane.AUDIT) == 0
    assert [due_in(sessions, pk) for pk in pks] == [None, None]
    assert untouched(sessions, pks)


def test_what_had_no_date_is_due_after_all_when_a_callback_came_meanwhile(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now()")
    take = fakes.budget.take

    def knock_meanwhile(lane, wanted):
        with transaction(sessions) as step:
            nudge(step.session, {pk: Said.UNKNOWN}, grace=GRACE)
        return take(lane, wanted)

    fakes.budget.take, fakes.budget.left = knock_meanwhile, 0
    confirm(tools, [pk], lane=Lane.REPLAY)
    assert due_in(sessions, pk) <= 1


@pytest.mark.parametrize("lane", [Lane.CALLBACK, Lane.PERSON])
def test_a_lane_in_which_somebody_waits_waits_for_its_turns(sessions, fakes, tools, lane):
    pks = add_pending(sessions, 6)
    fakes.budget.left, fakes.budget.next_in = 2, 0.02
    ask = fakes.gateway.confirm

    def two_more_with_each_answer(token):
        fakes.budget.left = 2
        return ask(token)

    fakes.gateway.confirm = two_more_with_each_answer
    assert confirm(tools, pks, lane=lane) == 6
    assert [n for _, n in fakes.budget.taken] == [2, 2, 2]


def test_a_callback_without_a_turn_in_all_that_time_is_due_soon_and_uncounted(sessions, fakes):
    pks = add_pending(sessions, 3)
    tools = toolbox(sessions, fakes, lengths=replace(LENGTHS, batch=0.05))
    fakes.budget.left, fakes.budget.next_in, fakes.budget.all_in = 1, 0.5, 2
    assert confirm(tools, pks, lane=Lane.CALLBACK) == 1
    assert untouched(sessions, pks[1:])
    assert all(due_in(sessions, pk) <= 2 for pk in pks[1:])


def test_a_person_without_a_turn_is_told_so(sessions, fakes):
    [pk] = add_pending(sessions)
    fakes.budget.left = 0
    with pytest.raises(TryAgain, match="the call budget is used up"):
        confirm(toolbox(sessions, fakes, lengths=replace(LENGTHS, batch=0.05)), [pk], lane=Lane.PERSON)
    assert untouched(sessions, [pk])
    assert fakes.locks.held == set()


@pytest.mark.usefixtures("wide_spacing")
def test_what_may_not_be_asked_about_takes_nothing_from_the_budget(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    for _ in range(5):
        confirm(tools, [pk], lane=Lane.CALLBACK)
    assert sum(n for _, n in fakes.budget.taken) == 1


def test_while_the_breaker_is_open_nothing_goes_out_or_is_counted_and_all_stay_armed(sessions, fakes, tools):
    pks = add_pending(sessions, 5, due_in=1)
    fakes.breaker.wait = 20
    assert confirm(tools, pks, lane=Lane.CALLBACK) == 0
    assert fakes.gateway.asked == fakes.budget.taken == fakes.breaker.heard == []
    assert untouched(sessions, pks)
    assert all(19 < due_in(sessions, pk) <= 25 for pk in pks)
    assert len({due_in(sessions, pk) for pk in pks}) == 5


def test_the_breaker_brings_no_date_forward(sessions, fakes, tools):
    [pk] = add_pending(sessions, due_in=3600)
    fakes.breaker.wait = 20
    confirm(tools, [pk], lane=Lane.CALLBACK)
    assert due_in(sessions, pk) > 3590


def test_a_person_is_told_why_nothing_is_asked_and_no_row_is_touched(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    fakes.breaker.wait = 20
    with pytest.raises(TryAgain, match="the gateway is not asked for now"):
        confirm(tools, [pk], lane=Lane.PERSON)
    assert 59 < due_in(sessions, pk) <= 60


def test_as_a_probe_one_question_goes_out_and_the_others_follow_soon(sessions, fakes, tools):
    pks = add_pending(sessions, 5)
    fakes.breaker.probe = "probe-1"
    assert confirm(tools, pks, lane=Lane.SWEEP) == 1
    assert len(fakes.gateway.asked) == 1
    assert untouched(sessions, pks[1:])
    assert all(due_in(sessions, pk) <= 5 for pk in pks[1:])
    assert fakes.breaker.heard == [Heard(answers=1)]
    assert fakes.breaker.probes_back == ["probe-1"]


@pytest.mark.usefixtures("wide_spacing")
def test_a_probe_that_finds_nothing_to_ask_is_handed_back(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    confirm(tools, [pk], lane=Lane.SWEEP)
    fakes.breaker.probe = "probe-1"
    assert confirm(tools, [pk], lane=Lane.SWEEP) == 0  # within the spacing
    assert fakes.breaker.heard[-1] == Heard()
    assert fakes.breaker.probes_back == ["probe-1"]


def test_a_breaker_that_opens_in_the_middle_of_a_batch_stops_what_has_not_gone_out(sessions, fakes):
    pks = add_pending(sessions, 40)
    for n in range(1, 41):
        fakes.gateway.says(f"token-of-ORD-{n}", REFUSED)
    report = fakes.breaker.report

    def opens(heard, *, probe=""):
        fakes.breaker.wait = 30
        return report(heard, probe=probe)

    fakes.breaker.report = opens
    with ThreadPoolExecutor(1) as one_at_a_time:
        fakes.budget.left = 3  # the rest of the batch has to wait, and learns meanwhile that it must not go out
        recorded = confirm(toolbox(sessions, fakes, asking=one_at_a_time), pks, lane=Lane.CALLBACK)
    assert recorded == len(fakes.gateway.asked) == count(sessions, "checks") <= 3
    assert fakes.breaker.heard[0] == Heard(refusals=1, reason="the address is not allowed")
    unasked = [pk for pk in pks if row(sessions, pk).asked == 0]
    assert len(unasked) == 40 - recorded
    assert all(20 < due_in(sessions, pk) <= 35 for pk in unasked)


def test_an_answer_that_was_under_way_when_the_breaker_opened_lets_nothing_out_again(sessions, fakes):
    refused, slow, *rest = add_pending(sessions, 10)
    fakes.gateway.says(f"token-of-ORD-{refused}", REFUSED)
    report, opened, both_out = fakes.breaker.report, threading.Event(), threading.Barrier(2)

    def opens(heard, *, probe=""):
        fakes.breaker.wait = 30
        opened.set()
        return report(heard, probe=probe)

    def answer(token):
        both_out.wait(PATIENCE)
        if token == f"token-of-ORD-{slow}":
            opened.wait(PATIENCE)

    fakes.breaker.report = opens
    fakes.gateway.during_confirm = answer
    fakes.budget.left = 2
    with ThreadPoolExecutor(2) as two_at_a_time:
        assert confirm(toolbox(sessions, fakes, asking=two_at_a_time), [refused, slow, *rest], lane=Lane.CALLBACK) == 2
    assert all(29 < due_in(sessions, pk) <= 35 for pk in rest)


def test_the_breaker_hears_of_answers_and_silences_together(sessions, fakes, tools):
    pks = add_pending(sessions, 3)
    fakes.gateway.says("token-of-ORD-2", silence())
    confirm(tools, pks, lane=Lane.SWEEP)
    assert fakes.breaker.heard == [Heard(answers=2, silences=1, reason="no answer")]


def test_the_sweep_claims_no_more_than_can_be_asked_now(sessions, fakes, tools):
    pks = add_pending(sessions, 20, due_in=-1)
    fakes.budget.left = 6
    assert sweep(tools).transactions == 6
    assert len([pk for pk in pks if due_in(sessions, pk) <= 0]) == 14


def test_the_sweep_claims_nothing_while_the_breaker_is_open_and_one_row_for_its_probe(sessions, fakes, tools):
    pks = add_pending(sessions, 20, due_in=-1)
    fakes.breaker.wait = 20
    assert sweep(tools).transactions == 0
    assert all(due_in(sessions, pk) < 0 for pk in pks)
    fakes.breaker.wait, fakes.breaker.probe = 0, "probe-1"
    assert sweep(tools).transactions == 1


def test_a_backlog_of_fifty_thousand_at_a_small_rate_is_worked_off_without_writing_to_the_rows_that_wait(
    sessions, fakes, tools
):
    add_pending(sessions, 50_000, due_in=-60)
    written = value(sessions, "SELECT max(xmin::text::bigint) FROM transactions")
    for _ in range(20):
        fakes.budget.left = 10  # five a second, and a sweep every two
        sweep(tools)
        confirm(tools, fakes.queue.asked[-1][0], lane=Lane.SWEEP)
    assert len(fakes.gateway.asked) == 200
    touched = "SELECT count(*) FROM transactions WHERE xmin::text::bigint > :written"
    assert value(sessions, touched, written=written) == 200


def test_what_a_probe_heard_reaches_the_breaker_though_the_database_is_gone(sessions, fakes):
    [pk] = add_pending(sessions)
    fakes.breaker.probe = "probe-1"
    gone = threading.Event()

    def flaky():
        if gone.is_set():
            raise StoreAway("gone")
        return sessions()

    fakes.gateway.during_confirm = lambda _token: gone.set()
    with pytest.raises(StoreAway):
        confirm(toolbox(flaky, fakes), [pk], lane=Lane.SWEEP)
    assert fakes.breaker.heard == [Heard(answers=1)]
    assert fakes.breaker.probes_back == ["probe-1"]
