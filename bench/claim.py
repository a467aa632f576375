"""`python -m bench.claim`: claiming 1,000 due invoices out of a million against out of ten thousand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta

import psycopg

from bench.alone import alone
from bench.figures import Chapter, Figure, Series, short
from bench.stage import Stage
from models.queries import due
from models.session import Sessions, make_engine, make_sessions, transaction
from tests.servers import libpq

SIZES = (10_000, 1_000_000)
CLAIM = 1_000
DUE = 1_500
"""Due invoices in each table: nine in ten of them the newest, the others anywhere."""

CLAIMS = 5
"""Of each table in a round."""

WARM = 4
"""Claims of each that do not count."""

LEASE = timedelta(seconds=39)
MUST = 1.3

# Triggers rest while the table is filled: they would ask for a settlement of each that is completed.
FILL = """
    SET session_replication_role = replica;
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, token, created_at, final_at, answered, asked)
    SELECT 'invoice', 'ORD-' || n, 5000, 'completed', '\\x00', 'token-of-' || n,
           clock_timestamp() - ({rows} - n) * interval '1 s', clock_timestamp(), 1, 1
    FROM generate_series(1, {rows}) AS n;
    UPDATE transactions SET status = 'pending', final_at = NULL, next_check_at = clock_timestamp() - id * interval '1 ms'
    WHERE id > {rows} - {newest} OR id <= {rows} - {newest} AND id % (({rows} - {newest}) / {others}) = 0;
"""

# As they were, and without what the claim left behind: the next one finds the same table.
DUE_AGAIN = """
    UPDATE transactions SET next_check_at = clock_timestamp() - id * interval '1 ms' WHERE next_check_at IS NOT NULL
"""

HOW = (
    f"One claim of {CLAIM:,} by the sweep's own statement, commit included, of {DUE:,} due invoices; all others are settled. Nine in "
    "ten of the due ones are the newest rows, the others lie anywhere in the table. The tables take turns; between two claims the "
    f"rows are made due again, and what the claim left behind is vacuumed away. Median of {CLAIMS} claims a round."
)


@dataclass(frozen=True)
class Table:
    """One size of table, and what claims of it took."""

    rows: int
    sessions: Sessions
    connection: psycopg.Connection
    times: list[float] = field(default_factory=list)

    def claim(self) -> float:
        """Seconds of one claim."""
        began = time.perf_counter()
        with transaction(self.sessions) as step:
            claimed = due.claim_transactions(step.session, until=due.now(step.session), limit=CLAIM, lease=LEASE)
        took = time.perf_counter() - began
        if len(claimed) != CLAIM:
            raise SystemExit(f"{len(claimed)} of {CLAIM} were claimed")
        self.make_due()
        return took

    def make_due(self) -> None:
        """As it was before the claim."""
        self.connection.execute(DUE_AGAIN)
        self.connection.execute("VACUUM transactions")


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """Fill both tables, then claim by turns."""
    with ExitStack() as stack:
        small, large = (_table(stage, stack, rows=rows) for rows in SIZES)
        large.connection.execute("CHECKPOINT")  # what filling has left to write must not be written meanwhile
        say(f"claim: {SIZES[-1]:,} rows are there")
        for table in (small, large) * WARM:  # after a checkpoint the first change of each page is written out in full
            table.claim()
        for number in range(rounds):
            times = [(small.claim(), large.claim()) for _ in range(CLAIMS)]
            for table, claims in zip((small, large), zip(*times, strict=True), strict=True):
                table.times.append(statistics.median(claims) * 1000)
            say(f"claim, round {number + 1} of {rounds}: {short(small.times[-1])} and {short(large.times[-1])} ms")
    return Chapter(
        name="claim",
        title=f"Claiming {CLAIM:,} due invoices",
        how=HOW,
        figures=[
            Figure(
                what=f"time of a claim in {SIZES[1]:,} rows against {SIZES[0]:,}",
                unit="",
                per_round=[one / other for one, other in zip(large.times, small.times, strict=True)],
                must=MUST,
                at_least=False,
                series=[
                    Series(name=f"ours, {table.rows:,} rows", unit="ms", samples=table.times)
                    for table in (large, small)
                ],
            )
        ],
        notes=["tests/models/queries/test_claim_plans.py shows by EXPLAIN what each claim reads."],
    )


def _table(stage: Stage, stack: ExitStack, *, rows: int) -> Table:
    url = stack.enter_context(stage.database())
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        others = DUE // 10
        connection.execute(FILL.format(rows=rows, newest=DUE - others, others=others))
        connection.execute("VACUUM ANALYZE transactions")
    engine = make_engine(url)
    stack.callback(engine.dispose)
    connection = stack.enter_context(psycopg.connect(libpq(url), autocommit=True))
    return Table(rows, make_sessions(engine), connection)


if __name__ == "__main__":
    alone(measure)
