"""Bring the tables of a database to this version of the code. Safe to run twice, and by two at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from models import Base
from models.errors import StoreAway

SCRIPTS = Path(__file__).parent / "migrations"
ONE_AT_A_TIME = 5_461_743_210_001
"""Key of the advisory lock: any number that nothing else in this database uses."""


def upgrade(url: str) -> list[str]:
    """Run what is missing, one migrator at a time; the revisions that were run. Raises `StoreAway`."""
    with _transaction(url) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        missing = _missing(connection)
        # A migration that cannot get its lock fails and is run again; it must not queue every reader up behind it.
        connection.execute(text("SET LOCAL lock_timeout = '4s'"))
        command.upgrade(_config(connection), "head")
        return missing


def pending(url: str) -> list[str]:
    """The revisions this database still lacks, oldest first. Raises `StoreAway`."""
    with _transaction(url) as connection:
        return _missing(connection)


def drift(url: str) -> list[str]:
    """What the migrated database and the declared tables disagree about, one line each, as `alembic check` sees it."""
    with _transaction(url) as connection:
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
def _transaction(url: str) -> Iterator[Connection]:
    """One transaction on an engine of its own, without the short limits that serve the workers."""
    engine = create_engine(url, connect_args={"connect_timeout": 5, "application_name": "reconciler-migrate"})
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as exc:
        raise StoreAway("the database cannot be reached; check DATABASE_URL and that PostgreSQL runs") from exc
    finally:
        engine.dispose()
