"""`python -m bench.spool [CALLBACKS]`: what a callback costs stored, spooled and drained, side by side in one run.

On a PostgreSQL of its own with fsync on, through the door's own writer and drainer, without HTTP: 256 senders, each with
one callback of 1 kB under way. Prints microseconds and CPU microseconds of this process for each callback; the ratios say more
than the figures, which are the disk's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from models import migrate
from models.callback import Receipt
from models.session import Sessions, make_engine, make_sessions
from tests.servers import create_database, drop_database, fresh_name, running_servers
from worker.web.drainer import Drainer
from worker.web.spool import Spool
from worker.web.waiting_room import WaitingRoom
from worker.web.writer import Writer

CALLBACKS = 20_000
SENDERS = 256
ROUNDS = 5
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
RECEIPT = Receipt(
    body=b'{"response_code":"00","status":"completed","pad":"%s"}' % (b"x" * 950),
    content_type="application/json",
    headers={"host": "pay.example.com", "user-agent": "GuzzleHttp/7", "accept": "*/*", "content-length": "1003"},
    source="203.0.113.7",
)


@dataclass(frozen=True)
class Cost:
    """Microseconds for each callback: by the clock, and of this process's CPU."""

    clock: float
    cpu: float


def measured(work: Callable[[], object], *, count: int) -> Cost:
    """What `work` on so many callbacks costs."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost((time.perf_counter() - clock) * 1e6 / count, (time.process_time() - cpu) * 1e6 / count)


@contextmanager
def sessions_on(url: str) -> Iterator[Sessions]:
    """Sessions on an engine that is closed afterwards."""
    engine = make_engine(url)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()


def take_in(sessions: Sessions, spool: Spool, count: int) -> None:
    """Senders that each wait for their answer before the next callback."""

    async def send(writer: Writer, turns: Iterator[int]) -> None:
        for _ in turns:
            await writer.store(RECEIPT)

    async def main() -> None:
        writer = Writer(sessions, spool, ring=lambda _: None, room=WaitingRoom(patience=60))
        writer.start()
        turns = iter(range(count))
        await asyncio.gather(*[send(writer, turns) for _ in range(SENDERS)])
        await asyncio.to_thread(writer.stop)

    asyncio.run(main())


def one_round(sessions: Sessions, nowhere: Sessions, *, folder: Path, count: int) -> tuple[Cost, Cost, Cost]:
    """Stored, spooled, drained."""
    spool = Spool(folder, max_mb=4096)
    spool.prepare()
    drainer = Drainer(spool, sessions, ring=lambda _: None, database_is_back=lambda: None)
    stored = measured(lambda: take_in(sessions, spool, count), count=count)
    spooled = measured(lambda: take_in(nowhere, spool, count), count=count)
    drained = measured(drainer.drain, count=count)
    if spool.look().waiting or drainer.is_alive:
        raise SystemExit("the spool was not drained")
    return stored, spooled, drained


def measure(count: int) -> list[tuple[Cost, Cost, Cost]]:
    """All rounds, on one PostgreSQL."""
    with running_servers(fsync=True) as servers, tempfile.TemporaryDirectory(dir=".") as folder:
        name = fresh_name()
        url = create_database(servers.postgres_url, name)
        migrate.upgrade(url)
        with sessions_on(url) as sessions, sessions_on(NOWHERE) as nowhere:
            rounds = [one_round(sessions, nowhere, folder=Path(folder) / str(i), count=count) for i in range(ROUNDS)]
        drop_database(servers.postgres_url, name)
    return rounds


def main() -> None:
    """Measure, and print the median of the rounds."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CALLBACKS
    columns = list(zip(*measure(count), strict=True))
    medians = [Cost(statistics.median(c.clock for c in one), statistics.median(c.cpu for c in one)) for one in columns]
    lines = [
        f"{ROUNDS} rounds of {count} callbacks, {SENDERS} senders, {os.cpu_count()} cores; median for each callback",
        f"{'':10}{'µs':>8}{'CPU µs':>10}{'to stored':>12}{'CPU':>7}",
    ]
    stored = medians[0]
    for what, cost in zip(("stored", "spooled", "drained"), medians, strict=True):
        ratios = f"{cost.clock / stored.clock:12.2f}{cost.cpu / stored.cpu:7.2f}"
        lines.append(f"{what:10}{cost.clock:8.0f}{cost.cpu:10.0f}{ratios}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
