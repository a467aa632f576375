"""Counts the work of everything that runs between two moments, where it arrives: at the cursor, in libpq, in the server.

Statements are counted at SQLAlchemy's cursor. Round trips to PostgreSQL are read off libpq's own trace, so `BEGIN`, pings and
the preparing of statements are in them. Redis is asked what came in: MONITOR shows the commands, and INFO how often the server had
something to read. Nothing is patched, and nothing is timed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import redis
from sqlalchemy import Engine, TextClause, event
from sqlalchemy.dialects.postgresql import psycopg

from models import queries
from tests.counted.counts import Counts

READY = "ReadyForQuery"
"""What PostgreSQL says at the end of each round trip."""

OURS = b"the end of what is counted"

NOT_COUNTED = ("INFO", "PING", "ECHO")
"""Commands of the meter itself, and the health checks of connections, which go by the clock."""


class Meter:
    """Counts while `counting`, again and again, and adds it up."""

    def __init__(self, engines: Sequence[Engine], valkey_url: str, *, folder: Path) -> None:
        """Listens to these engines, which must not be connected yet, and to all that others do on this Valkey."""
        self._valkey = redis.Redis.from_url(valkey_url)
        self._monitoring = redis.Redis.from_url(valkey_url)
        self._names = statement_names()
        self._trace = folder / "libpq"
        self._trace.touch()
        self._files: list[int] = []
        self._is_on = False
        self.reset()
        for engine in engines:
            event.listen(engine, "connect", self._connected)
            event.listen(engine, "before_cursor_execute", self._executed)
            event.listen(engine, "commit", self._committed)

    def close(self) -> None:
        """End. The engines must be disposed of before."""
        self._valkey.close()
        self._monitoring.close()
        for file in self._files:
            os.close(file)

    def reset(self) -> None:
        """Forget what was counted so far."""
        self._sql: Counter[str] = Counter()
        self._redis: Counter[str] = Counter()
        self._commits = self._postgres_round_trips = self._redis_round_trips = 0

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count until the block ends."""
        trips = self._trips()
        with self._monitoring.monitor() as monitor:
            reads = self._reads()
            self._is_on = True
            yield
            self._is_on = False
            self._redis_round_trips += self._reads() - reads - 1  # less the second look itself
            self._valkey.echo(OURS)
            self._hear(monitor)
        self._postgres_round_trips += self._trips() - trips

    def counts(self, *, messages: dict[str, int], message_bytes: int, questions: int) -> Counts:
        """All so far, with what others counted."""
        return Counts(
            sql=dict(self._sql),
            commits=self._commits,
            postgres_round_trips=self._postgres_round_trips,
            redis=dict(self._redis),
            redis_round_trips=self._redis_round_trips,
            messages=messages,
            message_bytes=message_bytes,
            questions=questions,
        )

    def _connected(self, connection: Any, _record: Any) -> None:
        file = os.open(self._trace, os.O_WRONLY | os.O_APPEND)
        self._files.append(file)
        connection.pgconn.trace(file)

    def _executed(self, _connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if self._is_on:
            self._sql[self._names.get(statement) or by_table(statement)] += 1

    def _committed(self, _connection: Any) -> None:
        self._commits += self._is_on

    def _trips(self) -> int:
        return self._trace.read_text().count(READY)

    def _reads(self) -> int:
        return int(self._valkey.info("stats")["total_reads_processed"])

    def _hear(self, monitor: Any) -> None:
        """Take in what the server told the monitor, in the server's order, up to our own last command."""
        for told in monitor.listen():
            name, _, rest = told["command"].partition(" ")
            if rest == OURS.decode():
                return
            if name.upper() == "PING":
                self._redis_round_trips -= 1
            if told["client_type"] != "lua" and name.upper() not in NOT_COUNTED:
                self._redis[name.upper()] += 1


def statement_names() -> dict[str, str]:
    """The names that statements have in `models.queries`, by their text as it reaches the cursor."""
    dialect = psycopg.dialect()
    found: dict[str, str] = {}
    for module in walk_packages(queries.__path__, f"{queries.__name__}."):
        for name, clause in vars(import_module(module.name)).items():
            if isinstance(clause, TextClause):
                place = module.name.removeprefix(f"{queries.__name__}.")
                found.setdefault(str(clause.compile(dialect=dialect)), f"{place}.{name}")
    return found


def by_table(statement: str) -> str:
    """A name for a statement that has none: its verb and its table."""
    verb = statement.split(maxsplit=1)[0]
    table = re.search(r"\b(?:FROM|INTO|UPDATE) (\w+)", statement)
    return f"{verb} {table[1]}" if table else " ".join(statement.split())[:40]
