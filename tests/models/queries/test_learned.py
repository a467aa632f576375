"""How payments came to be known: what counts as announced, how long it took, and that old rows cost nothing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from config import hush
from models.check import Lane
from models.queries.fsck.reading import reading
from models.queries.fsck.slices import before_lately
from models.queries.learned import HEARD, MISSED, TALLIES, WAITS, learned_lately
from models.session import transaction
from tests.ledger import run
from tests.settled import put_settled

WINDOW = timedelta(minutes=30)
REACH = timedelta(days=1)


@pytest.fixture
def lately(sessions):
    def look(hours=6):
        with reading(sessions) as session:
            return learned_lately(session, hours=hours, waits_of=hours, window=WINDOW, last=10, reach=REACH)

    return look


def counts(learned):
    return [(tally.operator, tally.learned_by, tally.count) for tally in learned.tallies]


def test_only_completed_payments_count_and_only_those_of_these_hours(sessions, lately):
    put_settled(sessions, 3, ago=30 * 3600, heard=5)
    put_settled(sessions, 2, ago=60)
    run(sessions, "UPDATE notices SET kind = 'notcompleted' WHERE id = 5")
    assert counts(lately(2)) == [("ORANGE BURKINA", Lane.SWEEP, 1)]


def test_operators_without_a_name_go_by_their_number(sessions, lately):
    put_settled(sessions, 1, ago=1, operator="")
    run(sessions, "UPDATE transactions SET operator_id = '11'")
    assert counts(lately()) == [("11", Lane.SWEEP, 1)]


def test_what_was_settled_by_hand_was_learned_from_a_person(sessions, lately):
    put_settled(sessions, 1, ago=1, heard=5)
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(text("UPDATE settlements SET check_id = NULL, override_id = 1"))
    [tally] = lately().tallies
    assert tally.learned_by is Lane.PERSON
    assert [wait.announced for wait in lately().waits if wait.hour is None] == [False]


def test_the_window_is_told_apart(sessions, lately):
    put_settled(sessions, 3, ago=45 * 60)
    put_settled(sessions, 2, ago=10)
    found = lately().tallies
    assert sum(t.count for t in found if t.is_recent) == 2
    assert sum(t.count for t in found if not t.is_recent) == 3


def test_times_count_from_the_first_callback_or_else_from_the_creation(sessions, lately):
    for heard in range(1, 101):
        put_settled(sessions, 1, ago=200 - heard, heard=heard)
    put_settled(sessions, 4, ago=5, created=600)
    run(
        sessions,
        """INSERT INTO callbacks (received_at, body, content_type, headers, source, digest, outcome, note, transaction_pk)
           SELECT received_at + interval '0.5 s', body, content_type, headers, source, digest, outcome, note, transaction_pk
           FROM callbacks""",
    )
    announced, other = [wait for wait in lately().waits if wait.hour is None]
    assert (announced.announced, announced.count) == (True, 100)
    assert [announced.p50, announced.p95, announced.p99] == pytest.approx([50, 95, 99], abs=0.1)
    assert (other.announced, other.count) == (False, 4)
    assert other.p99 == pytest.approx(600, abs=0.1)


def test_missed_are_the_last_ones_without_a_callback_since_the_last_callback(sessions, lately):
    put_settled(sessions, 20, ago=3 * 86_400)
    put_settled(sessions, 3, ago=3600)
    put_settled(sessions, 1, ago=1800, heard=5)
    assert lately().missed == 0
    put_settled(sessions, 4, ago=600)
    assert lately().missed == 4
    put_settled(sessions, 20, ago=60)
    assert lately().missed == 10


def rows_read(plan):
    """Rows that each scan of a table came across, by table."""
    read = {}
    if name := plan.get("Relation Name"):
        seen = sum(
            plan.get(key, 0) for key in ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
        )
        read[name] = seen * plan["Actual Loops"]
    for below in plan.get("Plans", []):
        for name, rows in rows_read(below).items():
            read[name] = read.get(name, 0) + rows
    return read


def test_what_was_settled_before_costs_nothing(sessions):
    """With many old payments, each statement comes across those of the last hours and next to nothing else."""
    put_settled(sessions, 3000, ago=9 * 3600, heard=5)
    put_settled(sessions, 1000, ago=8 * 3600)
    put_settled(sessions, 40, ago=600, heard=5)
    run(sessions, "ANALYZE")
    hours = timedelta(hours=6)
    with reading(sessions) as session:
        heard = session.execute(HEARD, {"hours": 6, "most": 100}).one()
        these = {"after": before_lately(session, "notices", since=hours), "since": heard.since}
        last = {"notices": 1000, "last": 10, "reach": REACH, "now": heard.now, "heard_at": heard.heard_at}
        for statement, parameters in (
            (HEARD, {"hours": 6, "most": 100}),
            (TALLIES, {**these, "now": heard.now, "window": WINDOW}),
            (WAITS, these),
            (MISSED, last),
        ):
            explained = session.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"), parameters)
            plan = explained if isinstance(explained, list) else json.loads(explained)
            assert all(rows <= 1000 for rows in rows_read(plan[0]["Plan"]).values()), json.dumps(plan, indent=1)
    assert hush.LEAST <= 10
