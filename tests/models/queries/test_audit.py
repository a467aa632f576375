"""Every rule of fsck is broken on purpose, by plain SQL with the guards off, and finds what was broken and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from models.callback import Outcome
from models.queries.fsck.callbacks import CALLBACKS
from models.queries.fsck.deliveries import DELIVERIES
from models.queries.fsck.differences import DIFFERENCES
from models.queries.fsck.erasures import ERASURES
from models.queries.fsck.payments import PAYMENTS
from models.queries.fsck.plans import PLANS
from models.session import Sessions, transaction
from tasks.watch import fsck
from tests.damage import DAMAGE, WITHOUT_CONSTRAINTS
from tests.ledger import open_books, run, taken_back
from tests.servers import create_database, drop_database, fresh_name
from tests.soundbooks import TODAY, TODAY_OUT, write_sound_books

LATELY = timedelta(minutes=15)


@pytest.fixture(scope="module")
def sound_books(postgres_url, template_database) -> Iterator[Sessions]:
    """Books in which something is in every state there is, and no constraint is in the way.

    Written once for this file: by the rules of delay they are sound for the next ten minutes.
    """
    name = fresh_name()
    with open_books(create_database(postgres_url, name, template=template_database)) as opened:
        write_sound_books(opened)
        damage(opened, *WITHOUT_CONSTRAINTS)
        yield opened
    drop_database(postgres_url, name)


@pytest.fixture
def sessions(sound_books) -> Iterator[Sessions]:
    """The sound books, sound again after each test."""
    with taken_back(sound_books) as opened:
        yield opened


def damage(sessions: Sessions, *statements: str) -> None:
    """What a superuser can do: everything, with triggers and foreign keys off."""
    with transaction(sessions) as step:
        for statement in ("SET LOCAL session_replication_role = replica", *statements):
            step.session.execute(text(statement))


def found(sessions: Sessions, *, since: timedelta | None = None) -> set[tuple[str, str]]:
    """Which rules are broken, and about what."""
    return {(violation.rule, violation.subject) for violation in fsck(sessions, since=since)}


def test_sound_books_break_no_rule(sessions):
    assert found(sessions) == set()
    assert found(sessions, since=LATELY) == set()


def test_the_sound_books_of_these_tests_know_every_outcome(sessions):
    outcomes = {outcome for (outcome,) in run(sessions, "SELECT DISTINCT outcome FROM callbacks")}
    assert outcomes == {outcome.value for outcome in Outcome}
    assert run(sessions, "SELECT count(DISTINCT status) FROM transactions") == [(5,)]


def expected(broken: set[tuple[str, str]], sessions: Sessions) -> set[tuple[str, str]]:
    """Subjects in full: the day is the database's, and transactions are called so."""
    [(today,)] = run(sessions, "SELECT CAST(CAST(now() AT TIME ZONE 'UTC' AS date) AS text)")
    names = {subject: f"transaction {subject}" for _, subject in broken if subject.startswith(("ORD-", "OUT-"))}
    names |= {TODAY: TODAY + today, TODAY_OUT: f"{TODAY}{today}, money out"}
    return {(rule, names.get(subject, subject)) for rule, subject in broken}


WAITS_FOR_THE_NIGHT = {
    "a pending one is called completed",
    "a settlement is of a transaction that never was",
    "the answer that closed one is gone",
    "the override that closed one is gone",
    "a payout that waited is refused and nobody is told",
    "a prediction was changed after the review",
}
"""What is final without an answer of late: no row says that it moved. And hashes are only tried in full."""


def test_what_a_person_resolved_about_a_notice_that_was_given_up_is_their_decision(sessions):
    run(sessions, "UPDATE cases SET resolved_at = clock_timestamp(), resolved_by = 'awa' WHERE kind = 'endpoint'")
    assert found(sessions) == set()


@pytest.mark.parametrize("what", DAMAGE)
def test_planted_damage_is_found(sessions, what):
    statement, broken = DAMAGE[what]
    damage(sessions, statement)
    assert found(sessions) == expected(broken, sessions)
    lately = set() if what in WAITS_FOR_THE_NIGHT else expected(broken, sessions) - {("replay_changed", "plan 1")}
    assert found(sessions, since=LATELY) == lately


PROMISES = {
    rule.name: rule.promise
    for walk in (PAYMENTS, CALLBACKS, DELIVERIES, PLANS, DIFFERENCES, ERASURES)
    for rule in walk.rules
}
ADDED_UP = {"sums", "notice_gap", "notice_counter", "replay_changed", "prune_stalled"}
"""Rules that no single row can break."""


def test_every_rule_has_damage_that_breaks_it():
    assert {rule for _, broken in DAMAGE.values() for rule, _ in broken} == PROMISES.keys() | ADDED_UP


def test_every_rule_is_explained_with_its_promise():
    page = (Path(__file__).parents[3] / "docs" / "fsck.md").read_text(encoding="utf-8")
    explained = dict(re.findall(r"^### `(\w+)`\n\*(.+)\*$", page, re.MULTILINE))
    assert explained.keys() == PROMISES.keys() | ADDED_UP
    assert {name: explained[name] for name in PROMISES} == PROMISES
