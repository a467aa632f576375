"""Failures around waiting: work that nobody queued, that was queued too early, given up, forgotten, or done twice."""

from __future__ import annotations

import ast
from pathlib import Path

from models.check import Lane
from models.transaction import Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.sweep import sweep
from tests.fakes import completed, silence, toolbox
from tests.ledger import add_pending, cases, claim, count, due_in, knock, let_pass, row, value
from tests.museum.naive import CountedAttempts, looks_back
from worker.ligdicash import wire

ROOT = Path(__file__).parents[2]
PAID = completed(5000, "ORD-1")
HOUR = 3600


def test_06_row_committed_job_never_queued(sessions, fakes, tools):
    """Breeze #4095: a process dies between commit and queueing, and nobody ever looks at the row again.

    Without `next_try_at` in `store_callbacks` and `next_check_at` in NUDGE the row would wait for good.
    """
    [pk] = add_pending(sessions, due_in=HOUR)
    fakes.gateway.says("token-of-ORD-1", PAID)
    knock(sessions, claim("ORD-1"))  # committed; the door died before it rang
    let_pass(sessions, 6)
    assert sweep(tools).callbacks == 1
    intake(tools, fakes.queue.ids_to_read)
    fakes.queue.asked.clear()  # and so did the reader
    let_pass(sessions, 6)
    assert sweep(tools).transactions == 1
    confirm(tools, fakes.queue.ids_to_ask, lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


def test_07_job_queued_before_commit(sessions, fakes, tools):
    """Saleor #17086: the message overtakes the commit, and the worker finds no row.

    With `ask_soon` called in the transaction that reads, the bell would ring before the mark can be seen.
    """
    [pk] = add_pending(sessions)
    seen = []
    ring = fakes.queue.ask_soon

    def rings(ids, *, lane):
        seen.append((row(sessions, pk).nudged_at is not None, value(sessions, "SELECT outcome FROM callbacks")))
        return ring(ids, lane=lane)

    fakes.queue.ask_soon = rings
    intake(tools, knock(sessions, claim("ORD-1")))
    assert seen == [(True, "matched")]


def test_11_outage_burns_the_attempt_budget(sessions, fakes, tools):
    """Kill Bill: questions into an outage count as attempts, and after it nobody asks any more."""
    [pk] = add_pending(sessions, due_in=0)
    fakes.gateway.says("token-of-ORD-1", silence())
    for _ in range(24):
        let_pass(sessions, HOUR)
        sweep(tools)
        confirm(tools, fakes.queue.asked.pop()[0], lane=Lane.SWEEP)
    assert row(sessions, pk).answered == 0
    assert due_in(sessions, pk) <= 600
    fakes.gateway.says("token-of-ORD-1", PAID)
    let_pass(sessions, 600)
    sweep(tools)
    confirm(tools, fakes.queue.asked.pop()[0], lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


def test_11_in_the_naive_design_nobody_asks_after_the_outage():
    naive = CountedAttempts()
    for _ in range(24):
        naive.ask(silence)
    asked = []
    naive.ask(lambda: asked.append("asked") or PAID)
    assert asked == []


class Trap:
    """A reader with a bug that one body brings out."""

    def read_callback(self, content_type, body):
        if b"trap" in body:
            raise ZeroDivisionError
        return wire.read_callback(content_type, body)


def fails():
    raise ZeroDivisionError


def test_12_unexpected_exception_ends_re_checking_for_ever(sessions, fakes):
    """Hyperswitch GLOBAL_ERROR: an exception nobody thought of sets the task to finished, without an outcome or an alert.

    Here a question that breaks stays armed, and a callback that breaks its reader each time ends as a case.
    """
    [pk] = add_pending(sessions, due_in=0)
    tools = toolbox(sessions, fakes, wire=Trap())
    fakes.gateway.during_confirm = lambda _token: fails()
    intake(tools, knock(sessions, b"trap"))
    for _ in range(40):
        let_pass(sessions, 60)
        sweep(tools)
        for ids in fakes.queue.read:
            intake(tools, ids)
        confirm(tools, fakes.queue.ids_to_ask, lane=Lane.SWEEP)
        fakes.queue.read.clear()
        fakes.queue.asked.clear()
    assert cases(sessions) == ["unreadable"]
    assert due_in(sessions, pk) is not None
    fakes.gateway.during_confirm = lambda _token: None
    fakes.gateway.says("token-of-ORD-1", PAID)
    let_pass(sessions, 60)
    sweep(tools)
    confirm(tools, fakes.queue.ids_to_ask, lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.COMPLETED


def test_12_in_the_naive_design_one_exception_ends_it():
    naive = CountedAttempts()
    naive.ask(fails)
    assert naive.left == 0


def test_13_scheduler_down_longer_than_its_look_back_window(sessions, tools):
    """Hyperswitch, 1800 s: what fell due while the scheduler was down longer than its window is never found."""
    add_pending(sessions, 30, due_in=60)
    knock(sessions, *[claim(f"ORD-{n}") for n in range(1, 11)])
    let_pass(sessions, 6 * HOUR)
    found = sweep(tools)
    assert (found.callbacks, found.transactions) == (10, 30)


def test_13_in_the_naive_design_what_is_older_than_the_window_is_never_found():
    assert looks_back([60, 1799, 6 * HOUR]) == [60, 1799]


def waits_in_the_broker(tree: ast.AST) -> list[str]:
    """Names in this source that make a message wait in the broker instead of in a row."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    options = [keyword.arg for call in calls for keyword in call.keywords if keyword.arg in ("countdown", "eta")]
    retries = [call.func.attr for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "retry"]
    return options + retries


def test_14_eta_beyond_visibility_timeout_duplicates(sessions, fakes, tools):
    """Celery #2481: a message that waits longer than the visibility timeout is delivered again, and runs twice.

    Nothing of ours waits in the broker, and a message delivered twice has one effect.
    """
    sources = [path for room in ("config", "models", "tasks", "worker") for path in (ROOT / room).rglob("*.py")]
    waiting = {str(path): found for path in sources if (found := waits_in_the_broker(ast.parse(path.read_text())))}
    assert waiting == {}
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", PAID)
    intake(tools, knock(sessions, claim("ORD-1")))
    for _ in range(3):
        confirm(tools, fakes.queue.asked[0][0], lane=Lane.CALLBACK)
        let_pass(sessions, 60)
    assert row(sessions, pk).asked == 1
    assert count(sessions, "settlements") == count(sessions, "notices") == 1


def test_14_in_the_naive_design_a_delayed_message_is_found_in_the_source():
    assert waits_in_the_broker(ast.parse("ask.apply_async([1], countdown=7200)\nself.retry()")) == [
        "countdown",
        "retry",
    ]
