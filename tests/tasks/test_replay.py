"""Working a plan off: what comes of each item, that a kill or a loss only delays, and that nothing is settled twice."""

from __future__ import annotations

import pytest

from config.celery_settings import REPLAY
from models.answers import Answer, Said
from models.check import Lane
from models.errors import StoreAway
from models.queries.replay import work
from models.queries.replay.choice import CallbackChoice, TransactionChoice
from models.queries.stops import switch_off, switch_on
from models.session import transaction
from models.stop import Switch
from models.transaction import Status
from tasks.intake import intake
from tasks.job import provide_tools
from tasks.record import record
from tasks.replay import Start, ring_for_plans, start, work_batch
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import completed, notcompleted, pending, settings_for, silence, toolbox
from tests.ledger import (
    LANE,
    add_created,
    add_pending,
    all_at_once,
    answered,
    cases,
    claim,
    count,
    knock,
    rewrite,
    run,
    value,
)
from tests.plans import (
    DAY,
    add_failed,
    all_paid,
    approve,
    found,
    items,
    leases_end,
    let_wait,
    pairs,
    plan,
    run_to_the_end,
)
from worker.app import make_app


def settled(sessions):
    return (count(sessions, "settlements"), count(sessions, "notices"))


def test_failed_callbacks_are_read_again_asked_about_and_settled(sessions, fakes, tools):
    add_failed(sessions, 250)
    add_pending(sessions, 250)
    all_paid(fakes.gateway, 250)
    plan_id = plan(tools)
    run_to_the_end(tools, plan_id)
    assert pairs(sessions, plan_id) == {("to_ask", "settled"): 250}
    assert settled(sessions) == (250, 250)
    assert run(sessions, "SELECT outcome, count(*) FROM callbacks GROUP BY 1") == [("matched", 250)]
    assert cases(sessions) == []
    assert found(sessions, plan_id).state == "done"
    assert list(fsck(sessions)) == []


def test_all_questions_go_out_in_the_replay_lane_and_nobody_is_rung_for(sessions, fakes, tools):
    add_failed(sessions, 3)
    add_pending(sessions, 3)
    run_to_the_end(tools, plan(tools))
    assert {lane for lane, _ in fakes.budget.taken} == {Lane.REPLAY}
    assert run(sessions, "SELECT DISTINCT lane FROM checks") == [("replay",)]
    assert fakes.queue.read == fakes.queue.asked == []


def test_whatever_can_come_of_an_item_comes_as_it_was_predicted(sessions, fakes, tools):
    pks = add_pending(sessions, 6)
    add_created(sessions)
    record(tools, [answered(sessions, pks[5], completed(5000, "ORD-6"))], lane=LANE)
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    answers = [
        completed(5000, "ORD-1"),
        notcompleted(),
        pending(),
        completed(4000, "ORD-4"),
        Answer(said=Said.NOT_FOUND),
    ]
    for n, answer in enumerate([*answers, notcompleted()], start=1):
        fakes.gateway.says(f"token-of-ORD-{n}", answer)
    bodies = [claim(f"ORD-{n}") for n in range(1, 6)]
    more = [claim("ORD-6", "pending"), claim("ORD-7"), claim("ORD-6"), claim("nobody"), b"gibberish", claim("ORD-1")]
    knock(sessions, *bodies, *more)
    run(sessions, "UPDATE callbacks SET outcome = 'orphan', next_try_at = NULL")
    plan_id = plan(tools, ask=True)
    let_wait(sessions)
    run_to_the_end(tools, plan_id)
    told = [
        *("settled", "closed", "pending", "mismatch", "unclear", "contradiction"),
        *("unaskable", "nothing_new", "unmatched", "unreadable", "nothing_new"),
    ]
    assert items(sessions, plan_id, "prediction") == told
    assert items(sessions, plan_id, "actual") == told
    assert found(sessions, plan_id).state == "done"


