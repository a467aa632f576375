"""What a payment leaves behind: bytes on disk and in the log of PostgreSQL, transactions of the database, bytes in Valkey.

For the cost model of `reconciler size`; nothing here has to reach anything.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import redis

from bench.books import add_pending, settled
from bench.figures import Chapter, Series
from bench.report import chapter_lines
from bench.stage import Stage, open_stage, until
from bench.traffic import Load, send
from config.celery_settings import CALLBACKS
from tests.servers import free_port, libpq

CALLBACK, CHECK, PAYMENT = "callback on disk", "check on disk", "payment on disk"
LOG, COMMITS, MESSAGE = "log of a payment", "transactions of a callback that comes alone", "message waiting in Valkey"

Counted = tuple[str, str, float]
"""A name, its unit, and how much."""

TABLES = {CALLBACK: ("callbacks",), CHECK: ("checks",), PAYMENT: ("transactions", "settlements", "notices")}

MANY = 2000
"""Payments whose bytes are counted: pages and the first rows of an index then hardly count."""

ALONE_RATE = 20.0
"""Callbacks a second that come one by one: each has a commit and a message of its own."""

ALONE = 100
"""How many of those."""

LONG_TOKENS = "UPDATE transactions SET payment_url = repeat('t', 600)"
"""The gateway's tokens have some 200 characters. They stand in two columns and one index; the bench's own are short."""


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """Count what is there before and after. One round, whatever `rounds` says: counts hardly differ."""
    del rounds
    say("footprint: alone, then many at once")
    found = list(_counted_all(stage))
    return Chapter(
        name="footprint",
        title="What a payment leaves behind",
        how=(
            f"{MANY:,} payments, called back about twice each and settled; sizes of tables with their indexes, as they grew. "
            f"Then {ALONE} callbacks that come one by one, {ALONE_RATE:g} a second: first with no worker, for the bytes in "
            "Valkey, then with one, for the transactions of the database, reading ones included."
        ),
        series=[Series(name=name, unit=unit, samples=[value]) for name, unit, value in found],
    )


def _counted_all(stage: Stage) -> Iterator[Counted]:
    with stage.database() as url, ExitStack() as stack:
        gateway, port = free_port(), free_port()
        environment = stage.environment(url, gateway=f"http://127.0.0.1:{gateway}", LIGDICASH_RATE="100000")
        asked = stage.python(
            "gateway", "bench.gateway", str(gateway), "0.02", environment=environment, ready=stage.listening(gateway)
        )
        stack.enter_context(asked)
        ours = stage.ours(environment, port=port)
        stack.enter_context(stage.run_child(ours["web"]))
        add_pending(url, first=1, count=MANY + 2 * ALONE)
        with psycopg.connect(libpq(url), autocommit=True) as connection:
            connection.execute(LONG_TOKENS)
            connection.execute("VACUUM FULL transactions")
            yield MESSAGE, "bytes", _waiting(stage, port)
            with stage.run_child(ours["worker"]):
                until(lambda: settled(url) == ALONE, within=30, what="the first payments")
                yield COMMITS, "", _commits(connection, url, port)
                yield from _bytes(connection, url, port)


def _waiting(stage: Stage, port: int) -> float:
    """Bytes in Valkey of a message that nobody takes up. The first half opens what connections there will be."""
    with redis.Redis.from_url(stage.redis_url) as client:
        seen = []
        for first in (1, 1 + ALONE // 2):
            send(Load(port=port, first=first, transactions=ALONE // 2, rate=ALONE_RATE, twins=False))
            seen.append((client.info("memory")["used_memory"], client.llen(f"reconciler:{CALLBACKS}")))
    (before, few), (after, many) = seen
    return (after - before) / (many - few)


def _commits(connection: psycopg.Connection, url: str, port: int) -> float:
    """Transactions of the database for a callback that comes alone and is settled."""
    before = _counted(connection)
    send(Load(port=port, first=ALONE + 1, transactions=ALONE, rate=ALONE_RATE, twins=False))
    until(lambda: settled(url) == 2 * ALONE, within=30, what="the payments that came alone", every=0.5)
    return (_counted(connection) - before) / ALONE


def _counted(connection: psycopg.Connection) -> float:
    time.sleep(1.1)  # a server process tells its counts once a second
    return _number(connection, "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")


def _bytes(connection: psycopg.Connection, url: str, port: int) -> Iterator[Counted]:
    connection.execute("CHECKPOINT")
    before = {name: _size(connection, tables) for name, tables in TABLES.items()}
    checks, log = _number(connection, "SELECT count(*) FROM checks"), _number(connection, LOG_POSITION)
    send(Load(port=port, first=2 * ALONE + 1, transactions=MANY))
    until(lambda: settled(url) == MANY + 2 * ALONE, within=90, what="settling", every=0.5)
    counts = {CALLBACK: 2 * MANY, CHECK: _number(connection, "SELECT count(*) FROM checks") - checks, PAYMENT: MANY}
    yield LOG, "bytes", (_number(connection, LOG_POSITION) - log) / MANY
    for name, tables in TABLES.items():
        # The invoices were there before they were paid: theirs is the whole table.
        grew = _size(connection, tables) - (0 if name == PAYMENT else before[name])
        yield name, "bytes", grew / (MANY + 2 * ALONE if name == PAYMENT else counts[name])


LOG_POSITION = "SELECT pg_current_wal_lsn() - '0/0'"


def _size(connection: psycopg.Connection, tables: tuple[str, ...]) -> float:
    return sum(_number(connection, f"SELECT pg_total_relation_size('{table}')") for table in tables)


def _number(connection: psycopg.Connection, question: str) -> float:
    row = connection.execute(question).fetchone()
    return float(row[0]) if row else 0.0


if __name__ == "__main__":
    with open_stage() as own:
        chapter = measure(own, rounds=1, say=lambda line: sys.stderr.write(f"{line}\n"))
    sys.stdout.write("\n".join(chapter_lines(chapter)) + "\n")
