"""Callbacks as rumours: each is read, matched and turned into at most one question; none is believed, none is lost."""

from __future__ import annotations

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from config import policy
from models.answers import CallbackContent
from models.check import Lane
from models.errors import StoreAway
from models.queries.invoices import finish_invoice, refuse_invoice
from models.session import transaction
from models.transaction import Status
from tasks.intake import intake
from tasks.record import record
from tasks.sweep import sweep
from tests.fakes import completed, notcompleted, toolbox
from tests.ledger import (
    LANE,
    MINUTE,
    add_created,
    add_pending,
    all_at_once,
    answered,
    begin,
    cases,
    claim,
    due_in,
    knock,
    left,
    let_pass,
    row,
    run,
    value,
)
from worker.ligdicash import wire

FORM = b"status=completed&amount=5000&transaction_id=ORD-1"


def outcomes(sessions):
    return [outcome for (outcome,) in run(sessions, "SELECT outcome FROM callbacks ORDER BY id")]


def close(sessions, status, pk):
    """Bring it to a final status the way the books demand."""
    answer = completed(5000, row(sessions, pk).transaction_id) if status is Status.COMPLETED else notcompleted()
    record(toolbox(sessions), [answered(sessions, pk, answer)], lane=LANE)


def test_a_callback_about_an_order_the_gateway_refused_goes_to_a_person(sessions, fakes, tools):
    [pk] = add_created(sessions)
    with transaction(sessions) as step:
        refuse_invoice(step.session, pk, reason="Code03")
    intake(tools, knock(sessions, claim("ORD-1")))
    assert outcomes(sessions) == ["orphan"]
    assert cases(sessions) == ["called_back"]
    assert value(sessions, "SELECT transaction_pk FROM callbacks") == pk
    assert fakes.queue.asked == []


