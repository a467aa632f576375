"""Erasing what is past its time: what goes, what stays, and what is said of it afterwards."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import text

from config.retention import FAR, LEAST, MOST, TARGET, Pace, Retention
from models.errors import Conflict
from models.queries.events import events_after
from models.queries.receive import reopen_callbacks
from models.queries.replay.choice import CallbackChoice
from models.session import transaction
from models.shelf import Shelf
from tasks.prune import Fate, prune, stock
from tasks.watch import fsck
from tests.ledger import count, run, value
from tests.plans import plan
from tests.fakes import toolbox
from tests.soundbooks import write_sound_books

AGED = {
    "transactions": ("created_at", "final_at", "decided_asked_at", "last_asked_at", "sent_at"),
    "callbacks": ("received_at", "stored_at"),
    "checks": ("asked_at",),
    "overrides": ("made_at",),
}
YEAR = Retention(callbacks=365, answers=365, persons=365)
ALL = Retention(callbacks=365, answers=365, persons=365, proofs=365, settled=365)


def age(sessions, days: float) -> None:
    """Let everything have happened so many days earlier; past the guards, which keep dates as they are."""
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        for table, columns in AGED.items():
            moved = ", ".join(f"{column} = {column} - :by" for column in columns)
            step.session.execute(text(f"UPDATE {table} SET {moved}"), {"by": timedelta(days=days)})


@pytest.fixture
def old_books(sessions):
    """The sound books, all of them two years old."""
    write_sound_books(sessions)
    age(sessions, 730)
    return sessions


def erase(sessions, keep=YEAR, **how):
    return prune(sessions, keep, rest=lambda _: None, **how)


def test_x(old_books):
    print(erase(old_books))
    print(stock(old_books, ALL))
    print(erase(old_books, ALL))
    print(stock(old_books, ALL))
    print(run(old_books, "select * from shelf_marks"))
    for v in fsck(old_books): print(v)
    assert 0
