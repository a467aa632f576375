"""Leave to ask: once per spacing whatever races, leased, and given back when it was not used."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from models.queries import ask
from models.session import transaction
from models.transaction import Status
from tests.ledger import MINUTE, YOUNG, add_created, add_pending, all_at_once, begin, due_in, let_pass, row, run


def test_leave_to_ask_is_counted_and_leased(sessions):
    [pk] = add_pending(sessions)
    [question] = begin(sessions, pk)
    assert (question.transaction_pk, question.token) == (pk, "token-of-ORD-1")
    assert question.asked_at == row(sessions, pk).last_asked_at
    assert question.asked_at.tzinfo is not None
    assert row(sessions, pk).asked == 1
    assert 38 < due_in(sessions, pk) <= 39


def test_only_a_young_token_that_had_an_answer_last_time_is_trusted(sessions):
    young, silent, old = add_pending(sessions, 3)
    run(sessions, "UPDATE transactions SET silences = 1 WHERE id = :pk", pk=silent)
    run(sessions, "UPDATE transactions SET created_at = created_at - :by WHERE id = :pk", by=YOUNG, pk=old)
    trusted = {question.transaction_pk: question.is_trusted for question in begin(sessions, young, silent, old)}
    assert trusted == {young: True, silent: False, old: False}


def test_the_token_is_not_in_the_repr_of_a_question(sessions):
    [pk] = add_pending(sessions)
    [question] = begin(sessions, pk)
    assert "token" not in repr(question)
    assert str(pk) in repr(question)


def test_two_workers_racing_get_exactly_one_leave_per_transaction(sessions):
    pks = add_pending(sessions, 50)
    for _ in range(4):
        asked = all_at_once(
            *[lambda order=order: begin(sessions, *order, spacing=MINUTE) for order in (pks, pks[::-1], pks)]
        )
        assert sorted(q.transaction_pk for questions in asked for q in questions) == pks
        let_pass(sessions, 61)
    assert {row(sessions, pk).asked for pk in pks} == {4}


def test_one_asked_about_too_recently_is_due_the_moment_its_spacing_ends(sessions):
    [pk] = add_pending(sessions)
    begin(sessions, pk)
    let_pass(sessions, 1)
    assert begin(sessions, pk, spacing=MINUTE / 2) == []
    assert 28 < due_in(sessions, pk) <= 29
    let_pass(sessions, 29.1)
    assert len(begin(sessions, pk, spacing=MINUTE / 2)) == 1


def test_coming_too_soon_does_not_wake_what_is_settled_or_parked(sessions):
    [pk] = add_pending(sessions)
    begin(sessions, pk)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now()")
    assert begin(sessions, pk, spacing=MINUTE) == []
    assert due_in(sessions, pk) is None


def test_coming_too_soon_never_puts_a_question_off(sessions):
    [pk] = add_pending(sessions)
    begin(sessions, pk)
    run(sessions, "UPDATE transactions SET next_check_at = now() - interval '1 s'")
    begin(sessions, pk, spacing=MINUTE)
    assert due_in(sessions, pk) < 0


def test_without_a_token_there_is_nothing_to_ask_with(sessions):
    [pk] = add_created(sessions)
    before = due_in(sessions, pk)
    assert begin(sessions, pk) == []
    assert before - 1 < due_in(sessions, pk) <= before + 1


def test_the_dead_and_the_unknown_are_not_asked_about(sessions):
    assert begin(sessions, 12345) == []
    assert begin(sessions) == []


def give_back(sessions, questions):
    with transaction(sessions) as step:
        ask.give_back(step.session, questions)


def test_a_question_given_back_is_due_at_once_and_not_counted(sessions):
    pks = add_pending(sessions, 3)
    give_back(sessions, begin(sessions, *pks))
    for pk in pks:
        assert row(sessions, pk).asked == 0
        assert due_in(sessions, pk) <= 0
    assert len(begin(sessions, *pks)) == 3


def test_giving_back_late_leaves_the_question_of_another_asker_alone(sessions):
    [pk] = add_pending(sessions)
    mine = begin(sessions, pk)
    let_pass(sessions, 4)
    begin(sessions, pk)
    give_back(sessions, mine)
    assert row(sessions, pk).asked == 2
    assert row(sessions, pk).last_asked_at is not None
    assert due_in(sessions, pk) > 30


def test_subjects_are_read_as_they_are_under_the_lock_in_the_order_of_their_ids(sessions):
    pks = add_pending(sessions, 3, amount=4200)
    let_pass(sessions, 3600)
    with transaction(sessions) as step:
        subjects = ask.lock_subjects(step.session, pks[::-1])
    assert [subject.id for subject in subjects] == pks
    assert [subject.books.transaction_id for subject in subjects] == ["ORD-1", "ORD-2", "ORD-3"]
    for subject in subjects:
        assert subject.books.status is Status.PENDING
        assert subject.books.amount == 4200
        assert subject.age == pytest.approx(3600, abs=60)


def test_a_locked_subject_waits_for_whoever_holds_it_and_sees_what_they_wrote(sessions):
    [pk] = add_pending(sessions)
    with transaction(sessions) as first:
        ask.lock_subjects(first.session, [pk])

        def second():
            with transaction(sessions) as step:
                return ask.lock_subjects(step.session, [pk])[0].silences

        with ThreadPoolExecutor(1) as thread:
            seen = thread.submit(second)
            first.session.connection().exec_driver_sql("UPDATE transactions SET silences = 7")
            first.session.commit()
            assert seen.result(timeout=60) == 7