def test_transactions_are_asked_about_parked_and_final_ones_too(sessions, fakes, tools):
    one, two, _ = add_pending(sessions, 3)
    add_created(sessions)
    record(tools, [answered(sessions, one, notcompleted())], lane=LANE)
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE id = :pk", pk=two)
    all_paid(fakes.gateway, 2)
    fakes.gateway.says("token-of-ORD-3", pending())
    plan_id = plan(tools, TransactionChoice(ids=("ORD-1", "ORD-2", "ORD-3", "ORD-4")))
    run_to_the_end(tools, plan_id)
    assert items(sessions, plan_id, "actual") == ["settled", "settled", "pending", "unaskable"]
    assert cases(sessions) == ["late_success"]


def test_an_item_without_an_answer_is_tried_again_and_not_lost(sessions, fakes, tools):
    add_failed(sessions, 2)
    add_pending(sessions, 2)
    fakes.gateway.says("token-of-ORD-1", silence(), completed(5000, "ORD-1"))
    fakes.gateway.says("token-of-ORD-2", completed(5000, "ORD-2"))
    plan_id = plan(tools)
    run_to_the_end(tools, plan_id)
    assert items(sessions, plan_id, "actual") == ["", "settled"]
    assert found(sessions, plan_id).state == "running"
    assert ring_for_plans(tools, inline=False) == 0  # it waits for its time, and nobody is rung for meanwhile
    let_wait(sessions)
    assert ring_for_plans(tools, inline=False) == 1
    assert (work_batch(tools, plan_id), work_batch(tools, plan_id)) == (1, 0)
    assert items(sessions, plan_id, "actual") == ["settled", "settled"]
    assert found(sessions, plan_id).state == "done"


def test_no_more_is_taken_up_than_could_be_asked_about_and_the_rest_stays_in_the_plan(sessions, fakes, tools):
    add_failed(sessions, 30)
    add_pending(sessions, 30, due_in=3600)
    all_paid(fakes.gateway, 30)
    plan_id = plan(tools)
    approve(tools, plan_id)
    fakes.budget.left = 7
    assert work_batch(tools, plan_id) == 7
    assert work_batch(tools, plan_id) == 0
    assert pairs(sessions, plan_id) == {("to_ask", "settled"): 7, ("to_ask", ""): 23}
    assert value(sessions, "SELECT count(*) FROM callbacks WHERE outcome = 'orphan'") == 23
    untouched = (
        "SELECT count(*) FROM transactions WHERE next_check_at > now() + interval '59 min' AND nudged_at IS NULL"
    )
    assert value(sessions, untouched) == 23
    fakes.budget.left = None
    assert work_batch(tools, plan_id) == 23


def test_while_the_breaker_is_open_nothing_is_taken_up(sessions, fakes, tools):
    add_failed(sessions, 3)
    add_pending(sessions, 3)
    plan_id = plan(tools)
    approve(tools, plan_id)
    fakes.breaker.wait = 20
    assert work_batch(tools, plan_id) == 0
    fakes.breaker.wait, fakes.breaker.probe = 0, "probe-1"
    assert work_batch(tools, plan_id) == 1


def test_while_replay_is_switched_off_nothing_is_taken_up_or_rung_for(sessions, tools):
    add_failed(sessions, 3)
    plan_id = plan(tools)
    approve(tools, plan_id)
    with transaction(sessions) as step:
        switch_off(step.session, Switch.REPLAY, author="awa", reason="the gateway asked us to", length=DAY)
    assert work_batch(tools, plan_id) == 0
    assert ring_for_plans(tools, inline=True) == 0
    assert pairs(sessions, plan_id) == {("unmatched", ""): 3}
    with transaction(sessions) as step:
        switch_on(step.session, Switch.REPLAY, author="awa")
    assert work_batch(tools, plan_id) == 3


