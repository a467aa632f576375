"""Bring the tables of a database to this version of the code. Safe to run twice, and by two at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from models import Base
from models.errors import StoreAway, TryAgain

SCRIPTS = Path(__file__).parent / "migrations"
ONE_AT_A_TIME = 5_461_743_210_001
"""Key of the advisory lock: any number that nothing else in this database uses."""

BRIEF_LOCKS = "-c lock_timeout=4000"
"""A migration that cannot get its lock fails and is run again; it must not queue every reader up behind it."""

LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that was not to be had in time."""

STATEMENT_TOO_LONG = "57014"
"""PostgreSQL's code for a statement that was ended before its answer."""

ASK_AGAIN = 0.1
"""Seconds between two looks at whether the other migrator is done."""


def upgrade(url: str) -> list[str]:
    """Run what is missing, one migrator at a time, each revision in a transaction of its own; the revisions that were run.

    Raises `StoreAway`, or `TryAgain` when a table was in use: then the revisions before that one stand, and running it
    again goes on from there.
    """
    with _engine(url, BRIEF_LOCKS) as engine, _alone(engine):
        with engine.connect() as connection:
            missing = _missing(connection)
        with engine.connect() as connection:
            command.upgrade(_config(connection), "head")
        return missing


def pending(url: str) -> list[str]:
    """The revisions this database still lacks, oldest first. Quick, or `StoreAway`."""
    with _engine(url, "-c statement_timeout=5000") as engine, engine.connect() as connection:
        return _missing(connection)


def drift(url: str) -> list[str]:
    """What the migrated database and the declared tables disagree about, one line each, as `alembic check` sees it."""
    with _engine(url, "") as engine, engine.connect() as connection:
        return [
            str(difference) for difference in compare_metadata(MigrationContext.configure(connection), Base.metadata)
        ]


def _missing(connection: Connection) -> list[str]:
    here = MigrationContext.configure(connection).get_current_revision()
    script = ScriptDirectory.from_config(_config(connection))
    return [step.revision for step in reversed(list(script.iterate_revisions("head", here or "base")))]


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _engine(url: str, options: str) -> Iterator[Engine]:
    """An engine for this one task, without the short limits that serve the workers; its errors become ours."""
    engine = create_engine(
        url,
        connect_args={
            "connect_timeout": 5,
            "tcp_user_timeout": 12_000,
            "options": options,
            "application_name": "reconciler-migrate",
        },
    )
    try:
        yield engine
    except OperationalError as exc:
        state = getattr(exc.orig, "sqlstate", "")
        if state == LOCK_NOT_AVAILABLE:
            raise TryAgain(
                "a table is in use by a long transaction; run it again, and it goes on where it stopped"
            ) from exc
        if state == STATEMENT_TOO_LONG:
            raise StoreAway("the database can be reached and does not answer in time; it is too busy") from exc
        raise StoreAway("the database cannot be reached; check DATABASE_URL and that PostgreSQL runs") from exc
    finally:
        engine.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Wait until no other migrator is at work, and keep the others waiting.

    Held by a session, so that a revision may commit in between, or build an index outside any transaction.
    """
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        # Asked again and again: a statement that waits keeps its snapshot, and CREATE INDEX CONCURRENTLY in the other
        # migrator waits until every older snapshot is gone.
        while not guard.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": ONE_AT_A_TIME}):
            time.sleep(ASK_AGAIN)
        try:
            yield
        finally:
            guard.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
