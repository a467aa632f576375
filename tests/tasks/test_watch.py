"""fsck while the books move, and what its task writes to the log."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from config import policy
from config.celery_settings import WATCH
from config.policy import Lengths
from models.errors import StoreAway
from models.queries.fsck.reading import reading
from models.queries.receive import reopen_callbacks
from models.session import transaction
from tasks import watch
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.job import provide_tools
from tasks.watch import Looked, Violation, fsck, tell
from tests.fakes import Fakes, completed, notcompleted, settings_for, toolbox
from tests.ledger import LANE, add_pending, claim, count, knock, run
from worker.app import make_app

LATELY = timedelta(minutes=15)


SMALL = 3
"""Rows of a slice: what is walked in many steps with a million rows is so with a dozen."""


def settle_all(tools, fakes: Fakes, pks: list[int]) -> None:
    """Have the gateway say completed about the odd ones, and notcompleted about the others."""
    for pk in pks:
        fakes.gateway.says(f"token-of-ORD-{pk}", completed(5000, f"ORD-{pk}") if pk % 2 else notcompleted())
    confirm(tools, pks, lane=LANE)


def test_an_empty_book_is_sound(sessions):
    assert list(fsck(sessions)) == []
    assert list(fsck(sessions, since=LATELY)) == []


def test_what_settles_meanwhile_never_looks_broken(sessions):
    """Callbacks are stored and read, invoices made and settled, in two threads, while fsck looks again and again."""
    runs, over = [], threading.Event()

    def work(turn: int) -> None:
        fakes = Fakes()
        tools = toolbox(sessions, fakes)
        for pk in range(1 + turn, 121, 2):
            intake(tools, knock(sessions, claim(f"ORD-{pk}")))
            settle_all(tools, fakes, [pk])

    def look() -> None:
        while not over.is_set():
            runs.append([str(v) for since in (None, LATELY) for v in fsck(sessions, since=since, size=SMALL)])

    add_pending(sessions, 120)
    with ThreadPoolExecutor(3) as threads:
        looking = threads.submit(look)
        for working in [threads.submit(work, turn) for turn in (0, 1)]:
            working.result(timeout=100)
        over.set()
        looking.result(timeout=60)
    assert count(sessions, "settlements") == 60
    assert runs
    assert [violations for violations in runs if violations] == []


def test_every_row_is_looked_at_once_whatever_the_slices(sessions, tools, fakes):
    settle_all(tools, fakes, add_pending(sessions, 10))
    knock(sessions, *[claim(f"ORD-{n}") for n in range(7)])
    steps: list[Looked] = []
    assert list(fsck(sessions, size=SMALL, looked=steps.append)) == []
    rows = {what: sum(step.rows for step in steps if step.what == what) for what in {step.what for step in steps}}
    assert rows == {"transactions": 10, "callbacks": 7, "notices": 10}
    assert {step.what for step in steps if step.is_done and step.share == 1} == set(rows)


def test_damage_in_a_later_slice_is_found_once(sessions, tools, fakes):
    settle_all(tools, fakes, add_pending(sessions, 10))
    run(sessions, "DELETE FROM notices WHERE transaction_pk = 9")
    for since in (None, LATELY):
        assert [(v.rule, v.subject) for v in fsck(sessions, since=since, size=SMALL)] == [
            ("untold", "transaction ORD-9"),
            ("notice_gap", "account default"),
        ]


def test_looking_back_a_little_leaves_out_what_rests_and_keeps_what_is_open(sessions, tools, fakes):
    settle_all(tools, fakes, add_pending(sessions, 4))
    run(sessions, "UPDATE notices SET created_at = created_at - interval '1 hour'")
    run(sessions, "ALTER TABLE checks DISABLE TRIGGER checks_are_evidence")
    run(sessions, "UPDATE checks SET asked_at = asked_at - interval '1 hour'")
    run(sessions, "ALTER TABLE checks ENABLE TRIGGER checks_are_evidence")
    run(sessions, "UPDATE transactions SET decided_asked_at = decided_asked_at - interval '1 hour'")
    add_pending(sessions, 2)
    steps: list[Looked] = []
    assert list(fsck(sessions, since=LATELY, looked=steps.append)) == []
    assert {step.what: step.rows for step in steps if step.rows} == {"open transactions": 2}


def test_a_callback_that_is_read_again_has_a_deadline_of_its_own(sessions, tools):
    ids = knock(sessions, claim("nobody"))
    run(sessions, "UPDATE callbacks SET stored_at = stored_at - interval '2 days'")
    assert [v.rule for v in fsck(sessions)] == ["unread"]
    with transaction(sessions) as step:
        reopen_callbacks(step.session, ids)
    assert list(fsck(sessions)) == []
    intake(tools, ids)
    assert list(fsck(sessions)) == []


def test_nothing_can_be_written_while_looking(sessions):
    with pytest.raises((DBAPIError, StoreAway), match="read-only"), reading(sessions) as session:
        session.connection().exec_driver_sql("DELETE FROM notices")


def test_a_violation_is_one_line_that_says_what_to_do():
    violation = Violation(rule="unsettled", subject="transaction ORD-1", detail="it is gone", advice="find it")
    assert str(violation) == "broken: unsettled  transaction ORD-1  it is gone; find it"


def test_a_clean_run_is_one_line_in_the_log(sessions, logs):
    assert tell(sessions, since=None) == {}
    [line] = logs
    assert (line["event"], line["log_level"], line["broken"]) == ("watched", "info", {})


def test_each_violation_is_an_error_in_the_log_up_to_a_bound_and_all_are_counted(sessions, logs):
    add_pending(sessions, watch.LOGGED + 5, due_in=-3600)
    assert tell(sessions, since=LATELY) == {"overdue": watch.LOGGED + 5}
    *lines, total = logs
    assert [(line["event"], line["log_level"], line["rule"]) for line in lines] == [
        ("broken", "error", "overdue")
    ] * watch.LOGGED
    assert all(line["subject"].startswith("transaction ORD-") for line in lines)
    assert "sweep" in lines[0]["advice"]
    assert (total["event"], total["log_level"]) == ("watched", "error")
    assert total["broken"] == {"overdue": watch.LOGGED + 5}


@pytest.mark.parametrize("timeouts", [(3.05, 10), (30, 60)])
def test_the_deadline_of_a_callback_is_longer_than_all_attempts_at_it(timeouts):
    connect, answer = timeouts
    settings = settings_for(
        "postgresql://x@127.0.0.1/x", ligdicash_connect_timeout=connect, ligdicash_answer_timeout=answer
    )
    lengths = Lengths.from_settings(settings)
    in_vain = policy.READING_ATTEMPTS * lengths.retry
    unmatched = sum(policy.CALLBACK_RETRY_STEPS) + len(policy.CALLBACK_RETRY_STEPS) * lengths.retry
    assert max(in_vain, unmatched) < policy.CALLBACK_DEADLINE.total_seconds()
    assert 2 * lengths.lease < policy.OVERDUE_AFTER.total_seconds()


def test_patience_outlasts_every_wait_that_the_sweep_is_allowed():
    for tier in policy.AGE_TIERS:
        longest = max(tier.every, policy.MISMATCH_EVERY, policy.LONGEST_SILENCE * 1.5)
        assert policy.patience(tier).total_seconds() > longest
    assert policy.patience(policy.AGE_TIERS[-1]).total_seconds() > 86_400  # the longest PENDING_AFTER there may be


@pytest.mark.parametrize("arguments", [(), (900.0,)])
def test_the_message_of_beat_is_a_run_in_full_or_of_lately(sessions, tools, logs, arguments):
    add_pending(sessions, due_in=-3600)
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none"))
    provide_tools(app, lambda: tools)
    app.loader.import_default_modules()
    app.tasks[WATCH](*arguments)
    app.close()
    *_, total = logs
    assert total["broken"] == {"overdue": 1}
    assert ("open transactions" in total["rows"]) is bool(arguments)


def test_a_database_that_is_away_puts_the_run_off(logs):
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none"))
    app.loader.import_default_modules()
    app.tasks[WATCH]()
    app.close()
    [line] = logs
    assert (line["event"], line["log_level"]) == ("put_off", "warning")
