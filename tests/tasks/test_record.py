"""What each answer does to the books: status, money, dates, counters and cases, all together or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.answers import Answer, Said
from models.errors import StoreAway
from models.queries.receive import nudge
from models.session import transaction
from models.transaction import Status
from tasks.record import record
from tests.fakes import completed, notcompleted, pending, silence, toolbox
from tests.ledger import (
    GRACE,
    LANE,
    add_pending,
    all_at_once,
    answered,
    cases,
    count,
    due_in,
    let_pass,
    row,
    run,
    value,
)

DAY = 86_400
REFUSED = Answer(said=Said.REFUSED, trouble="HTTP 403")
NOT_FOUND = Answer(said=Said.NOT_FOUND)
UNKNOWN = Answer(said=Said.UNKNOWN, trouble="no status")
PAID = completed(5000, "ORD-1")


@pytest.fixture
def pk(sessions):
    [only] = add_pending(sessions)
    return only


def hear(tools, pk, answer):
    """Ask and record, after enough time for the spacing."""
    let_pass(tools.sessions, 4)
    record(tools, [answered(tools.sessions, pk, answer)], lane=LANE)


def knock_meanwhile(sessions, pk):
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.UNKNOWN}, grace=GRACE)


def test_completed_with_evidence_settles_once_tells_once_and_ends_the_questions(sessions, tools, pk):
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED
    assert due_in(sessions, pk) is None
    assert run(sessions, "SELECT transaction_pk, amount FROM settlements") == [(pk, 5000)]
    assert run(sessions, "SELECT transaction_pk, seq, kind FROM notices") == [(pk, 1, "completed")]
    assert value(sessions, "SELECT said FROM checks c JOIN settlements s ON s.check_id = c.id") == "completed"
    assert cases(sessions) == []


def test_a_second_completed_answer_changes_nothing(sessions, tools, pk):
    hear(tools, pk, PAID)
    before = row(sessions, pk)
    hear(tools, pk, PAID)
    assert count(sessions, "settlements") == count(sessions, "notices") == 1
    assert count(sessions, "checks") == 2
    assert row(sessions, pk).final_at == before.final_at
    assert due_in(sessions, pk) is None


def test_notcompleted_closes_without_money_and_tells(sessions, tools, pk):
    hear(tools, pk, notcompleted())
    assert row(sessions, pk).status == Status.NOTCOMPLETED
    assert due_in(sessions, pk) is None
    assert count(sessions, "settlements") == 0
    assert run(sessions, "SELECT kind FROM notices") == [("notcompleted",)]


@pytest.mark.parametrize(
    ("answer", "wait", "counted"),
    [
        (pending(), 10, (1, 0)),
        (UNKNOWN, 10, (1, 0)),
        (NOT_FOUND, 10, (1, 0)),
        (REFUSED, 5, (0, 1)),
        (silence(), 5, (0, 1)),
    ],
)
def test_what_decides_nothing_only_sets_the_next_date_and_counts(sessions, tools, pk, answer, wait, counted):
    hear(tools, pk, answer)
    found = row(sessions, pk)
    assert found.status == Status.PENDING
    assert wait - 1 < due_in(sessions, pk) <= wait + 1
    assert (found.asked, found.answered, found.silences) == (1, *counted)
    assert cases(sessions) == []


def test_silences_in_a_row_stretch_the_wait_and_an_answer_ends_the_row(sessions, tools, pk):
    waits = []
    for _ in range(6):
        hear(tools, pk, silence())
        waits.append(round(due_in(sessions, pk)))
    assert waits == [5, 10, 20, 40, 60, 60]
    hear(tools, pk, pending())
    assert row(sessions, pk).silences == 0


def test_jitter_stretches_the_wait_by_up_to_half(sessions, pk):
    hear(toolbox(sessions, draw=lambda: 0.999), pk, silence())
    assert 7 < due_in(sessions, pk) <= 8


@pytest.mark.parametrize(
    ("age", "wait"), [(6 * 60, 60), (40 * 60, 600), (7 * 3600, 3600), (4 * DAY, DAY), (29 * DAY, DAY)]
)
def test_the_older_it_is_the_more_seldom_it_is_asked_about(sessions, tools, pk, age, wait):
    let_pass(sessions, age)
    hear(tools, pk, pending())
    assert wait - 2 < due_in(sessions, pk) <= wait + 2


@pytest.mark.parametrize(("answer", "case"), [(pending(), "parked"), (UNKNOWN, "parked"), (NOT_FOUND, "token_refused")])
def test_after_the_last_tier_it_is_parked_with_a_case_and_a_callback_still_wakes_it(sessions, tools, pk, answer, case):
    let_pass(sessions, 31 * DAY)
    hear(tools, pk, answer)
    assert due_in(sessions, pk) is None
    assert row(sessions, pk).parked_at is not None
    assert cases(sessions) == [case]
    knock_meanwhile(sessions, pk)
    assert due_in(sessions, pk) <= 5
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED
    assert cases(sessions) == []
    assert cases(sessions, is_open=False) == [case]


@pytest.mark.parametrize("answer", [silence(), REFUSED])
def test_an_outage_parks_nothing_however_old_it_is(sessions, tools, pk, answer):
    let_pass(sessions, 31 * DAY)
    hear(tools, pk, answer)
    assert due_in(sessions, pk) <= 5
    assert row(sessions, pk).answered == 0
    assert cases(sessions) == []


@pytest.mark.parametrize("answer", [completed(4999, "ORD-1"), completed(5000, "ORD-2"), completed(5000, "")])
def test_completed_without_the_right_evidence_is_a_case_and_asked_about_slowly(sessions, tools, pk, answer):
    hear(tools, pk, answer)
    assert row(sessions, pk).status == Status.PENDING
    assert 3598 < due_in(sessions, pk) <= 3602
    assert cases(sessions) == ["mismatch"]
    assert count(sessions, "settlements") == count(sessions, "notices") == 0
    hear(tools, pk, answer)
    assert cases(sessions) == ["mismatch"]


def test_a_late_success_is_settled_told_and_shown_to_a_person(sessions, tools, pk):
    hear(tools, pk, notcompleted())
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED
    assert run(sessions, "SELECT seq, kind FROM notices ORDER BY seq") == [(1, "notcompleted"), (2, "completed")]
    assert count(sessions, "settlements") == 1
    assert cases(sessions) == ["late_success"]


@pytest.mark.parametrize("answer", [pending(), UNKNOWN, NOT_FOUND, silence(), REFUSED])
def test_a_failure_the_gateway_no_longer_stands_by_is_asked_about_until_there_is_an_answer(sessions, tools, pk, answer):
    hear(tools, pk, notcompleted())
    knock_meanwhile(sessions, pk)
    hear(tools, pk, answer)
    assert row(sessions, pk).status == Status.NOTCOMPLETED
    assert due_in(sessions, pk) is not None
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED


def test_a_failure_that_was_parked_ends_its_case_when_the_gateway_stands_by_it_again(sessions, tools, pk):
    hear(tools, pk, notcompleted())
    let_pass(sessions, 31 * DAY)
    knock_meanwhile(sessions, pk)
    hear(tools, pk, NOT_FOUND)
    assert cases(sessions) == ["token_refused"]
    knock_meanwhile(sessions, pk)
    hear(tools, pk, notcompleted())
    assert cases(sessions) == []
    assert due_in(sessions, pk) is None


@pytest.mark.parametrize("answer", [notcompleted(), pending(), completed(1, "ORD-1")])
def test_a_gateway_that_takes_back_completed_moves_nothing_and_a_person_is_told(sessions, tools, pk, answer):
    hear(tools, pk, PAID)
    hear(tools, pk, answer)
    assert row(sessions, pk).status == Status.COMPLETED
    assert count(sessions, "settlements") == count(sessions, "notices") == 1
    assert cases(sessions) == ["contradiction"]
    assert due_in(sessions, pk) is None


def test_an_older_answer_that_comes_after_the_settlement_is_kept_and_moves_nothing(sessions, tools, pk):
    old = answered(sessions, pk, notcompleted())
    hear(tools, pk, PAID)
    run(sessions, "UPDATE transactions SET decided_asked_at = clock_timestamp()")
    record(tools, [old], lane=LANE)
    assert row(sessions, pk).status == Status.COMPLETED
    assert cases(sessions) == []
    assert count(sessions, "checks") == 2


@pytest.mark.parametrize("answer", [pending(), UNKNOWN, silence(), notcompleted()])
def test_a_callback_during_the_question_means_one_more_question_after_the_spacing(sessions, tools, pk, answer):
    let_pass(sessions, 4)
    question = answered(sessions, pk, answer)
    knock_meanwhile(sessions, pk)
    record(tools, [question], lane=LANE)
    assert 0 < due_in(sessions, pk) <= 3


def test_a_callback_before_the_question_has_been_answered_by_it(sessions, tools, pk):
    knock_meanwhile(sessions, pk)
    hear(tools, pk, pending())
    assert due_in(sessions, pk) > 9


def test_what_is_settled_is_not_asked_about_again_for_its_second_callback(sessions, tools, pk):
    question = answered(sessions, pk, PAID)
    knock_meanwhile(sessions, pk)
    record(tools, [question], lane=LANE)
    assert due_in(sessions, pk) is None


def test_a_success_announced_while_the_gateway_still_said_notcompleted_is_found(sessions, tools, pk):
    question = answered(sessions, pk, notcompleted())
    knock_meanwhile(sessions, pk)
    record(tools, [question], lane=LANE)
    assert row(sessions, pk).status == Status.NOTCOMPLETED
    let_pass(sessions, 3.1)
    assert due_in(sessions, pk) <= 0
    hear(tools, pk, PAID)
    assert row(sessions, pk).status == Status.COMPLETED


def test_workers_that_record_the_same_payment_at_once_settle_it_once(sessions, tools):
    pks = add_pending(sessions, 10)
    twins = []
    for _ in range(4):
        twins.append([answered(sessions, pk, completed(5000, f"ORD-{n}")) for n, pk in enumerate(pks, 1)])
        let_pass(sessions, 4)
    all_at_once(*[lambda answers=answers: record(tools, answers, lane=LANE) for answers in twins])
    assert count(sessions, "settlements") == count(sessions, "notices") == 10
    assert count(sessions, "checks") == 40
    assert cases(sessions) == []


def test_answers_that_disagree_and_race_end_in_one_settlement_whoever_comes_first(sessions, tools, pk):
    first = answered(sessions, pk, notcompleted())
    let_pass(sessions, 4)
    second = answered(sessions, pk, PAID)
    all_at_once(lambda: record(tools, [first], lane=LANE), lambda: record(tools, [second], lane=LANE))
    assert row(sessions, pk).status == Status.COMPLETED
    assert count(sessions, "settlements") == 1
    assert set(cases(sessions)) <= {"late_success"}


UNFIT = [
    replace(PAID, text="", operator_name="a\x00b"),
    replace(PAID, operator_name="\ud800"),
    replace(PAID, amount=10**30),
    replace(PAID, took=float("nan")),
]


@pytest.mark.parametrize("unfit", UNFIT, ids=["nul", "surrogate", "huge", "nan"])
def test_an_answer_the_tables_refuse_fails_alone_and_is_kept_as_not_understood(sessions, tools, unfit):
    bad, good = add_pending(sessions, 2)
    batch = [answered(sessions, bad, unfit), answered(sessions, good, completed(5000, "ORD-2"))]
    record(tools, batch, lane=LANE)
    assert row(sessions, good).status == Status.COMPLETED
    assert row(sessions, bad).status == Status.PENDING
    assert 9 < due_in(sessions, bad) <= 11
    reason = value(sessions, "SELECT reason FROM checks WHERE transaction_pk = :pk", pk=bad)
    assert "could not be recorded" in reason


def test_with_the_database_gone_nothing_is_recorded_and_the_lease_stands(sessions, tools, pk):
    question = answered(sessions, pk, PAID)

    class Gone:
        def __call__(self):
            raise StoreAway("gone")

    with pytest.raises(StoreAway):
        record(replace(tools, sessions=Gone()), [question], lane=LANE)
    assert due_in(sessions, pk) > 30
    assert count(sessions, "checks") == 0
