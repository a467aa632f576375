"""What is foreseen of an item and what came of it, in the same words: for every status and everything the gateway can say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from models.answers import Answer, Said
from models.decisions import Books
from models.foresight import Aftermath, again, came_to, foresee
from models.replay import Upshot
from models.transaction import Status
from tests.fakes import completed, notcompleted, pending, silence

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
PAID = completed(5000, "ORD-1")
WRONG = completed(4000, "ORD-1")
STRANGE = Answer(said=Said.UNKNOWN)
GONE = Answer(said=Said.NOT_FOUND)


def books(status):
    is_final = status in (Status.COMPLETED, Status.NOTCOMPLETED)
    return Books(status=status, amount=5000, transaction_id="ORD-1", decided_asked_at=NOW if is_final else None)


@pytest.mark.parametrize(
    ("status", "answer", "upshot"),
    [
        (Status.PENDING, PAID, Upshot.SETTLED),
        (Status.PENDING, WRONG, Upshot.MISMATCH),
        (Status.PENDING, notcompleted(), Upshot.CLOSED),
        (Status.PENDING, pending(), Upshot.PENDING),
        (Status.PENDING, STRANGE, Upshot.UNCLEAR),
        (Status.PENDING, GONE, Upshot.UNCLEAR),
        (Status.PENDING, silence(), Upshot.TO_ASK),
        (Status.PENDING, Answer(said=Said.REFUSED), Upshot.TO_ASK),
        (Status.COMPLETED, PAID, Upshot.NOTHING_NEW),
        (Status.COMPLETED, WRONG, Upshot.CONTRADICTION),
        (Status.COMPLETED, notcompleted(), Upshot.CONTRADICTION),
        (Status.COMPLETED, pending(), Upshot.CONTRADICTION),
        (Status.COMPLETED, silence(), Upshot.TO_ASK),
        (Status.NOTCOMPLETED, PAID, Upshot.SETTLED),
        (Status.NOTCOMPLETED, WRONG, Upshot.MISMATCH),
        (Status.NOTCOMPLETED, notcompleted(), Upshot.NOTHING_NEW),
        (Status.NOTCOMPLETED, pending(), Upshot.PENDING),
        (Status.CREATED, PAID, Upshot.UNASKABLE),
        (Status.REFUSED, silence(), Upshot.UNASKABLE),
    ],
)
def test_an_answer_comes_to_this(status, answer, upshot):
    assert foresee(books(status), answer, asked_at=LATER) is upshot


@pytest.mark.parametrize(("status", "said"), list(product(Status, Said)))
def test_every_status_and_every_answer_has_a_word(status, said):
    assert foresee(books(status), Answer(said=said), asked_at=LATER) in Upshot


def after(status, answer=None, **changes):
    facts = {"is_askable": True, "settled": False, "closed": False, "is_first": True, **changes}
    return Aftermath(books=books(status), answer=answer, asked_at=LATER if answer else None, **facts)


@pytest.mark.parametrize(
    ("facts", "upshot"),
    [
        (after(Status.COMPLETED, PAID, settled=True), Upshot.SETTLED),
        (after(Status.COMPLETED, settled=True), Upshot.SETTLED),
        (after(Status.COMPLETED, PAID, settled=True, is_first=False), Upshot.NOTHING_NEW),
        (after(Status.NOTCOMPLETED, notcompleted(), closed=True), Upshot.CLOSED),
        (after(Status.NOTCOMPLETED, notcompleted(), closed=True, is_first=False), Upshot.NOTHING_NEW),
        (after(Status.COMPLETED, PAID), Upshot.NOTHING_NEW),
        (after(Status.PENDING, pending()), Upshot.PENDING),
        (after(Status.PENDING, WRONG), Upshot.MISMATCH),
        (after(Status.CREATED, is_askable=False), Upshot.UNASKABLE),
        (after(Status.PENDING), None),
        (after(Status.PENDING, PAID), None),  # an answer that has not moved what it should: settling is switched off
    ],
)
def test_what_came_of_an_item_is_read_from_the_books(facts, upshot):
    assert came_to(facts) is upshot


def test_what_happens_once_is_nothing_new_the_second_time():
    assert {upshot for upshot in Upshot if again(upshot) is not upshot} == {Upshot.SETTLED, Upshot.CLOSED}
