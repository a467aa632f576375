"""Callbacks in the tables: stored together, read by one, found, marked and finished."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

from sqlalchemy import event

from models.answers import Said
from models.callback import Outcome, Receipt
from models.queries import receive
from models.queries.receive import Finding
from models.session import transaction
from models.transaction import Status
from tasks.record import record
from tests.fakes import completed, toolbox
from tests.ledger import (
    GRACE,
    LANE,
    add_created,
    add_pending,
    all_at_once,
    answered,
    claim,
    due_in,
    knock,
    left,
    let_pass,
    row,
    run,
    value,
)


def receipt(body: bytes) -> Receipt:
    return Receipt(body=body, content_type="application/json", headers={"x": "é"}, source="203.0.113.7")


def test_many_receipts_are_one_insert_and_come_back_as_they_were(sessions):
    statements = []
    engine = sessions.kw["bind"]

    def keep(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", keep)
    bodies = [bytes([n]) * n for n in range(200)]
    with transaction(sessions) as step:
        ids = receive.store_callbacks(step.session, [receipt(body) for body in bodies], grace=GRACE)
    event.remove(engine, "before_cursor_execute", keep)
    assert len(set(ids)) == 200
    assert len([sql for sql in statements if "INSERT" in sql]) == 1
    stored = run(sessions, "SELECT body, digest, headers, outcome, attempts FROM callbacks")
    assert sorted(body for body, *_ in stored) == sorted(bodies)
    assert all(digest == hashlib.sha256(body).digest() for body, digest, *_ in stored)
    assert {(headers["x"], outcome, attempts) for *_, headers, outcome, attempts in stored} == {("é", "received", 0)}


def test_storing_nothing_is_no_trouble(sessions):
    with transaction(sessions) as step:
        assert receive.store_callbacks(step.session, [], grace=GRACE) == []


def test_a_stored_callback_is_due_by_itself_after_its_grace(sessions):
    knock(sessions, b"{}")
    waits = value(sessions, "SELECT extract(epoch FROM next_try_at - received_at)::float8 FROM callbacks")
    assert 4.9 < waits < 5.5


def test_what_another_session_reads_is_skipped(sessions):
    first, second = knock(sessions, b"1", b"2")
    with transaction(sessions) as one:
        assert [c.id for c in receive.take_callbacks(one.session, [first])] == [first]
        with transaction(sessions) as other:
            assert [c.id for c in receive.take_callbacks(other.session, [first, second])] == [second]


def test_what_is_finished_for_good_is_not_taken_again_and_what_is_unmatched_is(sessions):
    ids = knock(sessions, *[str(n).encode() for n in range(4)])
    outcomes = [Outcome.MATCHED, Outcome.UNMATCHED, Outcome.ORPHAN, Outcome.UNREADABLE]
    with transaction(sessions) as step:
        receive.finish_callbacks(
            step.session, [Finding(callback_id=i, outcome=o, note="") for i, o in zip(ids, outcomes, strict=True)]
        )
    with transaction(sessions) as step:
        assert [c.id for c in receive.take_callbacks(step.session, ids)] == [ids[1]]


def test_finishing_writes_each_outcome_to_its_own_callback(sessions):
    [pk] = add_pending(sessions)
    matched, unmatched = knock(sessions, b"1", b"2")
    with transaction(sessions) as step:
        receive.finish_callbacks(
            step.session,
            [
                Finding(callback_id=matched, outcome=Outcome.MATCHED, note="claims completed", transaction_pk=pk),
                Finding(
                    callback_id=unmatched,
                    outcome=Outcome.UNMATCHED,
                    note="not yet",
                    look_again_in=timedelta(seconds=20),
                ),
            ],
        )
    assert run(sessions, "SELECT outcome, note, transaction_pk, attempts FROM callbacks ORDER BY id") == [
        ("matched", "claims completed", pk, 1),
        ("unmatched", "not yet", None, 1),
    ]
    assert left(sessions, "SELECT next_try_at FROM callbacks WHERE id = :id", id=matched) is None
    assert 19 < left(sessions, "SELECT next_try_at FROM callbacks WHERE id = :id", id=unmatched) <= 20


def test_finishing_nothing_is_no_trouble(sessions):
    with transaction(sessions) as step:
        receive.finish_callbacks(step.session, [])


def set_out(sessions, ids, *, most=0):
    with transaction(sessions) as step:
        return receive.set_out(step.session, ids, grace=GRACE, most=most)


def attempts(sessions):
    return [n for (n,) in run(sessions, "SELECT attempts FROM callbacks ORDER BY id")]


def test_the_first_reading_of_a_fresh_callback_is_not_counted_and_later_ones_are(sessions):
    ids = knock(sessions, b"1")
    assert set_out(sessions, ids) == ids
    assert attempts(sessions) == [0]
    let_pass(sessions, 6)
    set_out(sessions, ids)
    set_out(sessions, ids)
    assert attempts(sessions) == [2]


def test_counting_waits_for_nobody(sessions):
    ids = knock(sessions, b"1")
    let_pass(sessions, 6)
    with transaction(sessions) as reader:
        receive.take_callbacks(reader.session, ids)
        set_out(sessions, ids)
    assert attempts(sessions) == [0]


def test_only_what_is_not_finished_is_set_out_for(sessions):
    ids = knock(sessions, b"1", b"2", b"3")
    for callback_id, outcome in zip(ids, (Outcome.UNREADABLE, Outcome.UNMATCHED), strict=False):
        with transaction(sessions) as step:
            receive.finish_callbacks(step.session, [Finding(callback_id=callback_id, outcome=outcome, note="")])
    assert set_out(sessions, [*ids, 404]) == ids[1:]
    assert set_out(sessions, []) == []


def test_who_sets_out_takes_along_what_came_later_up_to_so_many_in_all(sessions):
    ids = knock(sessions, *[b"1"] * 6)
    assert set_out(sessions, ids[1:3]) == ids[1:3]
    assert set_out(sessions, ids[1:3], most=1) == ids[1:3]
    assert set_out(sessions, ids[1:3], most=4) == ids[1:5]
    assert set_out(sessions, ids[1:3], most=99) == ids[1:]


def test_who_comes_too_late_for_its_own_takes_nobody_along(sessions):
    ids = knock(sessions, b"1", b"2", b"3")
    with transaction(sessions) as step:
        receive.finish_callbacks(step.session, [Finding(callback_id=ids[0], outcome=Outcome.UNREADABLE, note="")])
    assert set_out(sessions, ids[:1], most=9) == []
    assert set_out(sessions, ids[:2], most=9) == ids[1:]


def test_what_was_set_out_for_before_takes_nobody_along_and_is_not_taken(sessions):
    one, tried, other = knock(sessions, b"1", b"2", b"3")
    run(sessions, "UPDATE callbacks SET attempts = 1 WHERE id = :id", id=tried)
    assert set_out(sessions, [one, tried], most=9) == [one, tried]
    assert set_out(sessions, [one], most=9) == [one, other]


def test_what_waited_long_is_counted_when_it_is_taken_along_so_only_once(sessions):
    first, second, old = knock(sessions, b"1", b"2", b"3")
    let_pass(sessions, 6)
    [young] = knock(sessions, b"4")
    assert set_out(sessions, [second], most=9) == [second, old, young]
    assert attempts(sessions) == [0, 1, 1, 0]
    assert set_out(sessions, [first], most=9) == [first, young]


def knock_at(sessions, callback_id):
    """Store one callback, as if so many had been there before."""
    run(sessions, "SELECT setval(pg_get_serial_sequence('callbacks', 'id'), :n, false)", n=callback_id)
    assert knock(sessions, b"1") == [callback_id]


def test_who_sets_out_looks_no_further_than_nearby(sessions):
    [one] = knock(sessions, b"1")
    knock_at(sessions, one + receive.NEARBY)
    knock_at(sessions, one + receive.NEARBY + 1)
    assert set_out(sessions, [one], most=9) == [one, one + receive.NEARBY]


def test_transactions_are_found_by_any_of_the_ids_and_strangers_are_not_there(sessions):
    add_pending(sessions, 2)
    with transaction(sessions) as step:
        found = receive.find_transactions(step.session, ["ORD-2", "ORD-2", "ORD-9", "ord-1"])
        assert receive.find_transactions(step.session, []) == {}
    assert list(found) == ["ORD-2"]
    assert found["ORD-2"].status is Status.PENDING


def nudge(sessions, *pks):
    with transaction(sessions) as step:
        receive.nudge(step.session, dict.fromkeys(pks, Said.UNKNOWN), grace=GRACE)


def test_a_nudge_brings_the_next_question_forward_and_leaves_its_mark(sessions):
    [pk] = add_pending(sessions, due_in=600)
    nudge(sessions, pk)
    assert 4 < due_in(sessions, pk) <= 5
    assert row(sessions, pk).nudged_at is not None


def test_a_nudge_never_puts_a_question_off(sessions):
    [pk] = add_pending(sessions, due_in=-7)
    nudge(sessions, pk)
    assert due_in(sessions, pk) < -6


def test_a_nudge_wakes_what_was_parked(sessions):
    [pk] = add_pending(sessions)
    run(sessions, "UPDATE transactions SET next_check_at = NULL, parked_at = now()")
    nudge(sessions, pk)
    assert due_in(sessions, pk) <= 5


def test_a_row_without_a_token_gets_the_mark_and_is_not_made_due(sessions):
    [pk] = add_created(sessions)
    nudge(sessions, pk)
    assert row(sessions, pk).nudged_at is not None
    assert due_in(sessions, pk) > 100


def test_nudges_of_the_same_rows_in_opposite_orders_do_not_deadlock(sessions):
    pks = add_pending(sessions, 300)
    for _ in range(5):
        all_at_once(*[lambda order=order: nudge(sessions, *order) for order in (pks, pks[::-1]) * 2])


def test_a_nudge_that_claims_what_the_books_say_meanwhile_asks_nothing_and_any_other_does(sessions):
    settled, other = add_pending(sessions, 2)
    for pk in (settled, other):
        record(
            toolbox(sessions), [answered(sessions, pk, completed(5000, row(sessions, pk).transaction_id))], lane=LANE
        )
    with transaction(sessions) as step:
        receive.nudge(step.session, {settled: Said.COMPLETED, other: Said.NOTCOMPLETED}, grace=GRACE)
    assert due_in(sessions, settled) is None
    assert due_in(sessions, other) <= 5


def finish_and_nudge(sessions, ids, pks):
    """What intake writes, in its order: first the reference to the transaction, then its lock."""
    with transaction(sessions) as step:
        receive.take_callbacks(step.session, ids)
        findings = [
            Finding(callback_id=i, outcome=Outcome.MATCHED, note="", transaction_pk=pk)
            for i, pk in zip(ids, pks, strict=True)
        ]
        receive.finish_callbacks(step.session, findings)
        receive.nudge(step.session, dict.fromkeys(pks, Said.UNKNOWN), grace=GRACE)


def test_batches_about_the_same_transactions_do_not_deadlock_over_their_references(sessions):
    pks = add_pending(sessions, 100)
    for _ in range(3):
        batches = [knock(sessions, *[claim(f"ORD-{n}") for n in range(100)]) for _ in range(3)]
        orders = (pks, pks[::-1], pks[50:] + pks[:50])
        all_at_once(
            *[
                lambda ids=ids, order=order: finish_and_nudge(sessions, ids, order)
                for ids, order in zip(batches, orders, strict=True)
            ]
        )


def test_headers_are_kept_as_json_whatever_they_hold(sessions):
    odd = Receipt(body=b"", content_type="", headers={"a": '"}\\ud800', "b": "\N{PILE OF POO}"}, source="")
    with transaction(sessions) as step:
        receive.store_callbacks(step.session, [odd], grace=GRACE)
    assert json.loads(value(sessions, "SELECT headers::text FROM callbacks")) == odd.headers


def test_callbacks_are_taken_along_whatever_size_of_number_their_ids_need(sessions):
    for edge in (2**15, 2**31):  # what the driver gives a larger type from here on
        knock_at(sessions, edge - 2)
        assert set_out(sessions, [edge - 2], most=9) == [edge - 2]
        knock_at(sessions, edge - 1)
        knock_at(sessions, edge)
        assert set_out(sessions, [edge - 2], most=9) == [edge - 2, edge - 1, edge]