def test_a_worker_that_dies_behind_the_answers_is_found_to_have_settled_them(sessions, fakes, tools):
    """The next one reads from the books what came of the items since they were first taken up, and asks nobody twice."""
    add_failed(sessions, 5)
    add_pending(sessions, 5)
    all_paid(fakes.gateway, 5)
    plan_id = plan(tools, ask=True)
    let_wait(sessions)
    approve(tools, plan_id)
    report = fakes.breaker.report

    def dies_behind_the_answers(*_, **__):
        fakes.breaker.report = report
        raise SystemExit

    fakes.breaker.report = dies_behind_the_answers
    with pytest.raises(SystemExit):
        work_batch(tools, plan_id)
    assert settled(sessions) == (5, 5)
    asked = len(fakes.gateway.asked)
    assert work_batch(tools, plan_id) == 0  # under the lease of the dead
    leases_end(sessions)
    assert work_batch(tools, plan_id) == 5
    assert pairs(sessions, plan_id) == {("settled", "settled"): 5}
    assert settled(sessions) == (5, 5)
    assert len(fakes.gateway.asked) == asked


def test_one_message_is_one_batch_and_rings_for_the_next(sessions, fakes, tools):
    add_failed(sessions, 250)
    plan_id = plan(tools)
    approve(tools, plan_id)
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none"))
    app.loader.import_default_modules()
    provide_tools(app, lambda: tools)
    job = app.tasks[REPLAY]
    left = []
    fakes.queue.replay_soon(plan_id)
    while fakes.queue.replays:
        job(fakes.queue.replays.pop())
        left.append(sum(items for (_, actual), items in pairs(sessions, plan_id).items() if not actual))
    assert left == [150, 50, 0, 0]
    assert found(sessions, plan_id).state == "done"


def test_two_workers_share_a_plan_and_each_item_is_worked_once(sessions, fakes):
    add_failed(sessions, 400)
    add_pending(sessions, 200)
    all_paid(fakes.gateway, 200)
    rewrite(
        sessions,
        "UPDATE callbacks SET body = (SELECT body FROM callbacks o WHERE o.id = callbacks.id - 200) WHERE id > 200",
    )
    tools = toolbox(sessions, fakes)
    plan_id = plan(tools)
    approve(tools, plan_id)

    def work_on():
        return sum(iter(lambda: work_batch(tools, plan_id), 0))

    all_at_once(work_on, work_on)
    while run(sessions, "SELECT FROM replay_items WHERE done_at IS NULL"):
        let_wait(sessions)
        work_on()
    counted = run(sessions, "SELECT actual, count(*) FROM replay_items GROUP BY 1 ORDER BY 1")
    assert counted == [("nothing_new", 200), ("settled", 200)]
    assert settled(sessions) == (200, 200)
    assert found(sessions, plan_id).state == "done"


def test_of_two_who_start_a_plan_at_once_one_does(sessions, tools):
    add_failed(sessions, 1)
    plan_id = plan(tools)
    digest = bytes.fromhex(found(sessions, plan_id).hash)
    both = all_at_once(*[lambda who=who: start(tools, plan_id, digest=digest, author=who, reason="r") for who in "ab"])
    assert sorted(both, key=lambda one: one.name) == [Start.NOT_READY, Start.STARTED]


def test_a_plan_whose_items_were_changed_is_not_started(sessions, tools):
    add_failed(sessions, 3)
    plan_id = plan(tools)
    run(sessions, "UPDATE replay_items SET amount = 1 WHERE position = 2")
    assert approve(tools, plan_id) is Start.CHANGED


def test_an_expired_plan_is_not_started(sessions, tools):
    add_failed(sessions, 3)
    plan_id = plan(tools)
    run(sessions, "UPDATE replay_plans SET expires_at = clock_timestamp()")
    assert approve(tools, plan_id) is Start.NOT_READY


def test_a_cancelled_plan_finishes_what_is_under_way_and_takes_up_nothing(sessions, fakes, tools):
    add_failed(sessions, 150)
    add_pending(sessions, 150)
    all_paid(fakes.gateway, 150)
    plan_id = plan(tools)
    approve(tools, plan_id)

    def somebody_cancels(_token):
        with transaction(sessions) as step:
            work.cancel(step.session, plan_id, author="chef", reason="wrong day")

    fakes.gateway.during_confirm = somebody_cancels
    assert work_batch(tools, plan_id) == 100
    assert work_batch(tools, plan_id) == 0
    assert pairs(sessions, plan_id) == {("to_ask", "settled"): 100, ("to_ask", ""): 50}
    assert found(sessions, plan_id).state == "cancelled"