def test_a_callback_about_a_pending_payment_is_matched_and_rings_for_one_question(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    assert intake(tools, knock(sessions, claim("ORD-1"))) == 1
    assert outcomes(sessions) == ["matched"]
    assert fakes.queue.asked == [([pk], Lane.CALLBACK)]
    assert value(sessions, "SELECT transaction_pk FROM callbacks") == pk
    assert due_in(sessions, pk) <= 5
    assert value(sessions, "SELECT next_try_at FROM callbacks") is None


def test_the_twins_of_one_event_ring_once_when_they_are_read_together(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"), claim("ORD-1"), FORM)
    intake(tools, ids)
    assert fakes.queue.ids_to_ask == [pk]
    assert outcomes(sessions) == ["matched"] * 3


def test_the_twins_of_one_event_that_come_apart_lead_to_one_question_within_the_spacing(sessions, fakes, tools):
    [pk] = add_pending(sessions)
    for body in (claim("ORD-1"), FORM):
        intake(tools, knock(sessions, body))
    assert fakes.queue.ids_to_ask == [pk, pk]
    assert len(begin(sessions, pk)) + len(begin(sessions, pk, spacing=MINUTE)) == 1


@pytest.mark.parametrize(
    ("status", "claims", "asks"),
    [
        (Status.COMPLETED, "completed", False),
        (Status.COMPLETED, "notcompleted", True),
        (Status.COMPLETED, "pending", True),
        (Status.COMPLETED, "no such word", True),
        (Status.NOTCOMPLETED, "notcompleted", False),
        (Status.NOTCOMPLETED, "completed", True),
    ],
)
def test_only_a_claim_that_tells_a_final_payment_something_new_is_worth_a_question(
    sessions, fakes, tools, status, claims, asks
):
    [pk] = add_pending(sessions)
    close(sessions, status, pk)
    intake(tools, knock(sessions, claim("ORD-1", status=claims)))
    assert fakes.queue.ids_to_ask == ([pk] if asks else [])
    assert (due_in(sessions, pk) is not None) is asks
    assert outcomes(sessions) == ["matched"]
    assert row(sessions, pk).status == status


def test_nothing_a_callback_claims_moves_anything(sessions, tools):
    [pk] = add_pending(sessions)
    intake(tools, knock(sessions, claim("ORD-1"), claim("ORD-1", status="notcompleted")))
    assert row(sessions, pk).status == Status.PENDING
    assert value(sessions, "SELECT count(*) FROM settlements") == 0


def test_an_unknown_transaction_is_looked_for_again_by_the_policys_steps_and_then_given_to_a_person(
    sessions, fakes, tools
):
    ids = knock(sessions, claim("ORD-404"))
    intake(tools, ids)
    waits = []
    while outcomes(sessions) == ["unmatched"]:
        wait = left(sessions, "SELECT next_try_at FROM callbacks")
        step = policy.CALLBACK_RETRY_STEPS[len(waits)]
        waits.append(step if step - 1 < wait <= step else wait)
        assert cases(sessions) == []
        let_pass(sessions, wait + 0.1)
        assert sweep(tools).callbacks == 1
        intake(tools, fakes.queue.read[-1])
    assert tuple(waits) == policy.CALLBACK_RETRY_STEPS
    assert outcomes(sessions) == ["orphan"]
    assert cases(sessions) == ["orphan"]
    assert fakes.queue.asked == []
    let_pass(sessions, 86_400)
    assert sweep(tools).callbacks == 0


def test_a_callback_that_came_before_its_transaction_is_matched_when_it_is_there(sessions, fakes, tools):
    intake(tools, knock(sessions, claim("ORD-1")))
    [pk] = add_pending(sessions)
    let_pass(sessions, 6)
    sweep(tools)
    intake(tools, fakes.queue.read[-1])
    assert outcomes(sessions) == ["matched"]
    assert pk in fakes.queue.ids_to_ask


def test_a_callback_before_our_own_create_reply_is_quiet_until_the_token_is_there_and_then_due_at_once(sessions, tools):
    [pk] = add_created(sessions)
    intake(tools, knock(sessions, claim("ORD-1")))
    assert outcomes(sessions) == ["matched"]
    assert sweep(tools).transactions == 0
    assert due_in(sessions, pk) > 100
    with transaction(sessions) as step:
        finish_invoice(step.session, pk, token="tok", payment_url="", first_check=tools.pending_after)
    assert sweep(tools).transactions == 1


def test_a_callback_that_names_nothing_is_an_orphan_at_once(sessions, tools):
    intake(tools, knock(sessions, claim(None)))
    assert outcomes(sessions) == ["orphan"]
    assert cases(sessions) == ["orphan"]


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"hello", b"[1, 2]", b'{"a": 1}', b"{" * 5000])
def test_what_cannot_be_read_is_kept_with_a_case(sessions, tools, body):
    intake(tools, knock(sessions, body))
    assert outcomes(sessions) == ["unreadable"]
    assert cases(sessions) == ["unreadable"]
    assert value(sessions, "SELECT body FROM callbacks") == body


def test_bodies_made_to_break_the_statements_break_nothing(sessions, tools):
    [pk] = add_pending(sessions)
    nasty = ["ORD-1\x00", "'; DROP TABLE callbacks; --", "\ud800", "x" * 60_000, "ORD-1' OR '1'='1"]
    ids = knock(sessions, *[claim(reference) for reference in nasty], claim("ORD-1"))
    assert intake(tools, ids) == len(ids)
    assert outcomes(sessions)[-1] == "matched"
    assert value(sessions, "SELECT count(*) FROM callbacks WHERE transaction_pk = :pk", pk=pk) == 1


class Trap:
    """A reader with a bug: one kind of body makes it fail in a way nobody promised."""

    def __init__(self, references=None):
        self.references = references
        self.sprung = 0

    def read_callback(self, content_type, body):
        if b"trap" in body:
            self.sprung += 1
            if self.references is None:
                raise ZeroDivisionError
            return CallbackContent(claims="completed", references=self.references)
        return wire.read_callback(content_type, body)


@pytest.mark.parametrize("trap", [Trap(), Trap(references=("a\x00b",))], ids=["reader", "statement"])
def test_one_callback_that_breaks_the_reading_keeps_no_other_unread(sessions, fakes, trap):
    [pk] = add_pending(sessions)
    tools = toolbox(sessions, fakes, wire=trap)
    assert intake(tools, knock(sessions, claim("ORD-1"), b"trap", FORM)) == 2
    assert outcomes(sessions) == ["matched", "received", "matched"]
    assert set(fakes.queue.ids_to_ask) == {pk}


