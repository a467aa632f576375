"""Ending cases and changing a status by hand: all of it or nothing, once, and never against what is settled."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import func, select

from models.case import Case, CaseKind
from models.queries import stops
from models.queries.cases import Signature, count_old, find_cases
from models.queries.ledger import endings
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.stop import Switch
from models.transaction import Status
from tasks.cases import AT_A_TIME, ByHand, end, end_old, override
from tasks.intake import intake
from tasks.record import record
from tasks.watch import fsck
from tests.fakes import completed, notcompleted, pending
from tests.ledger import (
    LANE,
    add_created,
    add_pending,
    all_at_once,
    answered,
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

AWA = Signature(author="awa", reason="seen in the dashboard")
ISSA = Signature(author="issa", reason="the customer called")


def case_of(tools, pk, kind=CaseKind.PARKED):
    """A case about this transaction, opened now."""
    with transaction(tools.sessions) as step:
        open_cases(step.session, [NewCase(kind=kind, detail="", transaction_pk=pk)])
        [number] = step.session.scalars(select(func.max(Case.id)))
        [found] = find_cases(step.session, [number])
    return found


def by_hand(tools, pk, new, amount=0, *, by=AWA):
    """Decide a new case about it so."""
    return override(tools, ByHand(case=case_of(tools, pk), new=new, amount=amount), by)


def ask_again(tools, pk, answer):
    """An answer to a question that is asked now."""
    run(tools.sessions, "UPDATE transactions SET last_asked_at = NULL WHERE id = :pk", pk=pk)
    record(tools, [answered(tools.sessions, pk, answer)], lane=LANE)


def sound(tools):
    return [str(violation) for violation in fsck(tools.sessions)] == []


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_completed_by_hand_is_settled_told_and_signed_in_one_step(tools):
    [pk] = add_pending(tools.sessions)
    made = by_hand(tools, pk, Status.COMPLETED, 4000)
    assert row(tools.sessions, pk).status == Status.COMPLETED
    assert run(tools.sessions, "SELECT transaction_pk, check_id, override_id, amount, account FROM settlements") == [
        (pk, None, made, 4000, "default")
    ]
    assert run(tools.sessions, "SELECT seq, transaction_pk, kind FROM notices") == [(1, pk, "completed")]
    assert run(tools.sessions, "SELECT old_status, new_status, amount, author, reason FROM overrides") == [
        ("pending", "completed", 4000, "awa", "seen in the dashboard")
    ]
    assert run(tools.sessions, "SELECT resolution, resolved_by FROM cases") == [("seen in the dashboard", "awa")]
    assert sound(tools)


def test_notcompleted_by_hand_is_told_and_settles_nothing(tools):
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.NOTCOMPLETED)
    assert (row(tools.sessions, pk).status, due_in(tools.sessions, pk)) == (Status.NOTCOMPLETED, None)
    assert run(tools.sessions, "SELECT kind FROM notices") == [("notcompleted",)]
    assert count(tools.sessions, "settlements") == 0
    assert sound(tools)


def test_what_is_closed_by_hand_against_an_answer_that_was_held_back_is_asked_about_again(tools):
    [pk] = add_pending(tools.sessions)
    with transaction(tools.sessions) as step:
        stops.switch_off(step.session, Switch.SETTLE, author="awa", reason="x", length=timedelta(hours=1))
    ask_again(tools, pk, completed(5000, "ORD-1"))
    with transaction(tools.sessions) as step:
        stops.switch_on(step.session, Switch.SETTLE, author="awa")
    by_hand(tools, pk, Status.NOTCOMPLETED)
    assert due_in(tools.sessions, pk) is not None
    ask_again(tools, pk, completed(5000, "ORD-1"))
    assert (row(tools.sessions, pk).status, cases(tools.sessions)) == (Status.COMPLETED, ["late_success"])


def test_who_decides_anew_has_an_answer_that_contradicts_only_the_first_decision_behind_them(tools):
    """Nobody has a case to end about it."""
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.NOTCOMPLETED)
    run(tools.sessions, "UPDATE transactions SET last_asked_at = NULL")
    under_way = answered(tools.sessions, pk, completed(5000, "ORD-1"))
    by_hand(tools, pk, Status.COMPLETED, 5000)
    record(tools, [under_way], lane=LANE)
    assert cases(tools.sessions) == []
    assert sound(tools)


@pytest.mark.parametrize("again", [None, 5000])
def test_once_the_case_about_it_is_over_further_answers_that_agree_with_the_books_say_nothing_against_an_override(
    tools, again
):
    """Whether an answer or a person settled what was closed by hand."""
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.NOTCOMPLETED)
    if again:
        by_hand(tools, pk, Status.COMPLETED, again)
    else:
        ask_again(tools, pk, completed(5000, "ORD-1"))
        assert not sound(tools)
        end(tools, [value(tools.sessions, "SELECT id FROM cases WHERE kind = 'late_success'")], AWA)
    assert sound(tools)
    ask_again(tools, pk, completed(5000, "ORD-1"))
    assert sound(tools)


def test_an_answer_that_was_held_back_and_taken_back_contradicts_no_override(tools):
    """It opened no case that anybody could end."""
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.NOTCOMPLETED)
    with transaction(tools.sessions) as step:
        stops.switch_off(step.session, Switch.SETTLE, author="awa", reason="x", length=timedelta(hours=1))
    ask_again(tools, pk, completed(5000, "ORD-1"))
    with transaction(tools.sessions) as step:
        stops.switch_on(step.session, Switch.SETTLE, author="awa")
    ask_again(tools, pk, notcompleted())
    assert cases(tools.sessions) == []
    assert sound(tools)


def test_a_hole_closed_by_hand_is_told_to_nobody_and_can_be_ordered_again(tools):
    [pk] = add_created(tools.sessions)
    by_hand(tools, pk, Status.REFUSED)
    hole = row(tools.sessions, pk)
    assert (hole.status, hole.refusal, hole.next_check_at, hole.final_at) == ("refused", AWA.reason, None, None)
    assert count(tools.sessions, "notices") == 0
    assert sound(tools)


def test_what_was_closed_can_be_completed_by_hand(tools):
    [pk] = add_pending(tools.sessions)
    ask_again(tools, pk, notcompleted())
    by_hand(tools, pk, Status.COMPLETED, 5000)
    assert run(tools.sessions, "SELECT kind FROM notices ORDER BY seq") == [("notcompleted",), ("completed",)]
    assert sound(tools)


def test_other_cases_that_only_said_that_nothing_is_known_end_by_themselves(tools):
    [pk] = add_pending(tools.sessions)
    case_of(tools, pk, CaseKind.TOKEN_REFUSED)
    by_hand(tools, pk, Status.COMPLETED, 5000)
    [(resolution, author)] = run(
        tools.sessions, "SELECT resolution, resolved_by FROM cases WHERE kind = 'token_refused'"
    )
    assert (resolution, author) == ("decided by hand: override 1", "")


def test_a_status_that_moved_meanwhile_is_not_changed_and_nothing_else_is(tools):
    [pk] = add_pending(tools.sessions)
    seen = case_of(tools, pk, CaseKind.MISMATCH)
    ask_again(tools, pk, completed(5000, "ORD-1"))
    assert override(tools, ByHand(case=seen, new=Status.NOTCOMPLETED, amount=0), AWA) is None
    assert (count(tools.sessions, "overrides"), cases(tools.sessions)) == (0, ["mismatch"])
    assert row(tools.sessions, pk).status == Status.COMPLETED


def test_a_case_that_is_over_decides_nothing(tools):
    [pk] = add_pending(tools.sessions)
    seen = case_of(tools, pk)
    run(tools.sessions, "UPDATE cases SET resolved_at = now(), resolution = 'x', resolved_by = 'issa'")
    assert override(tools, ByHand(case=seen, new=Status.NOTCOMPLETED, amount=0), AWA) is None
    assert (count(tools.sessions, "overrides"), row(tools.sessions, pk).status) == (0, Status.PENDING)


@pytest.mark.parametrize("other", [(Status.COMPLETED, 5000), (Status.NOTCOMPLETED, 0)])
def test_of_two_persons_who_decide_at_once_one_does(tools, other):
    for pk in add_pending(tools.sessions, 4):
        seen = case_of(tools, pk)
        first = ByHand(case=seen, new=Status.COMPLETED, amount=5000)
        second = ByHand(case=seen, new=other[0], amount=other[1])
        made = all_at_once(partial(override, tools, first, AWA), partial(override, tools, second, ISSA))
        assert made.count(None) == 1
        [(new, author)] = run(
            tools.sessions, "SELECT new_status, author FROM overrides WHERE transaction_pk = :pk", pk=pk
        )
        assert run(tools.sessions, "SELECT resolved_by FROM cases WHERE transaction_pk = :pk", pk=pk) == [(author,)]
        assert row(tools.sessions, pk).status == new
    assert sound(tools)


def test_an_answer_and_a_person_at_once_settle_once(tools):
    for number, pk in enumerate(add_pending(tools.sessions, 4), start=1):
        seen = case_of(tools, pk)
        paid = answered(tools.sessions, pk, completed(5000, f"ORD-{number}"))
        all_at_once(
            partial(record, tools, [paid], lane=LANE),
            partial(override, tools, ByHand(case=seen, new=Status.COMPLETED, amount=5000), AWA),
        )
    assert (count(tools.sessions, "settlements"), count(tools.sessions, "notices")) == (4, 4)
    assert sound(tools)


# -- and afterwards --------------------------------------------------------------------------------------------------


def test_an_answer_asked_before_says_no_more_against_it(tools):
    [pk] = add_pending(tools.sessions)
    old = answered(tools.sessions, pk, notcompleted())
    by_hand(tools, pk, Status.COMPLETED, 5000)
    record(tools, [old], lane=LANE)
    assert (row(tools.sessions, pk).status, cases(tools.sessions)) == (Status.COMPLETED, [])
    assert sound(tools)


def test_money_that_an_older_answer_speaks_of_is_asked_about_again(tools):
    [pk] = add_pending(tools.sessions)
    old = answered(tools.sessions, pk, completed(5000, "ORD-1"))
    by_hand(tools, pk, Status.NOTCOMPLETED)
    record(tools, [old], lane=LANE)
    assert (row(tools.sessions, pk).status, cases(tools.sessions)) == (Status.NOTCOMPLETED, ["contradiction"])
    assert due_in(tools.sessions, pk) is not None


@pytest.mark.parametrize("said", [notcompleted(), pending(), completed(5000, "ORD-1"), completed(4000, "ORD-2")])
def test_a_later_answer_that_takes_it_back_moves_nothing_has_a_case_and_is_named_by_fsck(tools, said):
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.COMPLETED, 4000)
    ask_again(tools, pk, said)
    assert (row(tools.sessions, pk).status, cases(tools.sessions)) == (Status.COMPLETED, ["contradiction"])
    assert value(tools.sessions, "SELECT amount FROM settlements") == 4000
    assert [violation.rule for violation in fsck(tools.sessions)] == ["override_contradicted"]
    [number] = [n for (n,) in run(tools.sessions, "SELECT id FROM cases WHERE resolved_at IS NULL ORDER BY id")]
    end(tools, [number], ISSA)
    assert sound(tools)


def test_a_later_answer_over_what_was_received_agrees(tools):
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.COMPLETED, 4000)
    ask_again(tools, pk, completed(4000, "ORD-1"))
    assert cases(tools.sessions) == []
    assert sound(tools)


def test_money_that_comes_after_it_was_closed_by_hand_is_settled_and_flagged(tools):
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.NOTCOMPLETED)
    ask_again(tools, pk, completed(5000, "ORD-1"))
    assert (row(tools.sessions, pk).status, cases(tools.sessions)) == (Status.COMPLETED, ["late_success"])
    assert [violation.rule for violation in fsck(tools.sessions)] == ["override_contradicted"]
    end(tools, [2], ISSA)
    assert sound(tools)


def test_a_callback_that_nobody_was_asked_about_yet_is_not_dropped_by_closing_by_hand(tools):
    [pk] = add_pending(tools.sessions)
    ask_again(tools, pk, pending())
    intake(tools, knock(tools.sessions, claim("ORD-1")))
    by_hand(tools, pk, Status.NOTCOMPLETED)
    assert due_in(tools.sessions, pk) < 10
    let_pass(tools.sessions, 60)
    ask_again(tools, pk, completed(5000, "ORD-1"))
    assert row(tools.sessions, pk).status == Status.COMPLETED


# -- ending ----------------------------------------------------------------------------------------------------------


def test_of_two_persons_who_end_a_case_at_once_one_does(tools):
    pks = add_pending(tools.sessions, 6)
    numbers = [case_of(tools, pk, CaseKind.CONTRADICTION).id for pk in pks]
    ended = all_at_once(lambda: end(tools, numbers, AWA), lambda: end(tools, numbers[::-1], ISSA))
    assert sorted([*ended[0], *ended[1]]) == numbers
    signed = dict(run(tools.sessions, "SELECT id, resolved_by FROM cases"))
    assert {n for n, author in signed.items() if author == "awa"} == ended[0]


@pytest.mark.parametrize("kind", [CaseKind.MISMATCH, CaseKind.PARKED, CaseKind.TOKEN_REFUSED])
def test_a_case_that_keeps_an_open_invoice_in_view_stays(tools, kind):
    [pk] = add_pending(tools.sessions)
    assert end(tools, [case_of(tools, pk, kind).id], AWA) == set()
    assert cases(tools.sessions) == [kind]


def test_a_case_that_the_persons_own_question_ended_takes_their_words(tools):
    [pk] = add_pending(tools.sessions)
    seen = case_of(tools, pk)
    ask_again(tools, pk, notcompleted())
    assert end(tools, [seen.id], AWA) == set()
    assert end(tools, [seen.id], AWA, since=seen.now) == {seen.id}
    assert end(tools, [seen.id], ISSA, since=seen.now) == set()
    assert run(tools.sessions, "SELECT resolution, resolved_by FROM cases") == [(AWA.reason, "awa")]


FLOOD = """
    INSERT INTO cases (kind, callback_id, detail, opened_at)
    SELECT 'orphan', c.id, 'x', now() - interval '2 days' FROM callbacks c
