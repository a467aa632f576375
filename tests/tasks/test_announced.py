"""What counts as announced by a callback, told by the jobs themselves: they write what is read here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.listen import read_learned
from tests.fakes import completed
from tests.ledger import add_pending, claim, knock


@pytest.fixture
def lately(sessions):
    return lambda: read_learned(sessions)


@pytest.fixture
def pay(tools, fakes):
    """Have the gateway say completed about this one, and ask in this lane."""

    def settle(pk, lane=Lane.SWEEP):
        fakes.gateway.says(f"token-of-ORD-{pk}", completed(5000, f"ORD-{pk}", operator_name="MOOV"))
        confirm(tools, [pk], lane=lane)

    return settle


def counts(learned):
    return [(tally.operator, tally.learned_by, tally.count) for tally in learned.tallies]


def test_a_payment_is_announced_when_a_callback_about_it_came_before_it_was_settled(sessions, tools, pay, lately):
    """Whoever asked: a callback held back by the spacing is asked about by the sweep."""
    [pk] = add_pending(sessions)
    intake(tools, knock(sessions, claim("ORD-1")))
    pay(pk, Lane.SWEEP)
    assert counts(lately()) == [("MOOV", Lane.CALLBACK, 1)]


def test_a_callback_that_was_read_after_the_settlement_had_announced_it_all_the_same(sessions, tools, pay, lately):
    [pk] = add_pending(sessions)
    ids = knock(sessions, claim("ORD-1"))
    pay(pk)
    assert counts(lately()) == [("MOOV", Lane.SWEEP, 1)]
    intake(tools, ids)
    assert counts(lately()) == [("MOOV", Lane.CALLBACK, 1)]


def test_a_callback_that_came_after_the_settlement_announced_nothing(sessions, tools, pay, lately):
    [pk] = add_pending(sessions)
    pay(pk)
    intake(tools, knock(sessions, claim("ORD-1")))
    assert counts(lately()) == [("MOOV", Lane.SWEEP, 1)]


@pytest.mark.parametrize("status", ["pending", "notcompleted"])
def test_a_callback_that_claims_something_else_announced_nothing(sessions, tools, pay, lately, status):
    """What intake notes about the claim is read here: change both together."""
    [pk] = add_pending(sessions)
    intake(tools, knock(sessions, claim("ORD-1", status)))
    pay(pk)
    assert counts(lately()) == [("MOOV", Lane.SWEEP, 1)]


def test_what_nobody_announced_is_counted_by_who_asked(sessions, pay, lately):
    for pk, lane in zip(add_pending(sessions, 3), (Lane.PERSON, Lane.REPLAY, Lane.SWEEP), strict=True):
        pay(pk, lane)
    assert sorted(lane for _, lane, _ in counts(lately())) == [Lane.PERSON, Lane.REPLAY, Lane.SWEEP]


def test_the_last_callback_counts_also_while_it_is_unread_and_a_strangers_does_not(sessions, tools, lately):
    assert lately().heard_at is None
    intake(tools, knock(sessions, claim("NOBODY-KNOWS")))
    assert (lately().heard_at, lately().unread) == (None, 0)
    knock(sessions, claim("ORD-1"))
    found = lately()
    assert found.now - found.heard_at < timedelta(minutes=1)
    assert found.unread == 1