def test_poison_is_given_to_a_person_when_its_attempts_are_used_up_and_takes_no_neighbour_along(sessions, fakes, logs):
    trap = Trap()
    tools = toolbox(sessions, fakes, wire=trap)
    [poison] = knock(sessions, b"trap")
    intake(tools, [poison])
    for _ in range(40):
        let_pass(sessions, 60)
        fakes.queue.read.clear()
        sweep(tools)
        for ids in list(fakes.queue.read):
            intake(tools, ids)
        if outcomes(sessions) != ["received"]:
            break
    assert outcomes(sessions) == ["unreadable"]
    assert cases(sessions) == ["unreadable"]
    assert value(sessions, "SELECT attempts FROM callbacks") == policy.READING_ATTEMPTS
    assert fakes.queue.read == []
    assert any(entry["event"] == "callback_not_read" for entry in logs)


def test_what_was_tried_often_is_rung_for_alone(sessions, fakes, tools):
    ids = knock(sessions, claim("ORD-1"), claim("ORD-2"), b"trap")
    run(sessions, "UPDATE callbacks SET attempts = 7 WHERE id = :id", id=ids[2])
    let_pass(sessions, 6)
    sweep(tools)
    assert fakes.queue.read == [ids[:2], [ids[2]]]


def test_a_fleet_that_slept_has_tried_nothing_and_takes_no_callback_for_poison(sessions, tools):
    add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"))
    for _ in range(3 * policy.READING_ATTEMPTS):
        let_pass(sessions, 60)
        sweep(tools)  # rings, and nobody is there to answer
    assert outcomes(sessions) == ["received"]
    intake(tools, ids)
    assert outcomes(sessions) == ["matched"]
    assert cases(sessions) == []


def test_a_lost_message_costs_seconds_the_row_is_due_by_itself(sessions, fakes, tools):
    [pk] = add_pending(sessions, due_in=600)
    fakes.queue.is_away = True
    intake(tools, knock(sessions, claim("ORD-1")))
    assert fakes.queue.asked == []
    fakes.queue.is_away = False
    let_pass(sessions, policy.INTAKE_GRACE.total_seconds())
    assert sweep(tools).transactions == 1
    assert fakes.queue.asked == [([pk], Lane.SWEEP)]


def test_readers_that_race_read_each_callback_once(sessions, tools):
    add_pending(sessions, 30)
    ids = knock(sessions, *[claim(f"ORD-{n}") for n in range(1, 31)] * 3)
    read = all_at_once(*[lambda: intake(tools, ids)] * 4)
    assert outcomes(sessions) == ["matched"] * 90
    assert sum(read) == 90


def test_no_message_is_sent_for_what_was_rolled_back(sessions, fakes, tools):
    add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"))
    engine = sessions.kw["bind"]

    def refuse(_connection):
        raise OperationalError("COMMIT", None, Exception("gone"))

    event.listen(engine, "commit", refuse)
    with pytest.raises(StoreAway):
        intake(tools, ids)
    event.remove(engine, "commit", refuse)
    assert fakes.queue.asked == []
    assert outcomes(sessions) == ["received"]


def test_a_reading_and_a_settling_of_the_same_rows_do_not_deadlock(sessions, tools):
    pks = add_pending(sessions, 40)
    answers = [answered(sessions, pk, completed(5000, f"ORD-{n}")) for n, pk in enumerate(pks, 1)]
    ids = knock(sessions, *[claim(f"ORD-{n}") for n in range(40, 0, -1)])
    all_at_once(
        lambda: record(tools, answers, lane=LANE),
        lambda: intake(tools, ids),
        lambda: begin(sessions, *pks[::-1]),
        lambda: sweep(tools),
    )
    assert value(sessions, "SELECT count(*) FROM settlements") == 40
    assert outcomes(sessions) == ["matched"] * 40
