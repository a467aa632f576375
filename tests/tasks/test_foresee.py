"""Drafting a plan: what is chosen, what is said of each item, and that nothing moves by it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.answers import Answer, Said
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.errors import Conflict, NotFound
from models.queries.cases import Signature, find_cases
from models.queries.replay import draft
from models.queries.replay.choice import CallbackChoice, TransactionChoice, from_words, in_words
from models.session import transaction
from models.transaction import Status
from tasks.cases import ByHand, override
from tasks.foresee import ask_aside, draft_plan, go_on
from tasks.intake import intake
from tasks.record import record
from tasks.watch import fsck
from tests.fakes import completed, notcompleted, pending, silence, toolbox
from tests.ledger import (
    LANE,
    add_created,
    add_pending,
    answered,
    cases,
    claim,
    count,
    knock,
    left,
    rewrite,
    row,
    run,
)
from tests.plans import DAY, FAILED, add_failed, all_paid, found, items, plan, run_to_the_end


def predictions(sessions, plan_id):
    return items(sessions, plan_id, "prediction")


def books_without_spacing(sessions):
    """Everything a replay could move, but for when each was last asked about."""
    return [
        run(
            sessions,
            "SELECT id, status, next_check_at, asked, answered, silences, parked_at FROM transactions ORDER BY 1",
        ),
        run(sessions, "SELECT id, outcome, note, next_try_at, attempts FROM callbacks ORDER BY 1"),
        *(count(sessions, table) for table in ("checks", "settlements", "notices", "cases")),
    ]


def test_the_books_alone_say_what_needs_no_question(sessions, tools):
    one, two, _three = add_pending(sessions, 3)
    add_created(sessions)
    record(tools, [answered(sessions, one, completed(5000, "ORD-1"))], lane=LANE)
    record(tools, [answered(sessions, two, notcompleted())], lane=LANE)
    bodies = [
        claim("ORD-1"),
        claim("ORD-2"),
        claim("ORD-3"),
        claim("ORD-4"),
        claim("nobody"),
        b"gibberish",
        claim(None),
    ]
    intake(tools, knock(sessions, *bodies))
    plan_id = plan(tools, CallbackChoice(outcomes=tuple(Outcome)))
    told = ["nothing_new", "to_ask", "to_ask", "unaskable", "unmatched", "unreadable", "unmatched"]
    assert predictions(sessions, plan_id) == told
    assert items(sessions, plan_id, "callback_id") == [1, 2, 3, 4, 5, 6, 7]
    assert found(sessions, plan_id).state == "ready"


def test_asked_the_gateway_says_what_would_happen_and_nothing_moves(sessions, fakes, tools, monkeypatch):
    monkeypatch.setattr("config.policy.DRAFT_ROUNDS", 1)
    pks = add_pending(sessions, 7)
    add_failed(sessions, 7)
    record(tools, [answered(sessions, pks[5], completed(5000, "ORD-6"))], lane=LANE)
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    answers = [
        completed(5000, "ORD-1"),
        notcompleted(),
        pending(),
        completed(4000, "ORD-4"),
        Answer(said=Said.NOT_FOUND),
        notcompleted(),
        silence(),
    ]
    for n, answer in enumerate(answers, start=1):
        fakes.gateway.says(f"token-of-ORD-{n}", answer)
    rewrite(
        sessions,
        'UPDATE callbacks SET body = convert_to(\'{"status": "pending", "transaction_id": "ORD-6"}\', \'UTF8\') WHERE id = 6',
    )
    before = books_without_spacing(sessions)
    tools = toolbox(sessions, fakes)
    plan_id = plan(tools, ask=True)
    told = ["settled", "closed", "pending", "mismatch", "unclear", "contradiction", "to_ask"]
    assert predictions(sessions, plan_id) == told
    assert items(sessions, plan_id, "amount") == [5000, 0, 0, 0, 0, 0, 0]
    assert books_without_spacing(sessions) == before
    assert list(fsck(sessions)) == []
    assert {lane for lane, _ in fakes.budget.taken} == {Lane.REPLAY}
    assert fakes.locks.held == set()


def test_of_several_items_about_one_payment_one_would_settle_it(sessions, fakes, tools):
    add_pending(sessions, 2)
    all_paid(fakes.gateway, 2)
    for _ in range(3):
        add_failed(sessions, 2)
    plan_id = plan(tools, ask=True)
    assert predictions(sessions, plan_id) == ["settled", "settled", *["nothing_new"] * 4]
    assert sum(items(sessions, plan_id, "amount")) == 10_000
    assert len(fakes.gateway.asked) == 2


@pytest.mark.usefixtures("wide_spacing")
def test_the_spacing_holds_for_a_question_aside_too(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    add_failed(sessions, 1)
    answered(sessions, pk, pending())
    asked = row(sessions, pk).last_asked_at
    with pytest.raises(RuntimeError, match="enough"):
        draft_plan(tools, FAILED, author="awa", ask=True, life=DAY, told=enough_after_asking())
    assert fakes.gateway.asked == []
    assert row(sessions, pk).last_asked_at == asked


def test_the_spacing_counts_from_when_a_question_aside_was_over(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1", took=2.5))
    ask_aside(tools, [pk])
    assert 2.1 < left(sessions, "SELECT last_asked_at FROM transactions") <= 2.9


def test_a_refusal_of_an_old_token_says_nothing_about_the_gateway_when_asked_aside_either(sessions, fakes, tools):
    old, young = add_pending(sessions, 2)
    run(sessions, "UPDATE transactions SET created_at = created_at - interval '13 h' WHERE id = :pk", pk=old)
    for name in ("ORD-1", "ORD-2"):
        fakes.gateway.says(f"token-of-{name}", Answer(said=Said.REFUSED, trouble="go away"))
    ask_aside(tools, [old])
    assert [heard.refusals for heard in fakes.breaker.heard] == [0]
    ask_aside(tools, [young])
    assert [heard.refusals for heard in fakes.breaker.heard] == [0, 1]


@pytest.mark.parametrize(("amount", "told"), [(4000, "nothing_new"), (5000, "contradiction")])
def test_what_was_settled_by_hand_is_held_against_what_was_received(sessions, fakes, tools, amount, told):
    """The prediction, and what comes of it, are what recording that answer comes to."""
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", completed(amount, "ORD-1"))
    record(tools, [answered(sessions, pk, completed(4000, "ORD-1"))], lane=LANE)
    with transaction(sessions) as step:
        [case] = find_cases(step.session, [1])
    assert override(tools, ByHand(case=case, new=Status.COMPLETED, amount=4000), Signature(author="awa", reason="seen"))
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    plan_id = plan(tools, TransactionChoice(), ask=True)
    assert predictions(sessions, plan_id) == [told]
    run(sessions, "UPDATE transactions SET last_asked_at = NULL")
    run_to_the_end(tools, plan_id)
    assert items(sessions, plan_id, "actual") == [told]
    assert cases(sessions) == (["contradiction"] if told == "contradiction" else [])


def enough_after_asking():
    """Somebody who loses patience with the first page of questions."""

    def told(at):
        if at.to_ask:
            raise RuntimeError("enough")

    return told


def test_a_question_without_a_turn_is_given_back_and_asked_later(sessions, fakes, tools, monkeypatch):
    monkeypatch.setattr("config.policy.SPACING", 0)  # between two rounds; the questions keep their own
    pks = add_pending(sessions, 5)
    add_failed(sessions, 5)
    all_paid(fakes.gateway, 5)
    take, room = fakes.budget.take, fakes.budget.room
    fakes.budget.left = 2

    def more_room(lane):
        fakes.budget.left = fakes.budget.left or 2
        return room(lane)

    def stingy(lane, wanted):
        return take(lane, min(wanted, 1)) if len(fakes.budget.taken) == 0 else take(lane, wanted)

    fakes.budget.take, fakes.budget.room = stingy, more_room
    plan_id = plan(tools, ask=True)
    assert predictions(sessions, plan_id) == ["settled"] * 5
    assert len(fakes.gateway.asked) == 5
    assert all(row(sessions, pk).asked == 0 for pk in pks)


def test_a_draft_that_was_cut_short_goes_on_where_it_was_and_is_the_same_as_one_that_was_not(
    sessions, tools, monkeypatch
):
    monkeypatch.setattr("config.policy.DRAFT_SLICE", 10)
    add_failed(sessions, 35)
    seen = []

    def told(at):
        seen.append(at)
        if at.items == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draft_plan(tools, FAILED, author="awa", ask=False, life=DAY, told=told)
    cut = seen[0].plan_id
    assert found(sessions, cut).state == "drafting"
    with pytest.raises(Conflict, match="drafting it right now"):
        go_on(tools, cut, told=lambda _: None)
    run(sessions, "UPDATE replay_plans SET leased_until = clock_timestamp()")
    knock(sessions, claim("ORD-1"))
    run(sessions, "UPDATE callbacks SET outcome = 'orphan'")  # what came after the plan was begun is not its business
    go_on(tools, cut, told=lambda _: None)
    assert items(sessions, cut, "callback_id") == list(range(1, 36))
    run(sessions, "DELETE FROM callbacks WHERE id = 36")
    assert found(sessions, plan(tools)).hash == found(sessions, cut).hash


def test_a_drafter_whose_plan_was_cancelled_meanwhile_stops(sessions, tools):
    add_failed(sessions, 3)

    def told(_at):
        run(sessions, "UPDATE replay_plans SET state = 'cancelled', cancelled_by = 'x', cancelled_why = 'y'")

    with pytest.raises(Conflict, match="was cancelled"):
        draft_plan(tools, FAILED, author="awa", ask=False, life=DAY, told=told)


def test_two_drafters_of_one_plan_do_not_both_write(sessions):
    add_failed(sessions, 3)
    with transaction(sessions) as step:
        mine = draft.begin(step.session, FAILED, author="awa", asked=False, life=DAY, lease=timedelta(0))
    with transaction(sessions) as step:
        theirs = draft.take_up(step.session, mine.plan_id, lease=DAY)
    with pytest.raises(Conflict), transaction(sessions) as step:
        draft.advance(step.session, mine, items=1, to=1, lease=DAY)
    with transaction(sessions) as step:
        assert draft.advance(step.session, theirs, items=0, to=None, lease=DAY).is_chosen


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (FAILED, [2, 3, 4, 5]),
        (CallbackChoice(failed=True, outcomes=(Outcome.ORPHAN,)), [3]),
        (CallbackChoice(outcomes=(Outcome.MATCHED, Outcome.ORPHAN)), [1, 3]),
        (CallbackChoice(ids=(5, 1)), [1, 5]),
        (CallbackChoice(failed=True, operator="orange"), [2]),
        (CallbackChoice(outcomes=(Outcome.MATCHED,), operator="11"), [1]),
        (CallbackChoice(failed=True, since=timedelta(minutes=30)), [2, 3, 4]),
        (CallbackChoice(failed=True, until=timedelta(minutes=30)), [5]),
        (CallbackChoice(failed=True, since=timedelta(hours=3), until=timedelta(minutes=30)), [5]),
    ],
)
def test_callbacks_are_chosen_by_outcome_id_operator_and_age(sessions, tools, choice, chosen):
    add_pending(sessions)
    run(sessions, "UPDATE transactions SET operator_id = '11'")
    intake(tools, knock(sessions, claim("ORD-1"), claim("ORD-9", operator_name="ORANGE"), claim(None), b"gibberish"))
    knock(sessions, claim("ORD-1"))  # not read by its deadline
    knock(sessions, claim("ORD-1"))  # will be read in a moment
    late = "UPDATE callbacks SET received_at = now() - interval '2 h', stored_at = now() - interval '2 h' WHERE id = 5"
    run(sessions, late)
    assert items(sessions, plan(tools, choice), "callback_id") == chosen


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (TransactionChoice(statuses=(Status.PENDING,)), [2, 3, 4]),
        (TransactionChoice(statuses=(Status.PENDING, Status.COMPLETED), operator="Moov"), [1]),
        (TransactionChoice(parked=True), [4]),
        (TransactionChoice(case=CaseKind.MISMATCH), [3]),
        (TransactionChoice(ids=("ORD-3", "ORD-1")), [1, 3]),
        (TransactionChoice(statuses=(Status.PENDING,), since=timedelta(days=1)), [2, 3]),
        (TransactionChoice(until=timedelta(days=1)), [4]),
    ],
)
def test_transactions_are_chosen_by_status_parking_case_id_operator_and_age(sessions, tools, choice, chosen):
    pks = add_pending(sessions, 4)
    run(sessions, "UPDATE transactions SET created_at = now() - interval '31 days' WHERE id = :pk", pk=pks[3])
    record(tools, [answered(sessions, pks[0], completed(5000, "ORD-1", operator_name="MOOV"))], lane=LANE)
    record(tools, [answered(sessions, pks[2], completed(4000, "ORD-3"))], lane=LANE)
    record(tools, [answered(sessions, pks[3], pending())], lane=LANE)
    assert items(sessions, plan(tools, choice), "transaction_pk") == chosen


def test_an_id_that_nobody_knows_is_named_and_no_plan_is_made(sessions, tools):
    knock(sessions, claim("ORD-1"))
    with pytest.raises(NotFound, match="7, 8"):
        plan(tools, CallbackChoice(ids=(1, 7, 8)))
    with pytest.raises(NotFound, match="ORD 9"):
        plan(tools, TransactionChoice(ids=("ORD 9",)))
    assert count(sessions, "replay_plans") == 0


@pytest.mark.parametrize(
    "choice",
    [
        FAILED,
        CallbackChoice(
            outcomes=(Outcome.ORPHAN, Outcome.MATCHED), ids=(3, 4), operator="Orange Money", since=DAY, until=DAY
        ),
        TransactionChoice(statuses=(Status.PENDING,), parked=True, case=CaseKind.PARKED, ids=("a b", "c"), since=DAY),
    ],
)
def test_the_filters_are_kept_in_words_and_read_back(choice):
    assert from_words(in_words(choice)) == choice
