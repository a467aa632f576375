"""Replay plans at the command line: what is printed of them, who may run what, and that watching is not working."""

from __future__ import annotations

import itertools
import os
import signal
import threading
import time

import pytest

from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tasks.replay import work_batch
from tests.fakes import completed, pending
from tests.ledger import add_pending, count, run
from tests.plans import DAY, add_failed, all_paid, approve, found, let_wait, pairs

CHOOSE = ("replay", "plan", "--failed", "--since", "2h", "--by", "awa")
REASON = ("--reason", "they were registered late", "--by", "binta")


def prepare(ops, paid=3, strangers=1):
    """Failed callbacks about invoices that are paid, and some about nothing we know."""
    add_failed(ops.tools.sessions, paid + strangers)
    add_pending(ops.tools.sessions, paid)
    all_paid(ops.fakes.gateway, paid)


def drafted(ops, *options):
    return ops.document(*CHOOSE, *options)["plan"]["id"]


def test_a_plan_says_of_each_item_what_would_happen_with_totals_and_minutes(ops):
    prepare(ops)
    said = ops.say(*CHOOSE, "--operator", "11", "--outcome", "orphan", "--ask")
    lines = [line.split() for line in said.splitlines()]
    for words in (
        "chosen by --outcome orphan --failed --operator 11 --since 2h",
        "predicted by asking the gateway",
        "would settle 3 15,000",
        "unmatched 1",
        "all 4 15,000",
        "1 1 ORD-1 would settle 5,000",
        "4 4 unmatched",
    ):
        assert words.split() in lines
    assert "3 questions: about <1 min when nothing else is asked" in said
    assert f"reconciler replay run 1 --hash {found(ops.tools.sessions, 1).hash[:12]} --reason TEXT" in said
    assert count(ops.tools.sessions, "checks") == 0


def test_without_asking_what_only_the_gateway_knows_stays_open(ops):
    prepare(ops)
    said = ops.say(*CHOOSE)
    assert "by the books alone" in said
    assert ["to", "be", "asked", "3"] in [line.split() for line in said.splitlines()]
    assert ops.fakes.gateway.asked == []


def test_a_long_plan_is_told_page_by_page_and_says_so(ops):
    prepare(ops, paid=0, strangers=50)
    said = ops.say(*CHOOSE, "--limit", "7")
    assert "more: reconciler replay show 1 --items --after 7" in said
    page = ops.document("replay", "show", "1", "--items", "--after", "7", "--limit", "40")
    assert [item["position"] for item in page["items"]] == list(range(8, 48))
    assert page["next"] == 47


def test_everything_fits_80_columns(ops):
    ops.say("invoices", "create", "--amount", "700", "--transaction-id", "Z" * 255)
    prepare(ops)
    texts = [ops.say("replay", "plan", "--status", "pending", "--limit", "1000")]
    texts += [ops.say(*CHOOSE, "--ask"), ops.say("replay", "run", "1", "--here", *REASON), ops.say("replay", "list")]
    assert all(len(line) <= 80 for text in texts for line in text.splitlines() if "replay run" not in line)
    assert texts[0].count("Z") == 255


def test_nothing_that_fits_is_nothing_to_run(ops):
    assert ops.say("replay", "plan", "--outcome", "matched") == "nothing fits these filters: there is nothing to run\n"
    assert "was cancelled by" in ops.fault("replay", "run", "1", *REASON)


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("--since", "2h"),
        ("--failed", "--parked"),
        ("--failed", "--since", "1h", "--until", "2h"),
        ("--failed", "--since", "yesterday"),
        ("--failed", "--resume", "1"),
        ("--outcome", "lost"),
    ],
)
def test_filters_that_make_no_sense_are_a_matter_of_usage(ops, argv):
    assert ops.run("replay", "plan", *argv).exit_code == 2
    assert count(ops.tools.sessions, "replay_plans") == 0


