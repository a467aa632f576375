"""Asking the gateway by hand: what came of it is told whole, and the workers' manners are kept."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from config.policy import SPACING
from models.answers import Said
from models.check import Lane
from tasks.confirm import confirm
from tests.fakes import LENGTHS, completed, pending, silence, toolbox
from tests.ledger import add_created, add_pending, begin, count, run, value
from worker.ops.asking import ask_once, ask_patiently


def answer_with(ops, *answers):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", *answers)
    return pk


def hasty(ops):
    """The same tools, for which a question that is under way is over at once."""
    return toolbox(ops.tools.sessions, ops.fakes, lengths=replace(LENGTHS, question=0))


def check(ops, *more):
    return ops.say("invoices", "check", "ORD-1", *more).splitlines()


def test_an_answer_that_decides_nothing_is_told_with_the_next_question(ops):
    answer_with(ops, pending())
    *said, next_question = check(ops)
    assert said == ["answer   still pending (0 ms)", "books    still pending"]
    assert re.fullmatch(r"next     a question, in (\d\.\ds|10s)", next_question)


def test_an_answer_that_settles_says_how_much(ops):
    answer_with(ops, completed(5000, "ORD-1"))
    assert check(ops) == [
        "answer   completed over 5,000 XOF (0 ms)",
        "books    moved from pending to completed, settled 5,000 XOF",
        "next     nothing: this is final",
    ]


def test_the_evidence_names_a_person(ops):
    answer_with(ops, pending())
    check(ops)
    assert value(ops.tools.sessions, "SELECT lane FROM checks") == "person"


def test_an_answer_that_a_person_must_look_at_opens_a_case_and_says_so(ops):
    answer_with(ops, completed(4999, "ORD-1"))
    lines = check(ops)
    assert lines[1] == "books    still pending"
    assert lines[2].startswith("case     mismatch: completed over 4,999 XOF; 5,000 XOF expected.")


def test_a_gateway_that_says_nothing_is_an_answer_too(ops):
    answer_with(ops, silence())
    assert check(ops)[0] == "answer   no answer: no answer (0 ms)"


@pytest.mark.usefixtures("wide_spacing")
def test_a_second_question_within_the_spacing_is_not_asked(ops):
    answer_with(ops, pending())
    check(ops)
    assert "ago; the gateway wants 60 s between two questions" in check(ops)[0]
    assert ops.fakes.gateway.asked == ["token-of-ORD-1"]


@pytest.mark.usefixtures("wide_spacing")
def test_a_machine_is_told_the_same(ops):
    answer_with(ops, pending(), completed(5000, "ORD-1"))
    asked, refused = (ops.document("invoices", "check", "ORD-1") for _ in range(2))
    assert (asked["asked"], asked["check"]["said"], asked["why_not"]) == (True, "pending", "")
    assert (refused["asked"], refused["check"], refused["status"]) == (False, None, "pending")
    assert "60 s between two questions" in refused["why_not"]


def test_a_question_somebody_else_is_asking_is_left_to_them(ops):
    pk = answer_with(ops, pending())
    ops.fakes.locks.others.add(pk)
    assert check(ops)[0] == "not asked: somebody else is asking about it right now"
    assert ops.fakes.gateway.asked == []


def test_an_answer_that_was_not_recorded_is_not_claimed(ops):
    answer_with(ops, pending())

    def break_down(_token):
        raise RuntimeError("a bug")

    ops.fakes.gateway.during_confirm = break_down
    inquiry = ask_once(hasty(ops), "ORD-1")
    assert (inquiry.check, inquiry.why_not) == (
        None,
        "it is being asked about right now, and no answer is recorded yet",
    )


def test_who_insists_waits_until_it_may_be_asked_about(ops):
    pk = answer_with(ops, pending(), completed(5000, "ORD-1"))
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = last_asked_at - interval '2.5 seconds'")
    assert check(ops, "--now")[1] == "books    moved from pending to completed, settled 5,000 XOF"


def test_who_insists_gives_up_in_the_end(ops):
    ops.fakes.locks.others.add(answer_with(ops, pending()))
    soon = replace(LENGTHS, question=0.1 - SPACING)
    inquiry = ask_patiently(toolbox(ops.tools.sessions, ops.fakes, lengths=soon), "ORD-1")
    assert (inquiry.check, inquiry.why_not) == (None, "somebody else is asking about it right now")


@pytest.mark.parametrize("status", ["created", "refused"])
def test_an_invoice_without_a_token_cannot_be_asked_about(ops, status):
    add_created(ops.tools.sessions)
    run(ops.tools.sessions, "UPDATE transactions SET status = :status WHERE status <> :status", status=status)
    line = ops.fault("invoices", "check", "ORD-1")
    assert line == f"error: ORD-1 is {status} and has no token: there is nothing to ask the gateway with"


def test_checking_a_settled_invoice_settles_nothing_more(ops):
    answer_with(ops, completed(5000, "ORD-1"))
    check(ops)
    run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = last_asked_at - interval '1 minute'")
    assert check(ops)[1] == "books    still completed"
    assert count(ops.tools.sessions, "settlements") == 1


@pytest.mark.usefixtures("wide_spacing")
def test_a_question_of_a_worker_that_is_under_way_is_told_as_its_time(ops):
    pk = answer_with(ops, pending())
    begin(ops.tools.sessions, pk)
    assert "ago; the gateway wants" in ask_once(hasty(ops), "ORD-1").why_not


def test_of_two_people_at_once_one_asks_and_the_other_is_told_what_came_of_it(ops):
    answer_with(ops, completed(5000, "ORD-1"))
    second_pressed = threading.Event()
    take = ops.fakes.locks.take

    def take_or_tell(ids):
        held = take(ids)
        if not held.ids:
            second_pressed.set()
        return held

    ops.fakes.locks.take = take_or_tell
    first_asks = threading.Event()
    ops.fakes.gateway.during_confirm = lambda _token: first_asks.set() or second_pressed.wait(timeout=60)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(ask_once, ops.tools, "ORD-1")
        assert first_asks.wait(timeout=60)
        told = check(ops)
        assert first.result(timeout=60).check.said is Said.COMPLETED
    assert told == [
        "not asked: somebody else asked at the same time; the answer was: completed over 5,000 XOF (0 ms)",
        "books    moved from pending to completed, settled 5,000 XOF",
        "next     nothing: this is final",
    ]
    assert len(ops.fakes.gateway.asked) == count(ops.tools.sessions, "settlements") == 1


@pytest.mark.usefixtures("wide_spacing")
def test_who_comes_a_moment_later_is_told_the_answer_too(ops):
    answer_with(ops, completed(5000, "ORD-1"))
    check(ops)
    told = check(ops)
    assert told[0].endswith("between two questions. The answer was: completed over 5,000 XOF (0 ms)")
    assert told[1] == "books    still completed"
