"""The statements of plans: a hash over any number of items, guards of the tables, and who may claim what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from models.queries.replay import draft, work
from models.queries.stops import switch_off
from models.session import transaction
from models.stop import Switch
from tests.ledger import add_created, all_at_once, run, value

ADD_PLAN = """
    INSERT INTO replay_plans (state, author, filters, run_by, reason, digest, expires_at, run_at, items)
    VALUES ('running', 'awa', '{"what": "transactions"}', 'binta', 'why', sha256(''), now(), now(), :items) RETURNING id
"""
ADD_ITEMS = """
    INSERT INTO replay_items (plan_id, position, transaction_pk, about_pk, prediction)
    SELECT :id, n, 1, 1, 'to_ask' FROM generate_series(1, CAST(:items AS bigint)) AS n
"""
HOW = work.Claim(most=200, lease=timedelta(seconds=39), shy=6)


def running(sessions, items):
    """A running plan with so many items about ORD-1."""
    add_created(sessions)
    plan_id = value(sessions, ADD_PLAN, items=items)
    run(sessions, ADD_ITEMS, id=plan_id, items=items)
    return plan_id


def claim(sessions, plan_id, limit=100):
    with transaction(sessions) as step:
        return [item.position for item in work.claim(step.session, plan_id, limit=limit, how=HOW)]


def digest(sessions, plan_id):
    with transaction(sessions) as step:
        return draft.digest_of(step.session, plan_id)


def test_a_hash_is_over_all_items_however_many(sessions):
    plan_id = running(sessions, 45_000)
    before = digest(sessions, plan_id)
    run(sessions, "UPDATE replay_items SET amount = 1 WHERE position = 44999")
    assert digest(sessions, plan_id) != before
    run(sessions, "UPDATE replay_items SET amount = 0 WHERE position = 44999")
    assert digest(sessions, plan_id) == before
    run(sessions, "DELETE FROM replay_items WHERE position = 45000")
    assert digest(sessions, plan_id) != before


def test_what_was_worked_does_not_change_the_hash(sessions):
    plan_id = running(sessions, 3)
    before = digest(sessions, plan_id)
    claim(sessions, plan_id)
    run(sessions, "UPDATE replay_items SET done_at = now(), actual = 'pending', about_pk = NULL")
    assert digest(sessions, plan_id) == before


def test_two_who_claim_at_once_get_different_items_in_order(sessions):
    plan_id = running(sessions, 300)
    first, second = all_at_once(lambda: claim(sessions, plan_id), lambda: claim(sessions, plan_id))
    assert sorted(first + second) == list(range(1, 201))
    assert first == sorted(first)


def test_a_claim_ends_by_itself_and_is_counted_as_lost(sessions):
    plan_id = running(sessions, 3)
    assert claim(sessions, plan_id) == [1, 2, 3]
    assert claim(sessions, plan_id) == []
    run(sessions, "UPDATE replay_items SET leased_until = clock_timestamp()")
    assert claim(sessions, plan_id) == [1, 2, 3]
    assert run(sessions, "SELECT DISTINCT tries, lost FROM replay_items") == [(2, 1)]


@pytest.mark.parametrize("state", ["drafting", "ready", "done", "cancelled"])
def test_only_a_running_plan_gives_items(sessions, state):
    plan_id = running(sessions, 3)
    run(sessions, "UPDATE replay_plans SET state = :state, cancelled_by = 'x', cancelled_why = 'y'", state=state)
    assert claim(sessions, plan_id) == []


def test_nothing_is_claimed_while_the_switch_is_off(sessions):
    plan_id = running(sessions, 3)
    with transaction(sessions) as step:
        switch_off(step.session, Switch.REPLAY, author="awa", reason="why", length=timedelta(hours=1))
    assert claim(sessions, plan_id) == []
    run(sessions, "UPDATE stops SET off_at = now() - interval '2 h', until = now() - interval '1 h'")
    assert claim(sessions, plan_id) == [1, 2, 3]


def test_one_settlement_is_one_items_doing(sessions):
    running(sessions, 2)
    with pytest.raises(IntegrityError, match="uq_replay_items_settled"):
        run(sessions, "UPDATE replay_items SET done_at = now(), actual = 'settled'")


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ("UPDATE replay_plans SET reason = ''", "answered_for"),
        ("UPDATE replay_plans SET state = 'cancelled'", "end_answered_for"),
        ("UPDATE replay_plans SET digest = ''", "frozen"),
        ("UPDATE replay_items SET done_at = now()", "has_come_to_something"),
        ("UPDATE replay_items SET actual = 'to_ask'", "known_actual"),
        ("UPDATE replay_items SET prediction = ''", "known_prediction"),
    ],
)
def test_the_tables_refuse_what_nobody_answers_for(sessions, change, guard):
    running(sessions, 1)
    with pytest.raises(IntegrityError, match=guard):
        run(sessions, change)
