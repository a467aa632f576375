"""Delivering notices: each at least once, bad ones alone, a dead application left alone, and a person told in one case."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from config import policy
from models.queries.stops import switch_off, switch_on
from models.session import transaction
from models.stop import Switch
from tasks.notify import notify
from tasks.sweep import sweep
from tasks.toolbox import Reply
from tests.fakes import answers, toolbox
from tests.ledger import Left, add_settled, all_at_once, cases, count, left, let_notices_wait, run, value


@pytest.fixture
def merchant(fakes):
    return fakes.merchant


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes, merchant=fakes.merchant)


def states(sessions) -> list[tuple[str, int]]:
    return run(sessions, "SELECT state, attempts FROM notices ORDER BY seq")


def wait_of(sessions, seq: int) -> Left:
    return left(sessions, "SELECT next_try_at FROM notices WHERE seq = :seq", seq=seq)


def detail(sessions) -> str:
    return value(sessions, "SELECT detail FROM cases WHERE resolved_at IS NULL")


def fail_for(tools, seconds: float, *, every: float = 3600) -> None:
    """Let time pass in steps, with a run after each."""
    for _ in range(round(seconds / every)):
        let_notices_wait(tools.sessions, every)
        notify(tools)


def test_what_was_settled_is_told_once_and_written_down(sessions, tools, merchant):
    add_settled(sessions, 3, tools=tools)
    assert notify(tools) == 3
    assert sorted(event["seq"] for event in merchant.taken) == [1, 2, 3]
    assert states(sessions) == [("delivered", 0)] * 3
    assert run(sessions, "SELECT http_status, trouble, took_ms FROM deliveries") == [(200, "", 10)] * 3
    assert value(sessions, "SELECT bool_and(next_try_at IS NULL AND delivered_at IS NOT NULL) FROM notices")
    assert notify(tools) == 0


def test_settling_rings_after_its_commit(sessions, tools, fakes):
    add_settled(sessions, 2, tools=tools)
    assert fakes.queue.rung_for_notices == 2


def test_nothing_is_rung_or_claimed_where_nothing_is_pushed(sessions, fakes):
    tools = toolbox(sessions, fakes)
    add_settled(sessions, tools=tools)
    sweep(tools)
    assert notify(tools) == 0
    assert fakes.queue.rung_for_notices == 0
    assert (states(sessions), count(sessions, "endpoints")) == ([("waiting", 0)], 0)


def test_more_than_a_round_is_told_in_rounds(sessions, tools, merchant):
    number = policy.NOTICES_AT_ONCE + 5
    add_settled(sessions, number, tools=tools)
    assert notify(tools) == number
    assert len(set(merchant.ids)) == number


def test_a_round_is_sent_together_and_with_no_transaction_open(sessions, tools, merchant):
    together = threading.Barrier(4)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
    open_ones = []

    def during(event):
        together.wait(timeout=60)
        if event["seq"] == 1:
            open_ones.append(value(sessions, idle))
        together.wait(timeout=60)

    merchant.during = during
    add_settled(sessions, 4, tools=tools)
    assert notify(tools) == 4
    assert open_ones == [0]


def test_one_that_is_refused_is_tried_again_alone_and_counts(sessions, tools, merchant):
    merchant.says = lambda event: answers(500 if event["seq"] == 2 else 204)
    add_settled(sessions, 3, tools=tools)
    notify(tools)
    assert states(sessions) == [("delivered", 0), ("waiting", 1), ("delivered", 0)]
    assert 4 < wait_of(sessions, 2) <= policy.NOTICE_RETRIES[0]
    assert cases(sessions) == []


def test_a_bug_of_ours_about_one_notice_fails_that_notice_only(sessions, tools, merchant):
    def says(event):
        if event["seq"] == 1:
            raise ZeroDivisionError("a secret")
        return answers(200)

    merchant.says = says
    add_settled(sessions, 2, tools=tools)
    notify(tools)
    assert states(sessions) == [("waiting", 1), ("delivered", 0)]
    assert value(sessions, "SELECT trouble FROM deliveries WHERE trouble <> ''") == (
        "it could not be sent (ZeroDivisionError)"
    )


def test_one_that_cannot_be_recorded_keeps_none_of_its_round_from_it(sessions, tools, merchant):
    merchant.says = lambda event: Reply(took=0.1, trouble="\0" if event["seq"] == 1 else "no answer")
    add_settled(sessions, 3, tools=tools)
    notify(tools)
    assert states(sessions) == [("waiting", 0), ("waiting", 1), ("waiting", 1)]
    assert wait_of(sessions, 1) > 0


def test_a_killed_run_costs_its_lease_and_the_notice_comes_again_by_the_same_id(sessions, tools, merchant):
    add_settled(sessions, tools=tools)

    def die(_):
        raise KeyboardInterrupt

    merchant.during = die
    with pytest.raises(KeyboardInterrupt):
        notify(tools)
    merchant.during = lambda _: None
    assert notify(tools) == 0
    let_notices_wait(sessions, tools.lengths.telling.lease)
    assert notify(tools) == 1
    assert len(set(merchant.ids)) == 1


def test_only_one_run_delivers_at_a_time(sessions, tools, merchant):
    add_settled(sessions, 8, tools=tools)
    merchant.during = lambda _: threading.Event().wait(0.05)
    tried = all_at_once(*[lambda: notify(tools)] * 4)
    assert sorted(tried) == [0, 0, 0, 8]
    assert len(merchant.tried) == len(set(merchant.tried)) == 8


def test_what_falls_due_while_a_run_ends_is_rung_for_again(sessions, fakes, merchant):
    quick = policy.Telling(rounds=0)
    lengths = policy.Lengths(
        question=13, batch=6, soft_limit=24, hard_limit=29, lock=34, lease=39, visibility=44, retry=49, telling=quick
    )
    tools = toolbox(sessions, fakes, merchant=merchant, lengths=lengths)
    add_settled(sessions, policy.NOTICES_AT_ONCE + 1, tools=tools)
    before = fakes.queue.rung_for_notices
    assert notify(tools) == policy.NOTICES_AT_ONCE
    assert fakes.queue.rung_for_notices == before + 1


def test_a_dead_application_is_probed_with_a_few_however_many_wait(sessions, tools, merchant):
    merchant.says = lambda _: answers(503)
    add_settled(sessions, 60, tools=tools)
    assert notify(tools) == policy.NOTICES_AT_ONCE
    assert notify(tools) == 0
    let_notices_wait(sessions, policy.ENDPOINT_RESTS[0])
    assert notify(tools) == policy.NOTICES_AS_PROBE
    assert notify(tools) == 0
    written = count(sessions, "deliveries")
    fail_for(tools, policy.HOUR, every=100)
    longest = policy.ENDPOINT_RESTS[-1]
    assert count(sessions, "deliveries") - written <= policy.NOTICES_AS_PROBE * (policy.HOUR / longest + 10)


def test_an_application_that_is_back_gets_all_that_waits_at_once(sessions, tools, merchant):
    merchant.says = lambda _: answers(502)
    add_settled(sessions, 40, tools=tools)
    fail_for(tools, 3 * policy.HOUR, every=900)
    merchant.says = lambda _: answers(200)
    let_notices_wait(sessions, policy.ENDPOINT_RESTS[-1])
    notify(tools)
    assert states(sessions) == [("delivered", attempts) for _, attempts in states(sessions)]
    assert len(merchant.ids) == len(set(merchant.ids)) == 40


def test_a_short_hiccup_brings_nothing_forward(sessions, tools, merchant):
    merchant.says = lambda event: answers(500 if event["seq"] == 1 else 200)
    add_settled(sessions, tools=tools)
    for wait in (0, *policy.NOTICE_RETRIES[:2]):
        let_notices_wait(sessions, wait)
        notify(tools)
    run(sessions, "UPDATE endpoints SET failing_since = clock_timestamp() - interval '1 min', rest_until = NULL")
    add_settled(sessions, tools=tools)
    notify(tools)
    assert states(sessions) == [("waiting", 3), ("delivered", 0)]
    assert wait_of(sessions, 1) > 20 * policy.MINUTE


def test_after_the_last_try_it_is_stopped_with_one_case_that_says_what_to_do(sessions, tools, merchant):
    merchant.says = lambda event: answers(500 if event["seq"] <= 2 else 200)
    add_settled(sessions, 2, tools=tools)
    notify(tools)
    for wait in policy.NOTICE_RETRIES:
        let_notices_wait(sessions, wait + 60)
        add_settled(sessions, tools=tools)
        notify(tools)
        let_notices_wait(sessions, 10)
        notify(tools)
    assert states(sessions)[:2] == [("stopped", len(policy.NOTICE_RETRIES) + 1)] * 2
    assert cases(sessions) == ["endpoint"]
    assert "given up after 10 tries: it answered 500" in detail(sessions)
    assert "reconciler notices resend --failed" in detail(sessions)
    add_settled(sessions, tools=tools)
    notify(tools)
    assert cases(sessions) == ["endpoint"], "what was given up stays a matter for a person"


def test_a_dead_endpoint_opens_the_case_early_and_ends_it_by_itself(sessions, tools, merchant):
    merchant.says = lambda _: Reply(took=5, trouble="no whole answer came within 5 s")
    add_settled(sessions, tools=tools)
    notify(tools)
    fail_for(tools, policy.DAY - 2 * policy.HOUR, every=policy.HOUR)
    assert cases(sessions) == []
    fail_for(tools, 12 * policy.HOUR, every=policy.HOUR)
    assert cases(sessions) == ["endpoint"]
    assert "has taken no notice since" in detail(sessions)
    assert "no whole answer came within 5 s" in detail(sessions)
    assert states(sessions)[0][0] == "waiting"
    merchant.says = lambda _: answers(200)
    add_settled(sessions, tools=tools)
    let_notices_wait(sessions, policy.ENDPOINT_RESTS[-1])
    notify(tools)
    notify(tools)
    assert (cases(sessions), cases(sessions, is_open=False)) == ([], ["endpoint"])
    assert {state for state, _ in states(sessions)} == {"delivered"}


def gone(sessions, tools, merchant):
    merchant.says = lambda event: answers(410 if event["seq"] == 1 else 200)
    add_settled(sessions, tools=tools)
    notify(tools)
    add_settled(sessions, tools=tools)
    let_notices_wait(sessions, 10 * policy.DAY)


def test_one_that_was_gone_and_fails_in_another_way_since_is_tried_on(sessions, tools, merchant):
    """A person resolved the case about 410. The next one says that the tries go on, and so they do."""
    add_settled(sessions, 2, tools=tools)
    merchant.says = lambda event: answers(410 if event["seq"] == 1 else 500)
    notify(tools)
    run(sessions, "UPDATE cases SET resolved_at = now(), resolution = 'moved', resolved_by = 'awa'")
    merchant.says = lambda _event: answers(500)
    fail_for(tools, 36 * 3600)
    assert "the tries go on by themselves" in detail(sessions)
    merchant.says = lambda _event: answers(200)
    fail_for(tools, 24 * 3600)
    assert [event["seq"] for event in merchant.taken] == [2]


def test_410_stops_that_notice_and_all_pushing_with_a_case(sessions, tools, merchant, fakes):
    gone(sessions, tools, merchant)
    rung = fakes.queue.rung_for_notices
    sweep(tools)
    assert notify(tools) == 0
    assert fakes.queue.rung_for_notices == rung
    assert states(sessions) == [("stopped", 1), ("waiting", 0)]
    assert cases(sessions) == ["endpoint"]
    assert "410" in detail(sessions)


def test_pushing_goes_on_when_a_person_resolves_the_case_of_a_gone_endpoint(sessions, tools, merchant):
    gone(sessions, tools, merchant)
    run(sessions, "UPDATE cases SET resolved_at = clock_timestamp(), resolved_by = 'awa', resolution = 'it moved'")
    assert notify(tools) == 1
    assert states(sessions) == [("stopped", 1), ("delivered", 0)]


def test_the_application_is_left_alone_for_as_long_as_it_asked_within_bounds(sessions, tools, merchant):
    merchant.says = lambda _: answers(429, retry_after=600)
    add_settled(sessions, tools=tools)
    notify(tools)
    assert 590 < wait_of(sessions, 1) <= 600
    let_notices_wait(sessions, 590)
    assert notify(tools) == 0
    let_notices_wait(sessions, 10)
    merchant.says = lambda _: answers(503, retry_after=10 * policy.DAY)
    assert notify(tools) == 1
    assert wait_of(sessions, 1) <= policy.LONGEST_RETRY_AFTER


def test_switched_off_nothing_is_claimed_and_nothing_lost(sessions, tools, fakes):
    add_settled(sessions, 2, tools=tools)
    with transaction(sessions) as step:
        switch_off(step.session, Switch.NOTIFY, author="awa", reason="moving", length=timedelta(hours=1))
    rung = fakes.queue.rung_for_notices
    sweep(tools)
    assert notify(tools) == 0
    assert (states(sessions), count(sessions, "deliveries")) == ([("waiting", 0)] * 2, 0)
    assert fakes.queue.rung_for_notices == rung
    with transaction(sessions) as step:
        switch_on(step.session, Switch.NOTIFY, author="awa")
    assert notify(tools) == 2


def test_a_run_stops_between_two_rounds_when_it_is_switched_off(sessions, tools, merchant):
    def stop(_):
        with transaction(sessions) as step:
            switch_off(step.session, Switch.NOTIFY, author="awa", reason="moving", length=timedelta(hours=1))
        merchant.during = lambda _: None

    add_settled(sessions, policy.NOTICES_AT_ONCE + 1, tools=tools)
    merchant.during = lambda event: stop(event) if event["seq"] == 1 else None
    assert notify(tools) == policy.NOTICES_AT_ONCE
    assert states(sessions)[-1] == ("waiting", 0)


def test_one_sent_anew_while_it_is_being_sent_stays_due(sessions, tools, merchant):
    add_settled(sessions, tools=tools)
    sent_anew = "UPDATE notices SET next_try_at = clock_timestamp(), attempts = 0"
    merchant.during = lambda _: (run(sessions, sent_anew), setattr(merchant, "during", lambda _: None))
    assert notify(tools) == 2
    assert states(sessions) == [("delivered", 0)]


def test_the_sweep_rings_for_what_is_due_once_and_not_into_a_full_queue(sessions, tools, fakes):
    add_settled(sessions, 3, tools=tools)
    fakes.queue.rung_for_notices = 0
    sweep(tools)
    assert fakes.queue.rung_for_notices == 1
    fakes.queue.is_full_of_notices = True
    sweep(tools)
    assert fakes.queue.rung_for_notices == 1


def test_with_the_broker_gone_the_inline_sweep_delivers(sessions, tools, fakes, merchant):
    fakes.queue.is_away = True
    add_settled(sessions, tools=tools)
    sweep(tools)
    assert merchant.ids == []
    sweep(tools, inline=True)
    assert len(merchant.ids) == 1


def test_the_log_tells_the_trouble_and_neither_address_nor_key(sessions, tools, merchant):
    merchant.says = lambda _: answers(500)
    with capture_logs() as logs:
        add_settled(sessions, tools=tools)
        notify(tools)
    [line] = [entry for entry in logs if entry["event"] == "notices_told"]
    assert (line["failed"], line["trouble"], line["log_level"]) == (1, "it answered 500", "warning")
