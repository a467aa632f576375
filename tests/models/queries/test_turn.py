"""A long queue of payouts is not late while it moves, and is when it stands still: for fsck, status, metrics, doctor and why."""

from __future__ import annotations

from datetime import timedelta

import pytest

from models.queries.accounts import loads
from models.queries.standing import find_standing
from models.queries.status import books_status
from models.session import transaction
from tasks.watch import fsck
from tests.ledger import run

MINUTE = timedelta(minutes=1)
LONG = 7_000
"""More than go out in the ten minutes after which fsck calls what is due overdue."""

PAYOUTS = """
    INSERT INTO transactions (kind, transaction_id, amount, order_digest, route, customer, status, next_check_at, {more})
    SELECT 'payout', format({name}, n), 100, '', 'mobile_money', '22670000000', {values}
    FROM generate_series(1, :count) AS n
"""
QUEUED = PAYOUTS.format(
    name="'OUT-%s'",
    more="created_at, queued_at",
    values="'created', now() - interval '11 min', now() - interval '1 h', now() - interval '1 h'",
)
SENT = (
    PAYOUTS.format(name="'SENT-%s'", more="created_at", values="'created', now() + interval '2 min', now()"),
    """
    UPDATE transactions SET sent_at = now(), wait_ended_at = now() - CAST(:ago AS interval), approval = :approval,
        approval_by = :approval, approval_why = :approval, approval_at = CASE WHEN :approval <> '' THEN now() END
    WHERE transaction_id LIKE 'SENT-%'
    """,
)


@pytest.fixture
def long_queue(sessions):
    run(sessions, QUEUED, count=LONG)
    return sessions


def one_is_sent(sessions, *, out_of_queue_ago, approval=None):
    run(sessions, SENT[0], count=1)
    run(sessions, SENT[1], ago=out_of_queue_ago, approval=approval)


def late(sessions):
    """How many are late: by fsck, status, of payouts, and of the account; when the first was due; and for why."""
    by_rule = sum(violation.rule == "overdue" for violation in fsck(sessions))
    with transaction(sessions) as step:
        books = books_status(step.session, bounds=[60])
        [load] = loads(step.session, late=MINUTE)
    with transaction(sessions) as step:
        waits = find_standing(step.session, "OUT-1").waits_its_turn
    return (by_rule, books.overdue, books.payouts.overdue, load.overdue, books.most_overdue_at is not None, waits)


def test_what_waits_its_turn_in_a_queue_that_moves_is_not_late(long_queue):
    one_is_sent(long_queue, out_of_queue_ago=timedelta(seconds=5))
    assert late(long_queue) == (0, 0, 0, 0, False, True)


def test_a_queue_that_stood_still_for_a_while_is_late_at_a_glance_and_by_the_rule_when_it_lasts(long_queue):
    one_is_sent(long_queue, out_of_queue_ago=timedelta(minutes=9))
    assert late(long_queue) == (0, LONG, LONG, LONG, True, False)
    run(long_queue, "UPDATE transactions SET wait_ended_at = now() - interval '11 min' WHERE sent_at IS NOT NULL")
    assert late(long_queue) == (LONG, LONG, LONG, LONG, True, False)


@pytest.mark.parametrize(
    ("ago", "approval"), [(None, None), (timedelta(0), "approved")], ids=["ordered now", "let go by a person"]
)
def test_a_payout_that_never_was_in_the_queue_does_not_show_that_it_moves(long_queue, ago, approval):
    one_is_sent(long_queue, out_of_queue_ago=ago, approval=approval)
    assert late(long_queue) == (LONG, LONG, LONG, LONG, True, False)


def test_what_is_late_and_not_in_the_queue_is_late_however_that_moves(long_queue):
    one_is_sent(long_queue, out_of_queue_ago=timedelta(seconds=5))
    run(long_queue, "UPDATE transactions SET queued_at = NULL WHERE transaction_id = 'OUT-1'")
    assert late(long_queue) == (1, 1, 1, 1, True, False)