"""


def flood(tools, size):
    run(
        tools.sessions,
        """INSERT INTO callbacks (body, content_type, headers, source, digest, outcome)
           SELECT '', '', '{}', '203.0.113.7', '', 'orphan' FROM generate_series(1, CAST(:size AS int))""",
        size=size,
    )
    run(tools.sessions, FLOOD)


def old_ones(tools, kind=CaseKind.ORPHAN, *, days=1):
    with transaction(tools.sessions) as step:
        return count_old(step.session, kind, older_than=timedelta(days=days))


def test_a_flood_is_ended_whole_and_in_parts(tools):
    flood(tools, AT_A_TIME + 10)
    parts = list(end_old(tools, old_ones(tools), AWA))
    assert parts == [AT_A_TIME, 10, 0]
    assert run(tools.sessions, "SELECT DISTINCT resolved_by, resolution FROM cases") == [("awa", AWA.reason)]
    assert sound(tools)


def test_only_the_old_ones_of_one_kind_are_ended(tools):
    flood(tools, 3)
    run(tools.sessions, "UPDATE cases SET opened_at = now() WHERE id = 2")
    run(tools.sessions, "UPDATE cases SET kind = 'unreadable' WHERE id = 3")
    old = old_ones(tools)
    assert (old.endable, old.held_open) == (1, 0)
    assert sum(end_old(tools, old, AWA)) == 1
    assert cases(tools.sessions) == ["orphan", "unreadable"]


def test_the_old_ones_that_keep_an_open_invoice_in_view_are_counted_apart_and_stay(tools):
    open_pk, closed_pk = add_pending(tools.sessions, 2)
    for pk in (open_pk, closed_pk):
        case_of(tools, pk, CaseKind.MISMATCH)
    ask_again(tools, closed_pk, notcompleted())
    run(tools.sessions, "UPDATE cases SET opened_at = now() - interval '2 days'")
    old = old_ones(tools, CaseKind.MISMATCH)
    assert (old.endable, old.held_open) == (1, 1)
    assert sum(end_old(tools, old, AWA)) == 1
    assert cases(tools.sessions) == ["mismatch"]


def test_two_persons_who_end_a_flood_at_once_end_each_case_once(tools):
    flood(tools, 300)
    old = old_ones(tools)
    ended = all_at_once(lambda: sum(end_old(tools, old, AWA)), lambda: sum(end_old(tools, old, ISSA)))
    assert sum(ended) == 300


def test_whoever_adds_up_the_books_sees_that_it_was_by_hand(tools):
    [pk] = add_pending(tools.sessions)
    by_hand(tools, pk, Status.COMPLETED, 4000)
    with transaction(tools.sessions) as step:
        [ending] = endings(step.session, ["ORD-1"])
    assert (ending.learned_by, ending.proof, ending.settled_amount) == (None, "override", 4000)
