"""`reconciler status`: one screen that says whether all is well, also when little is."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest
from sqlalchemy import text

from models.case import CaseKind
from models.queries.record import NewCase, open_cases
from models.queries.status import CASES, OPEN, OVERDUE, UNREAD, books_status
from models.session import transaction
from tasks.toolbox import BreakerState, Heard
from tests.fakes import API_KEY, CALLBACK_URL, settings_for
from tests.ledger import add_created, add_pending, knock, let_pass, run
from worker.breaker import FleetBreaker, FleetStore
from worker.fleet import Fleet
from worker.locks import connect
from worker.ops.desk import Desk

BOUNDS = [300.0, 1800.0]


def lines(ops, *argv):
    return [line.rstrip() for line in ops.say("status", *argv).splitlines()]


def test_on_empty_books_with_both_servers_there_all_is_well(ops):
    assert lines(ops)[:6] == [
        "database   ok",
        "redis      ok",
        "queues     callbacks 0, fresh 0",
        "invoices   0 open",
        "           0 overdue; 0 parked",
        "callbacks  0 unread",
    ]


def test_it_counts_what_is_open_by_age_and_what_is_overdue_parked_or_unread(ops):
    sessions = ops.tools.sessions
    add_pending(sessions, 3, due_in=-200)
    let_pass(sessions, 400)
    add_pending(sessions, 2)
    add_created(sessions)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now() WHERE transaction_id = 'ORD-1'")
    knock(sessions, b"{}", b"{}")
    run(sessions, "UPDATE callbacks SET received_at = received_at - interval '42 seconds' WHERE id = 1")
    assert lines(ops)[3:6] == [
        "invoices   5 open: under 5m 3, under 30m 2",
        "           2 overdue, the longest for 10m00s; 1 parked",
        "callbacks  2 unread, the longest for 42s",
    ]


def test_open_cases_are_counted_by_kind(ops):
    [pk] = add_pending(ops.tools.sessions)
    [callback] = knock(ops.tools.sessions, b"{}")
    with transaction(ops.tools.sessions) as step:
        open_cases(
            step.session,
            [
                NewCase(kind=CaseKind.MISMATCH, detail="x", transaction_pk=pk),
                NewCase(kind=CaseKind.CONTRADICTION, detail="x", transaction_pk=pk),
                NewCase(kind=CaseKind.UNREADABLE, detail="x", callback_id=callback),
            ],
        )
    run(ops.tools.sessions, "UPDATE cases SET resolved_at = now() WHERE kind = 'contradiction'")
    assert "cases      mismatch 1, unreadable 1" in lines(ops)


def test_every_lane_of_the_budget_has_its_line(ops):
    ops.fakes.budget.left = 12
    shown = lines(ops)
    assert "budget     50 questions a second" in shown
    assert "           callback  room for    12 now,      0 granted in the last minute" in shown
    assert len([line for line in shown if "room for" in line]) == 5


def test_a_closed_breaker_is_a_word(ops):
    assert lines(ops)[-1] == "breaker    closed"


def test_an_open_breaker_says_since_when_until_when_and_why(ops, redis_url):
    with connect(redis_url) as client:
        breaker = FleetBreaker(FleetStore(Fleet(client), name="us"), probe_life=29)
        breaker.report(Heard(refusals=1, reason="the address is\x1b not allowed"))
        breaker.leave(7)
        ops.desk = Desk(settings=ops.desk.settings, tools=replace(ops.tools, breaker=breaker))
        shown = " ".join(lines(ops)[-3:])
        assert "open since" in shown
        assert "7 questions held back" in shown
        assert "the address is\\x1b not allowed" in shown
        view = ops.document("status")["breaker"]
    assert (view["state"], view["held_back"], view["is_shared"]) == (BreakerState.OPEN, 7, True)


def test_a_machine_is_told_the_same(ops):
    add_pending(ops.tools.sessions, 2, due_in=-90)
    document = ops.document("status")
    assert document["ok"] is True
    assert (document["database"], document["redis"]) == ("", "")
    assert document["books"]["open_by_age"] == [2, 0, 0, 0, 0, 0]
    assert document["books"]["overdue"] == 2
    assert [level["lane"] for level in document["lanes"]] == ["callback", "person", "sweep", "replay", "audit"]


def test_without_the_database_it_says_so_and_tells_the_rest(ops_without_database):
    result = ops_without_database.run("status")
    assert result.exit_code == 1
    assert result.stdout.startswith("database   the database cannot be reached")
    assert "breaker    closed" in result.stdout
    assert "invoices" not in result.stdout
    assert result.stderr == ""


def test_before_the_migrations_it_says_what_to_run(ops, empty_database_url):
    ops.desk = Desk(settings=settings_for(empty_database_url), tools=ops.tools)
    result = ops.run("status")
    assert result.exit_code == 1
    assert "run `reconciler migrate`" in " ".join(result.stdout.split())


def status_of_a_process(database_url, redis_url):
    """The command as it is deployed, with the real tools on these servers."""
    settings = {
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "sim-key",
        "LIGDICASH_API_TOKEN": "sim-token",
        "RECONCILER_API_KEY": API_KEY,
        "CALLBACK_URL": CALLBACK_URL,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "worker.ops", "status"]
    return subprocess.run(
        command, env={"PATH": os.environ["PATH"], **settings}, capture_output=True, text=True, timeout=60, check=False
    )


def test_without_redis_it_says_so_and_tells_the_rest(database_url):
    ended = status_of_a_process(database_url, "redis://127.0.0.1:1/0")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "redis      cannot be reached" in ended.stdout
    assert "invoices   0 open" in ended.stdout
    assert "breaker    unknown: Redis holds it" in ended.stdout


def test_with_both_servers_the_real_tools_agree(database_url, redis_url):
    ended = status_of_a_process(database_url, redis_url)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "queues     callbacks 0, fresh 0, recheck 0, notices 0, control 0" in ended.stdout
    assert "callback  room for   110 now" in ended.stdout
    assert "breaker    closed" in ended.stdout


@pytest.mark.parametrize(
    ("statement", "parameters", "index"),
    [
        (OPEN, {"bounds": BOUNDS, "open": ["created", "pending"]}, "ix_transactions_status_id"),
        (OVERDUE, {}, "ix_transactions_due"),
        (UNREAD, {"received": "received"}, "ix_callbacks_outcome_id"),
        (CASES, {}, "uq_cases_open_transaction"),
        (CASES, {}, "uq_cases_open_callback"),
    ],
)
def test_what_is_settled_is_not_read_however_much_there_is_of_it(sessions, statement, parameters, index):
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = step.session.scalars(text(f"EXPLAIN {statement.text}"), parameters).all()
    assert any(index in line for line in plan), "\n".join(plan)


def test_the_oldest_class_has_no_bound(sessions):
    add_pending(sessions, 2)
    let_pass(sessions, 10**8)
    with transaction(sessions) as step:
        assert books_status(step.session, bounds=BOUNDS).open_by_age == (0, 0, 2)