def test_surplus_workers_go_and_do_something_else(sessions, tools):
    add_failed(sessions, 1000)
    plan_id = plan(tools)
    approve(tools, plan_id)
    with transaction(sessions) as step:
        how = work.Claim(most=200, lease=DAY, shy=6)
        taken = [len(work.claim(step.session, plan_id, limit=100, how=how)) for _ in range(3)]
    assert taken == [100, 100, 0]


def test_the_sweep_rings_for_a_plan_that_nobody_is_at_and_works_it_where_there_is_no_broker(sessions, fakes, tools):
    add_failed(sessions, 3)
    plan_id = plan(tools)
    sweep(tools)
    assert fakes.queue.replays == []
    approve(tools, plan_id)
    sweep(tools)
    assert fakes.queue.replays == [plan_id]
    fakes.queue.is_away = True
    sweep(tools, inline=True)
    assert pairs(sessions, plan_id) == {("unmatched", "unmatched"): 3}
    assert found(sessions, plan_id).state == "done"


def test_a_callback_that_breaks_its_reader_costs_its_neighbours_nothing(sessions, fakes, tools):
    add_failed(sessions, 3)
    add_pending(sessions, 3)
    all_paid(fakes.gateway, 3)

    class Brittle:
        def read_callback(self, content_type, body):
            if b"ORD-2" in body:
                raise ZeroDivisionError
            return tools.wire.read_callback(content_type, body)

    plan_id = plan(tools)
    run_to_the_end(toolbox(sessions, fakes, wire=Brittle()), plan_id)
    assert items(sessions, plan_id, "actual") == ["settled", "unreadable", "settled"]


def test_a_callback_that_kills_its_reader_is_taken_up_alone_in_the_end_and_given_up(sessions, fakes, tools):
    add_failed(sessions, 3)
    add_pending(sessions, 3)
    all_paid(fakes.gateway, 3)

    class Deadly:
        def read_callback(self, content_type, body):
            if b"ORD-1" in body:
                raise SystemExit
            return tools.wire.read_callback(content_type, body)

    plan_id = plan(tools)
    approve(tools, plan_id)
    deaths = 0
    while found(sessions, plan_id).state == "running":
        try:
            work_batch(toolbox(sessions, fakes, wire=Deadly()), plan_id)
        except SystemExit:
            deaths += 1
        leases_end(sessions)
    assert deaths == 12
    assert items(sessions, plan_id, "actual") == ["unreadable", "settled", "settled"]
    assert value(sessions, "SELECT max(lost) FROM replay_items WHERE position > 1") == 7


def test_with_the_database_gone_in_the_middle_the_rest_is_worked_later(sessions, fakes, tools):
    add_failed(sessions, 3)
    add_pending(sessions, 3)
    all_paid(fakes.gateway, 3)
    plan_id = plan(tools)
    approve(tools, plan_id)
    calls = iter([True, True])

    def flaky():
        if next(calls, None) is None:
            raise StoreAway("gone")
        return sessions()

    with pytest.raises(StoreAway):
        work_batch(toolbox(flaky, fakes), plan_id)
    leases_end(sessions)
    assert work_batch(tools, plan_id) == 3
    assert found(sessions, plan_id).state == "done"


def test_plan_after_plan_about_one_callback_settles_once_and_is_never_swallowed(sessions, fakes, tools):
    add_pending(sessions)
    all_paid(fakes.gateway, 1)
    intake(tools, knock(sessions, claim("ORD-1")))
    for _ in range(4):
        run_to_the_end(tools, plan(tools, CallbackChoice(ids=(1,))))
        let_wait(sessions)
    assert settled(sessions) == (1, 1)
    actuals = [actual for (actual,) in run(sessions, "SELECT actual FROM replay_items ORDER BY plan_id")]
    assert actuals == ["settled", *["nothing_new"] * 3]
    assert run(sessions, "SELECT status FROM transactions") == [(Status.COMPLETED.value,)]
