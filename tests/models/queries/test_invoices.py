"""Invoices in the tables: there before the gateway is called, finished once, refused, retried, or parked as a hole."""

from __future__ import annotations

import secrets
import traceback
from dataclasses import replace
from datetime import timedelta

import pytest

from models.answers import Said
from models.case import CaseKind
from models.errors import Conflict
from models.queries import invoices
from models.queries.invoices import NewInvoice
from models.queries.receive import nudge
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Status
from tests.ledger import GRACE, add_pending, all_at_once, cases, due_in, let_pass, row, value

NEW = NewInvoice(account="default", transaction_id="ORD-1", amount=5000, description="shoes", digest=b"1")
FIRST = timedelta(minutes=2)


def begin(sessions, new=NEW):
    with transaction(sessions) as step:
        return invoices.begin_invoice(step.session, new, grace=FIRST)


def finish(sessions, pk, token="tok"):
    with transaction(sessions) as step:
        return invoices.finish_invoice(step.session, pk, token=token, payment_url="https://p", first_check=FIRST)


def refuse(sessions, pk):
    with transaction(sessions) as step:
        return invoices.refuse_invoice(step.session, pk, reason="Code02")


def retry(sessions, pk):
    with transaction(sessions) as step:
        return invoices.retry_refused(step.session, pk, grace=FIRST)


def test_a_new_invoice_is_created_and_a_hole_in_two_minutes(sessions):
    stored = row(sessions, begin(sessions).id)
    assert (stored.status, stored.token, stored.amount) == (Status.CREATED, None, 5000)
    assert 119 < due_in(sessions, stored.id) <= 120


def test_an_id_is_taken_once_also_by_many_at_once(sessions):
    begun = all_at_once(*[lambda: begin(sessions)] * 6)
    assert len([one for one in begun if one is not None]) == 1
    assert value(sessions, "SELECT count(*) FROM transactions") == 1


def test_an_invoice_is_found_by_our_id_only(sessions):
    begin(sessions)
    with transaction(sessions) as step:
        assert invoices.find_invoice(step.session, "ORD-1").amount == 5000
        assert invoices.find_invoice(step.session, "ORD-2") is None


def test_finishing_stores_the_token_and_sets_the_first_check(sessions):
    pk = begin(sessions).id
    assert finish(sessions, pk)
    stored = row(sessions, pk)
    assert (stored.status, stored.token, stored.payment_url) == (Status.PENDING, "tok", "https://p")
    assert 119 < due_in(sessions, pk) <= 120


def test_finishing_twice_changes_nothing_the_second_time(sessions):
    pk = begin(sessions).id
    finish(sessions, pk)
    assert not finish(sessions, pk, token="other")
    assert row(sessions, pk).token == "tok"


def test_a_callback_that_was_quicker_than_our_reply_makes_the_first_question_due_at_once(sessions):
    pk = begin(sessions).id
    with transaction(sessions) as step:
        nudge(step.session, {pk: Said.UNKNOWN}, grace=GRACE)
    assert due_in(sessions, pk) > 100
    finish(sessions, pk)
    assert due_in(sessions, pk) <= 0


def test_a_late_reply_fills_a_parked_hole(sessions):
    pk = begin(sessions).id
    with transaction(sessions) as step:
        assert invoices.park_hole(step.session, pk)
    assert row(sessions, pk).parked_at is not None
    assert finish(sessions, pk)
    assert row(sessions, pk).parked_at is None
    assert due_in(sessions, pk) > 100


def test_what_has_its_reply_is_no_hole_and_is_not_refused_any_more(sessions):
    pk = begin(sessions).id
    finish(sessions, pk)
    with transaction(sessions) as step:
        assert not invoices.park_hole(step.session, pk)
    assert not refuse(sessions, pk)
    assert row(sessions, pk).status == Status.PENDING


def test_a_token_in_use_is_a_conflict_and_spoils_nothing_else_of_the_transaction(sessions):
    add_pending(sessions)
    pk = begin(sessions, NewInvoice(account="default", transaction_id="NEW", amount=1, description="", digest=b"")).id
    with transaction(sessions) as step:
        with pytest.raises(Conflict, match="token"):
            invoices.finish_invoice(step.session, pk, token="token-of-ORD-1", payment_url="", first_check=FIRST)
        assert invoices.find_invoice(step.session, "ORD-1") is not None
    assert row(sessions, pk).status == Status.CREATED


def test_a_refused_order_is_quiet_and_may_be_taken_up_again_by_one(sessions):
    pk = begin(sessions).id
    assert refuse(sessions, pk)
    assert (row(sessions, pk).refusal, due_in(sessions, pk)) == ("Code02", None)
    assert sorted(all_at_once(*[lambda: retry(sessions, pk)] * 4)) == [False, False, False, True]
    assert (row(sessions, pk).status, row(sessions, pk).refusal) == (Status.CREATED, "")


def test_an_order_taken_up_again_counts_its_age_anew(sessions):
    pk = begin(sessions).id
    refuse(sessions, pk)
    let_pass(sessions, 40 * 86_400)
    retry(sessions, pk)
    assert value(sessions, "SELECT created_at > now() - interval '1 min' FROM transactions")


def test_what_was_not_refused_is_not_taken_up_again(sessions):
    assert not retry(sessions, begin(sessions).id)


def lost(sessions, pk):
    """Park it with the case that says its reply is lost."""
    with transaction(sessions) as step:
        invoices.park_hole(step.session, pk)
        open_cases(step.session, [NewCase(kind=CaseKind.TOKEN_LOST, detail="lost", transaction_pk=pk)])


@pytest.mark.parametrize("reply", [finish, refuse])
def test_a_reply_that_comes_after_all_ends_the_case_of_its_loss(sessions, reply):
    pk = begin(sessions).id
    lost(sessions, pk)
    assert reply(sessions, pk)
    assert row(sessions, pk).parked_at is None
    assert cases(sessions) == []
    assert cases(sessions, is_open=False) == ["token_lost"]


def test_a_taken_token_is_a_conflict_that_does_not_repeat_it(sessions):
    first, second = begin(sessions).id, begin(sessions, replace(NEW, transaction_id="ORD-2")).id
    token = secrets.token_hex(16)
    finish(sessions, first, token=token)
    with pytest.raises(Conflict) as caught:
        finish(sessions, second, token=token)
    assert token not in "".join(traceback.format_exception(caught.value))