def test_a_plan_is_run_and_ends_with_prediction_against_actual(ops):
    prepare(ops)
    drafted(ops, "--ask")
    ops.fakes.gateway.says("token-of-ORD-2", completed(1, "ORD-2"))
    let_wait(ops.tools.sessions)
    said = ops.say("replay", "run", "1", "--here", *REASON)
    lines = [line.split() for line in said.splitlines()]
    for words in (
        "predicted settled mismatch unmatched all",
        "would settle 2 1 . 3",
        "unmatched . . 1 1",
        "all 2 1 1 4",
        "predicted 15,000 XOF, settled 10,000 XOF",
        "1 item came out otherwise",
        "2 2 ORD-2 would settle 5,000 mismatch",
    ):
        assert words.split() in lines
    assert "by binta: they were registered late" in said


def test_a_machine_gets_the_report_as_one_document(ops):
    prepare(ops)
    drafted(ops, "--ask")
    let_wait(ops.tools.sessions)
    report = ops.document("replay", "run", "1", "--here", *REASON)
    assert (report["plan"]["state"], report["plan"]["reason"]) == ("done", "they were registered late")
    assert (report["predicted_amount"], report["settled_amount"], report["differing"]) == (15_000, 15_000, 0)
    assert report["items"] == []


def test_with_a_worker_the_command_only_watches(ops):
    prepare(ops)
    drafted(ops)
    rung = threading.Event()
    ops.fakes.queue.replay_soon = lambda plan_id: rung.set() or bool(plan_id)

    def worker():
        rung.wait(60)
        work_batch(ops.tools, 1)

    at_work = threading.Thread(target=worker)
    at_work.start()
    said = ops.say("replay", "run", "1", *REASON)
    at_work.join()
    assert ["all", "3", "1", "4"] in [line.split() for line in said.splitlines()]


def test_without_a_broker_it_is_worked_here(ops):
    prepare(ops)
    drafted(ops)
    ops.fakes.queue.is_away = True
    done = ops.run("replay", "run", "1", *REASON)
    assert "no broker takes messages: it is worked in this process" in done.stderr
    assert pairs(ops.tools.sessions, 1) == {("to_ask", "settled"): 3, ("unmatched", "unmatched"): 1}


def test_the_second_to_run_a_plan_is_told_and_watches(ops):
    prepare(ops)
    drafted(ops)
    approve(ops.tools, 1)
    done = ops.run("replay", "run", "1", "--here", "--reason", "me too", "--by", "chef")
    assert "plan 1 runs already: started by binta at" in done.stderr
    assert found(ops.tools.sessions, 1).reason == "ORD- were registered late"
    assert found(ops.tools.sessions, 1).state == "done"


@pytest.fixture
def ctrl_c_at_the_third_look(monkeypatch):
    """Somebody watches a plan that nobody works, and presses it between two looks."""
    looks = itertools.count(1)

    class Time:
        monotonic = time.monotonic

        @staticmethod
        def sleep(_seconds):
            if next(looks) == 3:
                os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("worker.ops.replay_watch.time", Time)


@pytest.mark.usefixtures("ctrl_c_at_the_third_look")
def test_somebody_who_stops_watching_leaves_it_running(ops):
    prepare(ops)
    drafted(ops)
    done = ops.run("replay", "run", "1", *REASON)
    assert done.exit_code == 130
    assert "plan 1 goes on running: `reconciler replay run 1` watches again" in done.stderr
    assert found(ops.tools.sessions, 1).state == "running"


@pytest.mark.usefixtures("ctrl_c_at_the_third_look")
def test_a_plan_that_is_held_back_says_by_whom(ops):
    prepare(ops)
    drafted(ops)
    with transaction(ops.tools.sessions) as step:
        switch_off(step.session, Switch.REPLAY, author="chef", reason="the gateway asked us to", length=DAY)
    done = ops.run("replay", "run", "1", *REASON)
    assert "held back: replay is switched off until" in done.stderr
    assert "by chef, the gateway asked us to" in done.stderr
    assert ("to_ask", "settled") not in pairs(ops.tools.sessions, 1)


