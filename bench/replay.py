"""`python -m bench.replay [ITEMS ...]`: what a replay plan costs at that size, on a PostgreSQL of its own with fsync on.

Half of the callbacks name an invoice that is paid, the others nothing we know. One plan of them is drafted by the books, one of
the invoices asking a stand-in that answers at once, and the first is worked off. Each step is a process of its own. Prints seconds, items a second
and the process's peak memory: of a real gateway the call budget says how long it takes.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time

import structlog

from models import migrate
from models.answers import Answer
from models.queries.replay.choice import CallbackChoice, TransactionChoice
from models.session import Sessions
from models.transaction import Status
from tasks.foresee import draft_plan
from tasks.replay import work_batch
from tests.fakes import FakeGateway, Fakes, completed, toolbox
from tests.ledger import add_pending, open_books, run
from tests.plans import DAY, approve, found, let_wait
from tests.servers import create_database, drop_database, fresh_name, running_servers

SIZES = (10_000, 100_000)
STEPS = ("draft", "draft_asking", "run")

FILL = """
    INSERT INTO callbacks (body, content_type, headers, source, digest, outcome, attempts)
    SELECT convert_to('{"status": "completed", "transaction_id": "ORD-' || n || '"}', 'UTF8'),
           'application/json', '{}', '', '', 'orphan', 6
    FROM generate_series(1, CAST(:items AS bigint)) AS n
"""


class PaidGateway(FakeGateway):
    """Says of every invoice that it is paid, and keeps no list of who asked."""

    def confirm(self, token: str) -> Answer:
        """At once."""
        return completed(5000, token.removeprefix("token-of-"))


def fill(url: str, *, items: int) -> None:
    """So many failed callbacks, every second about an invoice that is known by now."""
    with open_books(url) as sessions:
        run(sessions, FILL, items=items)
        for start in range(0, items // 2, 10_000):
            add_pending(sessions, min(10_000, items // 2 - start))
        run(sessions, "ANALYZE")


def step(name: str, sessions: Sessions) -> None:
    """One of the steps, in this process."""
    tools = toolbox(sessions, Fakes(gateway=PaidGateway()))
    if name == "run":
        let_wait(sessions)
        approve(tools, 1)
        while work_batch(tools, 1):
            pass
        if found(sessions, 1).state.value != "done":
            raise SystemExit("the plan is not done")
        return
    asking = name == "draft_asking"
    choice = TransactionChoice(statuses=(Status.PENDING,)) if asking else CallbackChoice(failed=True)
    draft_plan(tools, choice, author="bench", ask=asking, life=DAY, told=lambda _: None)


def measure(url: str, name: str) -> tuple[float, float]:
    """Seconds of one step, as its process tells them itself, and the peak MB of the process."""
    argv = [sys.executable, "-m", "bench.replay", "--step", name, url]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} left with {process.returncode}")
    return float(said), usage.ru_maxrss / 1024


def main() -> None:
    """Measure each size in a database of its own; or, called by itself, do one step."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if sys.argv[1:2] == ["--step"]:
        with open_books(sys.argv[3]) as sessions:
            began = time.monotonic()
            step(sys.argv[2], sessions)
            sys.stdout.write(f"{time.monotonic() - began}")
        return
    with running_servers() as servers:
        for items in [int(size) for size in sys.argv[1:]] or SIZES:
            name = fresh_name()
            url = create_database(servers.postgres_url, name)
            migrate.upgrade(url)
            fill(url, items=items)
            for one in STEPS:
                seconds, peak = measure(url, one)
                count = items // 2 if one == "draft_asking" else items
                line = f"{count:>9,} items  {one:<13} {seconds:7.1f} s  {count / seconds:>8,.0f} items/s  peak {peak:.0f} MB\n"
                sys.stdout.write(line)
                sys.stdout.flush()
            drop_database(servers.postgres_url, name)


if __name__ == "__main__":
    main()
