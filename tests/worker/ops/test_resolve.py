"""Ending and deciding cases at the command line: the gateway first, then a person's word, and never without a name."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from models.case import CaseKind
from models.queries import stops
from models.queries.cases import Signature
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.stop import Switch
from models.transaction import Status
from tasks.intake import intake
from tasks.record import record
from tests.fakes import completed, notcompleted, pending, silence
from tests.ledger import LANE, add_created, add_pending, all_at_once, answered, cases, claim, count, knock, row, run
from worker.ops.deciding import End, Wanted, decide_all, end_plainly
from worker.ops.deciding_view import print_decision

AWA = Signature(author="awa", reason="delivered")
ISSA = Signature(author="issa", reason="refunded")
BY = ("--reason", "seen in the dashboard", "--by", "awa")


def matter(ops, kind, *pks):
    """A case of this kind about each."""
    with transaction(ops.tools.sessions) as step:
        open_cases(step.session, [NewCase(kind=kind, detail="", transaction_pk=pk) for pk in pks])


@pytest.fixture
def parked(ops):
    """ORD-1 over 5,000, pending, with the open case 1."""
    [pk] = add_pending(ops.tools.sessions)
    matter(ops, CaseKind.PARKED, pk)
    return ops


@pytest.fixture
def mismatch(ops):
    """ORD-1 over 5,000, of which the gateway says that 4,000 were paid."""
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", completed(4000, "ORD-1"))
    record(ops.tools, [answered(ops.tools.sessions, pk, completed(4000, "ORD-1"))], lane=LANE)
    run(ops.tools.sessions, "UPDATE transactions SET last_asked_at = NULL")
    return ops


def status(ops, pk=1):
    return row(ops.tools.sessions, pk).status


def fails(ops, *argv):
    """Run a command that leaves with 1; what it said on stdout."""
    result = ops.run("cases", "resolve", *argv)
    assert (result.exit_code, result.stderr) == (1, ""), result.output
    return result.stdout


def endings(ops):
    return run(
        ops.tools.sessions, "SELECT id, resolved_by, resolution FROM cases WHERE resolved_at IS NOT NULL ORDER BY 1"
    )


# -- only the case ---------------------------------------------------------------------------------------------------


def test_a_case_ends_with_a_name_and_a_reason(ops):
    matter(ops, CaseKind.LATE_SUCCESS, *add_pending(ops.tools.sessions, 2))
    said = ops.say("cases", "resolve", "1", "2", *BY)
    assert said == "case 1: ended; nothing else was changed\ncase 2: ended; nothing else was changed\n"
    assert endings(ops) == [(1, "awa", "seen in the dashboard"), (2, "awa", "seen in the dashboard")]
    assert ops.fakes.gateway.asked == []


@pytest.mark.parametrize("reason", ["", "   ", "two\nlines", "\x1b[2J"])
def test_a_reason_says_something_that_can_be_read(parked, reason):
    assert "--reason needs words" in parked.fault("cases", "resolve", "1", "--reason", reason, "--by", "awa")
    assert "--by needs words" in parked.fault("cases", "resolve", "1", "--reason", "x", "--by", reason)


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("1", "--kind", "orphan"),
        ("1", "--override"),
        ("1", "--amount", "5"),
        ("1", "--as", "notcompleted", "--amount", "5"),
        ("1", "--yes"),
        ("1", "--older-than", "1d"),
        ("--kind", "parked", "--as", "notcompleted"),
        ("1", "--as", "pending"),
        ("1", "--as", "completed", "--amount", "0"),
    ],
)
def test_options_that_do_not_go_together_are_a_matter_of_usage(parked, argv):
    assert parked.run("cases", "resolve", *argv, *BY).exit_code == 2
    assert cases(parked.tools.sessions) == ["parked"]


def test_with_one_unknown_id_none_is_ended(ops):
    matter(ops, CaseKind.LATE_SUCCESS, *add_pending(ops.tools.sessions))
    assert ops.fault("cases", "resolve", "1", "8", "9", *BY) == "error: there is no case 8, 9; nothing was changed"
    assert ops.fault("cases", "resolve", "1", "8", "--as", "completed", *BY).endswith("nothing was changed")
    assert cases(ops.tools.sessions) == ["late_success"]


def test_a_case_that_keeps_an_open_invoice_in_view_stays_and_says_what_to_do(mismatch):
    said = fails(mismatch, "1", *BY)
    assert said.startswith("case 1: ORD-1 is pending, and nobody would look after it any more; say what became of it: ")
    assert 'reconciler cases resolve 1 --as completed --amount 4000 --override --reason "..."' in said


def told(capsys, decisions):
    """What a person who got these is told."""
    capsys.readouterr()
    for decision in decisions:
        print_decision(decision)
    return capsys.readouterr().out


def test_who_comes_second_is_told_by_whom_it_was_ended_and_why(ops, capsys):
    matter(ops, CaseKind.LATE_SUCCESS, *add_pending(ops.tools.sessions))
    both = all_at_once(*(partial(end_plainly, ops.tools, [1], by) for by in (AWA, ISSA)))
    [(_, author, reason)] = endings(ops)
    assert sorted(decision.end for [decision] in both) == [End.ENDED, End.TOO_LATE]
    [late] = [decisions for decisions in both if not decisions[0].is_done]
    said = told(capsys, late)
    assert said.startswith(f"case 1: {author} ended it ")
    assert said.endswith(f" ago: {reason}\n")


# -- the gateway first -----------------------------------------------------------------------------------------------


def test_an_answer_that_agrees_settles_by_evidence_and_the_case_ends_with_the_reason(parked):
    parked.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    assert parked.say("cases", "resolve", "1", "--as", "completed", *BY).splitlines() == [
        "the gateway says: completed over 5,000 XOF (0 ms)",
        "case 1: the books agree: ORD-1 is completed, settled 5,000 XOF; ended",
    ]
    assert endings(parked) == [(1, "awa", "seen in the dashboard")]
    assert run(parked.tools.sessions, "SELECT lane FROM checks") == [("person",)]
    assert count(parked.tools.sessions, "overrides") == 0


def test_an_answer_that_agrees_needs_no_override_even_if_it_is_given(parked):
    parked.fakes.gateway.says("token-of-ORD-1", notcompleted())
    parked.say("cases", "resolve", "1", "--as", "notcompleted", "--override", *BY)
    assert (status(parked), count(parked.tools.sessions, "overrides")) == ("notcompleted", 0)


@pytest.mark.parametrize("answer", [pending(), completed(4000, "ORD-1"), completed(5000, "ORD-2"), silence()])
def test_an_answer_that_does_not_agree_changes_nothing(parked, answer):
    parked.fakes.gateway.says("token-of-ORD-1", answer)
    said = fails(parked, "1", "--as", "completed", "--amount", "5000", *BY)
    assert said.startswith("the gateway says: ")
    assert said.endswith("nothing was changed: the gateway does not say so; --override does it in your name\n")
    assert (status(parked), endings(parked)) == ("pending", [])


def test_an_answer_that_says_the_opposite_is_acted_upon_and_told(parked):
    parked.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    said = fails(parked, "1", "--as", "notcompleted", "--override", *BY)
    assert said.endswith("case 1: not done: by now ORD-1 is completed, settled 5,000 XOF\n")
    assert (status(parked), count(parked.tools.sessions, "overrides")) == ("completed", 0)
    assert endings(parked) == [(1, "", "the gateway gave a final answer")]


def test_what_the_books_say_already_needs_no_question(ops):
    matter(ops, CaseKind.CONTRADICTION, *add_pending(ops.tools.sessions))
    record(ops.tools, [answered(ops.tools.sessions, 1, completed(5000, "ORD-1"))], lane=LANE)
    assert ops.say("cases", "resolve", "1", "--as", "completed", *BY) == "case 1: ended; nothing else was changed\n"
    assert ops.fakes.gateway.asked == []


def test_what_is_settled_over_another_sum_is_not_called_right(parked):
    parked.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    said = parked.fault("cases", "resolve", "1", "--as", "completed", "--amount", "4000", "--override", *BY)
    assert said.startswith("error: ORD-1 is settled over 5,000 XOF, not over 4,000 XOF, and a settlement is final")


def test_while_no_question_can_go_out_it_says_so(parked):
    parked.fakes.breaker.wait = 30
    assert parked.fault("cases", "resolve", "1", "--as", "completed", *BY) == "error: the gateway is not asked for now"


# -- and then the person ---------------------------------------------------------------------------------------------


def test_an_override_settles_what_was_really_received(mismatch):
    said = mismatch.say("cases", "resolve", "1", "--as", "completed", "--amount", "4000", "--override", *BY)
    assert said.splitlines()[1] == "case 1: changed by hand, override 1: ORD-1 is completed, settled 4,000 XOF; ended"
    assert endings(mismatch) == [(1, "awa", "seen in the dashboard")]
    assert "by hand, override 1" in " ".join(mismatch.say("invoices", "show", "ORD-1").split())


def test_an_override_over_an_amount_that_is_not_plain_asks_for_it(mismatch):
    said = mismatch.fault("cases", "resolve", "1", "--as", "completed", "--override", *BY)
    assert said == (
        "error: the gateway says that 4,000 XOF were paid, and the invoice is over 5,000 XOF: say with --amount what was"
        " really received"
    )
    assert count(mismatch.tools.sessions, "overrides") == 0


def test_an_override_without_an_amount_means_the_invoices(parked):
    parked.fakes.gateway.says("token-of-ORD-1", pending())
    parked.say("cases", "resolve", "1", "--as", "completed", "--override", *BY)
    assert run(parked.tools.sessions, "SELECT amount, override_id FROM settlements") == [(5000, 1)]


def test_an_override_can_be_made_while_no_question_can_go_out(parked):
    parked.fakes.breaker.wait = 30
    said = parked.say("cases", "resolve", "1", "--as", "notcompleted", "--override", *BY)
    assert said.splitlines() == [
        "not asked: the gateway is not asked for now",
        "case 1: changed by hand, override 1: ORD-1 is notcompleted; ended",
    ]


def test_a_hole_is_closed_without_a_question_and_only_by_override(ops):
    matter(ops, CaseKind.TOKEN_LOST, *add_created(ops.tools.sessions))
    assert "there is no fresh answer of the gateway" in fails(ops, "1", "--as", "refused", *BY)
    ops.say("cases", "resolve", "1", "--as", "refused", "--override", *BY)
    assert (status(ops), ops.fakes.gateway.asked) == ("refused", [])


def settling_is_off(ops):
    with transaction(ops.tools.sessions) as step:
        stops.switch_off(step.session, Switch.SETTLE, author="issa", reason="odd answers", length=timedelta(hours=1))


@pytest.mark.parametrize("became", ["completed", "notcompleted"])
@pytest.mark.parametrize("answer", [completed(5000, "ORD-1"), notcompleted()])
def test_what_the_gateway_says_and_a_stop_holds_back_is_not_decided_by_hand_either(parked, became, answer):
    settling_is_off(parked)
    parked.fakes.gateway.says("token-of-ORD-1", answer)
    said = fails(parked, "1", "--as", became, "--override", *BY)
    assert "nothing was changed: the gateway's last answer decides it, and is held back. settle is off until " in said
    assert said.endswith(" UTC, by issa: odd answers\n")
    assert (status(parked), count(parked.tools.sessions, "overrides"), endings(parked)) == ("pending", 0, [])
    parked.fakes.breaker.wait = 30
    assert "is held back" in fails(parked, "1", "--as", became, "--override", *BY)


def test_an_override_where_nothing_is_held_back_is_made_and_the_stop_is_told(parked):
    settling_is_off(parked)
    parked.fakes.gateway.says("token-of-ORD-1", pending())
    said = parked.say("cases", "resolve", "1", "--as", "notcompleted", "--override", *BY)
    assert said.splitlines()[2].startswith("settle is off until ")
    assert said.endswith("That holds back the gateway's answers, and not what you answer for.\n")
    assert status(parked) == "notcompleted"


def impossible(ops, number, became):
    return ops.fault("cases", "resolve", str(number), "--as", became, "--override", *BY)


def test_what_is_settled_is_not_taken_back_by_any_override(ops):
    matter(ops, CaseKind.CONTRADICTION, *add_pending(ops.tools.sessions))
    record(ops.tools, [answered(ops.tools.sessions, 1, completed(5000, "ORD-1"))], lane=LANE)
    assert "what is settled stays settled" in impossible(ops, 1, "notcompleted")
    assert "what is settled stays settled" in impossible(ops, 1, "refused")
    assert ops.fakes.gateway.asked == []


def test_other_changes_that_cannot_be_are_refused_with_what_can(ops):
    hole, _, closed = (*add_created(ops.tools.sessions), *add_pending_after(ops), 3)
    matter(ops, CaseKind.TOKEN_LOST, hole)
    matter(ops, CaseKind.PARKED, 2)
    matter(ops, CaseKind.CONTRADICTION, closed)
    record(ops.tools, [answered(ops.tools.sessions, closed, notcompleted())], lane=LANE)
    assert "--as refused closes it" in impossible(ops, 1, "completed")
    assert "--as completed or --as notcompleted" in impossible(ops, 2, "refused")
    assert "it can become completed, or stay so" in impossible(ops, 3, "refused")
    intake(ops.tools, knock(ops.tools.sessions, claim(None)))
    assert "case 4 is about no invoice" in impossible(ops, 4, "completed")


def add_pending_after(ops):
    """ORD-2 and ORD-3, while ORD-1 stays a hole."""
    run(ops.tools.sessions, "UPDATE transactions SET token = 'kept apart'")
    pks = add_pending(ops.tools.sessions, 2)
    run(ops.tools.sessions, "UPDATE transactions SET token = NULL WHERE id = 1")
    return pks[:1]


def test_of_several_cases_each_is_told_and_one_that_cannot_be_keeps_back_no_other(ops):
    pks = add_pending(ops.tools.sessions, 2)
    matter(ops, CaseKind.PARKED, *pks)
    matter(ops, CaseKind.TOKEN_REFUSED, pks[1])
    record(ops.tools, [answered(ops.tools.sessions, pks[0], completed(5000, "ORD-1"))], lane=LANE)
    run(ops.tools.sessions, "UPDATE cases SET resolved_at = NULL WHERE id = 1")
    said = fails(ops, "1", "2", "3", "--as", "notcompleted", "--override", *BY).splitlines()
    assert said[0].startswith("case 1: left as it was: ORD-1 is completed, and what is settled stays settled")
    assert said[2] == "case 2: changed by hand, override 1: ORD-2 is notcompleted; ended"
    assert said[3].startswith("case 3: it ended by itself ")
    assert said[3].endswith(" ago: decided by hand: override 1")


def test_of_two_persons_who_override_at_once_the_second_is_told_who_was_first(parked, capsys):
    parked.fakes.breaker.wait = 30
    wishes = [
        Wanted(status=Status.COMPLETED, amount=None, override=True, by=AWA),
        Wanted(status=Status.NOTCOMPLETED, amount=None, override=True, by=ISSA),
    ]
    both = all_at_once(*(partial(decide_all, parked.tools, [1], wanted) for wanted in wishes))
    [(author, new)] = run(parked.tools.sessions, "SELECT author, new_status FROM overrides")
    assert status(parked) == new
    assert sorted(decision.is_done for [decision] in both) == [False, True]
    [late] = [decisions for decisions in both if not decisions[0].is_done]
    assert f"case 1: {author} ended it " in told(capsys, late)


def test_who_is_overtaken_while_the_gateway_is_asked_is_told_by_whom(parked, capsys):
    quicker = Wanted(status=Status.NOTCOMPLETED, amount=None, override=True, by=ISSA)
    parked.fakes.gateway.during_confirm = lambda _token: decide_all(parked.tools, [1], quicker)
    late = decide_all(parked.tools, [1], Wanted(status=Status.COMPLETED, amount=None, override=True, by=AWA))
    assert status(parked) == "notcompleted"
    assert f"case 1: {ISSA.author} ended it " in told(capsys, late)


def test_a_machine_gets_what_came_of_each(mismatch):
    argv = ("cases", "resolve", "1", "--as", "completed", "--amount", "4000", *BY)
    result = mismatch.run(*argv, "--json")
    assert result.exit_code == 1
    assert '"outcome": "disagreed"' in result.stdout
    [done] = mismatch.document(*argv, "--override")
    assert (done["outcome"], done["override"], done["settled_amount"]) == ("overridden", 1, 4000)
    assert (done["check"]["amount"], done["resolved_by"]) == (4000, "awa")


# -- many at once ----------------------------------------------------------------------------------------------------


def test_a_whole_kind_is_counted_first_and_ended_only_when_told_to(ops):
    intake(ops.tools, knock(ops.tools.sessions, *[claim(None)] * 3))
    argv = ("cases", "resolve", "--kind", "orphan", *BY)
    counted = ops.say(*argv)
    assert counted.startswith("3 open cases of kind orphan, opened up to ")
    assert counted.endswith("nothing was changed; --yes ends them\n")
    assert len(cases(ops.tools.sessions)) == 3
    assert ops.say(*argv, "--older-than", "1d", "--yes").endswith("ended 0 cases\n")
    assert ops.say(*argv, "--yes").endswith("ended 3 cases\n")
    assert cases(ops.tools.sessions) == []


def test_of_a_kind_those_that_keep_an_open_invoice_in_view_are_counted_apart(parked):
    said = parked.say("cases", "resolve", "--kind", "parked", *BY, "--yes")
    assert said.splitlines()[1] == "1 more keeps an open payment in view and has to be decided by itself"
    assert said.splitlines()[2] == "ended 0 cases"
    document = parked.document("cases", "resolve", "--kind", "parked", *BY)
    assert (document["open"]["held_open"], document["ended"], document["is_done"]) == (1, 0, False)


def test_a_database_that_is_away_is_one_line(ops_without_database):
    for argv in (("list",), ("show", "1"), ("resolve", "1", *BY)):
        assert ops_without_database.fault("cases", *argv).startswith("error: the database cannot be reached")