def test_who_runs_a_plan_says_why_and_may_say_which(ops):
    prepare(ops)
    drafted(ops)
    assert ops.run("replay", "run", "1", "--reason", "  ").exit_code == 2
    assert ops.run("replay", "run", "1", "--hash", "abc", *REASON).exit_code == 2
    assert "has not this hash" in ops.fault("replay", "run", "1", "--hash", "abcdef0", *REASON)
    assert found(ops.tools.sessions, 1).state == "ready"
    ops.say("replay", "run", "1", "--here", "--hash", found(ops.tools.sessions, 1).hash[:6].upper(), *REASON)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("expires_at = clock_timestamp()", "plan 1 expired at"),
        ("state = 'drafting'", "`reconciler replay plan --resume 1` goes on"),
        (
            "state = 'cancelled', cancelled_by = 'chef', cancelled_why = 'no'",
            "was cancelled by chef, no: make a new one",
        ),
        ("state = 'done', run_by = 'x', reason = 'y'", "`reconciler replay show 1` tells what came of it"),
        ("digest = sha256('')", "are not those it was frozen with"),
    ],
)
def test_a_plan_that_cannot_be_run_is_one_sentence(ops, change, words):
    prepare(ops)
    drafted(ops)
    run(ops.tools.sessions, f"UPDATE replay_plans SET {change}")
    assert words in ops.fault("replay", "run", "1", *REASON)


def test_an_unknown_plan_is_one_sentence(ops):
    for argv in (("run", "7", *REASON), ("show", "7"), ("cancel", "7", "--reason", "x"), ("plan", "--resume", "7")):
        assert ops.fault("replay", *argv) == "error: there is no plan 7"


def test_a_plan_is_cancelled_once_with_a_reason(ops):
    prepare(ops)
    drafted(ops)
    assert (
        ops.say("replay", "cancel", "1", "--reason", "wrong day") == "plan 1 is cancelled: 0 of 4 items were worked\n"
    )
    assert "is over already (cancelled)" in ops.fault("replay", "cancel", "1", "--reason", "again")
    assert found(ops.tools.sessions, 1).cancelled_why == "wrong day"


def test_a_draft_that_was_cut_short_is_finished_by_its_number(ops):
    prepare(ops)
    drafted(ops)
    run(ops.tools.sessions, "UPDATE replay_plans SET state = 'drafting', digest = '', drafted_to = 0, items = 0")
    run(ops.tools.sessions, "DELETE FROM replay_items")
    assert ops.document("replay", "plan", "--resume", "1")["plan"]["state"] == "ready"
    assert pairs(ops.tools.sessions, 1) == {("to_ask", ""): 3, ("unmatched", ""): 1}


def test_plans_are_listed_newest_first_with_who_and_why(ops):
    prepare(ops)
    drafted(ops)
    ops.say("replay", "run", "1", "--here", *REASON)
    drafted(ops)
    newest, oldest = (line.split() for line in ops.say("replay", "list").splitlines()[2:4])
    assert (newest[0], newest[3:6]) == ("2", ["ready", "0", "1"])
    assert (oldest[0], oldest[3:6]) == ("1", ["done", "4", "4"])
    assert [plan["id"] for plan in ops.document("replay", "list", "--limit", "1")["items"]] == [2]


def test_a_reason_cannot_steer_the_terminal(ops):
    prepare(ops)
    drafted(ops)
    said = ops.say("replay", "run", "1", "--here", "--reason", "\x1b[2J[red]boo", "--by", "\u202ex")
    for text in (said, ops.say("replay", "list")):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "[red]boo" in text.replace("\n", "").replace(" ", "")


def test_it_speaks_french(ops):
    prepare(ops)
    assert "serait réglée" in ops.say(*CHOOSE, "--ask", "--lang", "fr")
    let_wait(ops.tools.sessions)
    assert "prévu 15\N{NO-BREAK SPACE}000 XOF" in ops.say("replay", "run", "1", "--here", *REASON, "--lang", "fr")
    assert ops.fault("replay", "show", "7", "--lang", "fr") == "erreur : il n'y a pas de plan 7"


def test_a_database_that_is_away_is_one_line(ops_without_database):
    for argv in (("list",), ("show", "1"), ("run", "1", "--reason", "x"), ("plan", "--failed")):
        assert ops_without_database.fault("replay", *argv).startswith("error: the database cannot be reached")


def test_still_pending_is_not_settled(ops):
    prepare(ops)
    ops.fakes.gateway.says("token-of-ORD-1", pending())
    drafted(ops, "--ask")
    let_wait(ops.tools.sessions)
    report = ops.document("replay", "run", "1", "--here", *REASON)
    assert report["settled_amount"] == report["predicted_amount"] == 10_000
