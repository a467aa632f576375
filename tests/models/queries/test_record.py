"""Evidence, moves, settlements, notices and dates: each written as asked, and none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from models.answers import Answer, Said
from models.case import CaseKind
from models.check import Lane
from models.queries import record
from models.queries.record import Move, NewCase, NewCheck, NextCheck
from models.session import transaction
from models.transaction import Status
from tests.fakes import completed, notcompleted
from tests.ledger import add_pending, all_at_once, cases, count, due_in, knock, row, run, value

NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)
TOOK = timedelta(seconds=1.5)


def check(pk: int, answer: Answer) -> NewCheck:
    return NewCheck(transaction_pk=pk, lane=Lane.SWEEP, asked_at=NOON, answer=answer, reason="because")


def move(pk: int, check_id: int, answer: Answer, *, old=Status.PENDING, new=Status.COMPLETED) -> Move:
    return Move(transaction_pk=pk, old=old, new=new, check_id=check_id, asked_at=NOON, answer=answer)


def settle_all(sessions, pks, *, fault: Exception | None = None):
    """Everything that completing these takes, in one transaction; with `fault`, one that breaks just before its end."""
    with transaction(sessions) as step:
        answers = {pk: completed(5000, row(sessions, pk).transaction_id, operator_name="ORANGE") for pk in pks}
        checks = record.record_checks(step.session, [check(pk, answer) for pk, answer in answers.items()])
        wanted = [move(pk, checks[pk], answers[pk]) for pk in pks]
        moved = record.move(step.session, wanted)
        won = [one for one in wanted if one.transaction_pk in moved]
        record.settle(step.session, won)
        record.add_notices(step.session, won, accounts=dict.fromkeys(pks, "default"))
        if fault:
            raise fault
        return moved


def test_the_evidence_is_kept_word_for_word(sessions):
    [pk] = add_pending(sessions)
    body = b'{"status":"completed","x":"\x00\xff"}'
    answer = completed(5000, "ORD-1", sub_code="12", http_status=200, took=0.1234, body=body)
    with transaction(sessions) as step:
        ids = record.record_checks(step.session, [check(pk, answer)])
    columns = (
        "id, transaction_pk, lane, asked_at, took_ms, said, amount, reference, http_status, sub_code, reason, body"
    )
    [stored] = run(sessions, f"SELECT {columns} FROM checks")
    assert stored == (ids[pk], pk, "sweep", NOON, 123, "completed", 5000, "ORD-1", 200, "12", "because", body)


def test_an_answer_without_anything_in_it_is_evidence_too(sessions):
    [pk] = add_pending(sessions)
    with transaction(sessions) as step:
        record.record_checks(step.session, [check(pk, Answer(said=Said.SILENCE))])
    assert run(sessions, "SELECT said, amount, reference, http_status FROM checks") == [("silence", None, "", None)]


def test_many_checks_come_back_under_their_own_transactions(sessions):
    pks = add_pending(sessions, 300)
    with transaction(sessions) as step:
        ids = record.record_checks(step.session, [check(pk, Answer(said=Said.PENDING)) for pk in pks])
    assert dict(run(sessions, "SELECT transaction_pk, id FROM checks")) == ids
    assert len(ids) == 300


def test_only_a_row_that_still_has_the_old_status_moves(sessions):
    first, second = add_pending(sessions, 2)
    with transaction(sessions) as step:
        answer = notcompleted(operator_id="11", operator_name="MOOV", request_id="R1")
        wanted = [move(pk, 0, answer, new=Status.NOTCOMPLETED) for pk in (first, second)]
        assert record.move(step.session, wanted[:1]) == {first}
        assert record.move(step.session, wanted) == {second}
        assert record.move(step.session, []) == set()
    moved = row(sessions, first)
    assert (moved.status, moved.decided_asked_at, moved.operator_name) == ("notcompleted", NOON, "MOOV")
    assert moved.final_at is not None


def test_a_race_to_settle_has_one_winner_per_transaction_and_no_loser_notices(sessions):
    pks = add_pending(sessions, 20)
    moved = all_at_once(*[lambda: settle_all(sessions, pks)] * 4)
    assert sorted(pk for winners in moved for pk in winners) == pks
    assert count(sessions, "settlements") == count(sessions, "notices") == 20
    assert count(sessions, "checks") == 80


def test_a_fault_after_settling_leaves_nothing_at_all(sessions):
    [pk] = add_pending(sessions)
    with pytest.raises(RuntimeError, match="killed"):
        settle_all(sessions, [pk], fault=RuntimeError("killed"))
    assert row(sessions, pk).status == Status.PENDING
    assert [count(sessions, name) for name in ("checks", "settlements", "notices", "notice_counters")] == [0, 0, 0, 0]


def test_a_second_settlement_is_an_error_even_when_the_code_above_asks_for_it(sessions):
    [pk] = add_pending(sessions)
    settle_all(sessions, [pk])
    with pytest.raises(DBAPIError, match="pk_settlements"), transaction(sessions) as step:
        answer = completed(5000, "ORD-1")
        checks = record.record_checks(step.session, [check(pk, answer)])
        record.settle(step.session, [move(pk, checks[pk], answer)])


def test_numbers_of_notices_have_no_gap_and_follow_the_commits_though_some_roll_back(sessions):
    pks = add_pending(sessions, 80)

    def settle_ten(mine):
        for place, pk in enumerate(mine):
            if place % 3 == 0:
                with pytest.raises(RuntimeError):
                    settle_all(sessions, [pk], fault=RuntimeError("rolled back"))
            settle_all(sessions, [pk])
            # Committed: whoever has a smaller number must be visible by now.
            seen = run(sessions, "SELECT seq FROM notices ORDER BY seq")
            assert [seq for (seq,) in seen] == list(range(1, len(seen) + 1))

    all_at_once(*[lambda mine=pks[n::8]: settle_ten(mine) for n in range(8)])
    assert run(sessions, "SELECT count(*), min(seq), max(seq) FROM notices") == [(80, 1, 80)]


def test_notices_of_several_accounts_are_numbered_apart(sessions):
    run(
        sessions,
        """INSERT INTO transactions (kind, account, transaction_id, amount, status, order_digest, next_check_at)
           SELECT 'invoice', a, a || n, 1, 'created', '', now() FROM unnest(ARRAY['a', 'b']) a, generate_series(1, 3) n""",
    )
    accounts = dict(run(sessions, "SELECT id, account FROM transactions"))
    with transaction(sessions) as step:
        moves = [move(pk, 0, notcompleted(), new=Status.NOTCOMPLETED) for pk in accounts]
        record.add_notices(step.session, moves, accounts=accounts)
    assert run(sessions, "SELECT account, array_agg(seq ORDER BY seq) FROM notices GROUP BY account ORDER BY 1") == [
        ("a", [1, 2, 3]),
        ("b", [1, 2, 3]),
    ]


def plan(pk: int, wait: float | None, *, park=False, answered=True, asked_at=NOON) -> NextCheck:
    length = None if wait is None else timedelta(seconds=wait)
    return NextCheck(
        transaction_pk=pk, asked_at=asked_at, over_at=asked_at + TOOK, wait=length, park=park, answered=answered
    )


def schedule(sessions, *plans):
    with transaction(sessions) as step:
        record.schedule(step.session, plans)


def test_each_row_gets_its_own_date(sessions):
    soon, later, parked = add_pending(sessions, 3)
    schedule(sessions, plan(soon, 10), plan(later, 3600), plan(parked, None, park=True))
    assert 9 < due_in(sessions, soon) <= 10
    assert 3599 < due_in(sessions, later) <= 3600
    assert due_in(sessions, parked) is None
    assert row(sessions, parked).parked_at is not None


def test_answers_and_silences_are_counted_apart(sessions):
    [pk] = add_pending(sessions)
    for answered in (False, False, True, False):
        schedule(sessions, plan(pk, 1, answered=answered))
    found = row(sessions, pk)
    assert (found.answered, found.silences) == (1, 1)


def test_a_parked_row_keeps_the_day_it_was_parked_until_it_is_asked_about_again(sessions):
    [pk] = add_pending(sessions)
    schedule(sessions, plan(pk, None, park=True))
    since = row(sessions, pk).parked_at
    schedule(sessions, plan(pk, None, park=True))
    assert row(sessions, pk).parked_at == since
    schedule(sessions, plan(pk, 5))
    assert row(sessions, pk).parked_at is None


def test_an_open_row_cannot_be_left_without_a_date(sessions):
    [pk] = add_pending(sessions)
    with pytest.raises(DBAPIError, match="never_quiet"):
        schedule(sessions, plan(pk, None))


def test_the_spacing_counts_from_when_the_question_was_over(sessions):
    [pk] = add_pending(sessions)
    schedule(sessions, plan(pk, 5, asked_at=NOON))
    assert row(sessions, pk).last_asked_at == NOON + TOOK
    schedule(sessions, plan(pk, 5, asked_at=NOON - timedelta(minutes=1)))
    assert row(sessions, pk).last_asked_at == NOON + TOOK


def open_cases(sessions, *new):
    with transaction(sessions) as step:
        record.open_cases(step.session, new)


def test_of_one_kind_one_case_is_open_at_a_time_and_a_resolved_one_may_come_back(sessions):
    [pk] = add_pending(sessions)
    [callback] = knock(sessions, b"")
    about = NewCase(kind=CaseKind.MISMATCH, detail="first", transaction_pk=pk)
    orphan = NewCase(kind=CaseKind.ORPHAN, detail="first", callback_id=callback)
    open_cases(sessions, about, about, orphan, orphan)
    assert cases(sessions) == ["mismatch", "orphan"]
    run(sessions, "UPDATE cases SET resolved_at = now()")
    open_cases(sessions, about)
    assert cases(sessions) == ["mismatch"]


def test_racing_openers_open_one_case(sessions):
    [pk] = add_pending(sessions)
    new = NewCase(kind=CaseKind.PARKED, detail="", transaction_pk=pk)
    all_at_once(*[lambda: open_cases(sessions, new)] * 4)
    assert cases(sessions) == ["parked"]


def test_a_final_answer_ends_only_the_cases_that_waited_for_one(sessions):
    first, second = add_pending(sessions, 2)
    kinds = [CaseKind.PARKED, CaseKind.TOKEN_LOST, CaseKind.TOKEN_REFUSED, CaseKind.MISMATCH]
    open_cases(
        sessions, *[NewCase(kind=kind, detail="", transaction_pk=pk) for pk in (first, second) for kind in kinds]
    )
    with transaction(sessions) as step:
        record.close_parking_cases(step.session, {first}, resolution="an answer came")
        record.close_parking_cases(step.session, set(), resolution="")
    assert cases(sessions, is_open=False) == ["parked", "token_lost", "token_refused"]
    assert len(cases(sessions)) == 5
    assert value(sessions, "SELECT min(resolution) FROM cases WHERE resolved_at IS NOT NULL")
