"""What can befall a database, and what its clients then do."""

from __future__ import annotations

import time
from contextlib import contextmanager

import psycopg
from psycopg import sql
from sqlalchemy import event

from tests.servers import libpq


def rule(database_url: str, statement: str) -> None:
    """Run one statement in this database, also while it is read-only for others; `{}` is its name."""
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(libpq(database_url), autocommit=True, options=options) as admin:
        admin.execute(sql.SQL(statement).format(sql.Identifier(admin.info.dbname)))


def throw_everybody_out(url: str) -> None:
    with psycopg.connect(libpq(url), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def frozen(database_url):
    """No commit of a callback returns before what this gives is rolled back."""
    with psycopg.connect(libpq(database_url)) as other:
        other.execute("LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE")
        yield other


@contextmanager
def counted_inserts(sessions):
    """Every INSERT that is sent to the database meanwhile."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if statement.lstrip().startswith("INSERT"):
            sent.append(statement)

    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def counted_connects(sessions):
    """Every try to connect meanwhile."""
    tried = []

    def note(*_):
        tried.append(time.monotonic())

    engine = sessions.kw["bind"]
    event.listen(engine, "do_connect", note)
    yield tried
    event.remove(engine, "do_connect", note)
