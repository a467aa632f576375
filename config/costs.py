"""What one thing costs: the measured constants behind `reconciler size` and docs/tuning.md.

After a run of `make bench` whose figures changed, write its medians here; a test says which are out of reach of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Times are seconds of one core, on the machine of docs/benchmarks.md, at full load: alone, each costs more."""

    door_cpu: float
    """Of the door, for a callback that is stored and acknowledged."""
    worker_cpu: float
    """Of a worker, for a payment: both callbacks read, one question asked, its answer recorded, settled."""
    postgres_cpu: float
    """Of PostgreSQL, for the same with the storing of both callbacks."""
    redis_cpu: float
    """Of Redis, for the same."""
    question_cpu: float
    """Of a worker, for a further question, which finds nothing new."""
    question_postgres_cpu: float
    """Of PostgreSQL, for the same."""
    commit_takes: float
    """Seconds that pass while a process stores something in a transaction of its own, fsync included."""
    rest: float
    """Seconds between two rings of a door, at least: so many messages come of it while nobody reads them."""
    commits: float
    """Transactions of PostgreSQL for a callback that comes alone: at a high rate many share one."""
    callback_bytes: float
    """On disk, with its indexes."""
    check_bytes: float
    """The same of a stored answer."""
    payment_bytes: float
    """The same of an invoice, its settlement and its notice."""
    log_bytes: float
    """Of PostgreSQL's write-ahead log, for a payment with both callbacks and one question."""
    message_bytes: float
    """In Redis, of a message that waits for a worker."""
    door_mb: float
    """Memory of a door, after 200,000 callbacks."""
    worker_mb: float
    """Memory of a worker process, after the same."""
    fsck: float
    """Seconds that a full fsck takes for a payment in the books."""


MEASURED = Costs(
    door_cpu=0.000092,
    worker_cpu=0.001,
    postgres_cpu=0.00058,
    redis_cpu=0.000033,
    question_cpu=0.00072,
    question_postgres_cpu=0.00023,
    commit_takes=0.0015,
    rest=0.02,
    commits=10,
    callback_bytes=2_800,
    check_bytes=1_000,
    payment_bytes=4_900,
    log_bytes=14_000,
    message_bytes=660,
    door_mb=110,
    worker_mb=53,
    fsck=0.0000216,
)
"""On 2 cores of a shared machine, PostgreSQL 18 with fsync on."""


@dataclass(frozen=True, slots=True)
class Source:
    """A series of docs/benchmarks.json, and what one of its units is in ours."""

    chapter: str
    series: str
    unit: float = 1.0


MICRO, MILLI = 1e-6, 1e-3

SOURCES: Mapping[str, Source] = {
    "door_cpu": Source("door", "ours, CPU of the door, µs", MICRO),
    "worker_cpu": Source("settle", "ours: worker, ms", MILLI),
    "postgres_cpu": Source("settle", "ours: postgres, ms", MILLI),
    "redis_cpu": Source("settle", "ours: valkey, ms", MILLI),
    "commit_takes": Source("latency", "floor: two short transactions, ms", MILLI / 2),
    "commits": Source("footprint", "transactions of a callback that comes alone"),
    "callback_bytes": Source("footprint", "callback on disk, bytes"),
    "check_bytes": Source("footprint", "check on disk, bytes"),
    "payment_bytes": Source("footprint", "payment on disk, bytes"),
    "log_bytes": Source("footprint", "log of a payment, bytes"),
    "message_bytes": Source("footprint", "message waiting in Valkey, bytes"),
    "door_mb": Source("memory", "web, after each 20,000 callbacks, MB"),
    "worker_mb": Source("memory", "worker's child, after each 20,000 callbacks, MB"),
}
"""Where each was measured, but for those of `ELSEWHERE`."""

QUESTIONS_A_CORE = Source("sweep", "ours, a core, questions/s")
"""One second of a core over what a further question costs the worker and PostgreSQL."""

ELSEWHERE: Mapping[str, str] = {
    "question_cpu": "three quarters of the sum below, as in a sweep of 4,000 pending invoices, gateway of 20 ms: CPU of the worker for each answer",
    "question_postgres_cpu": "the other quarter, CPU of PostgreSQL; both together are what the chapter `sweep` has as questions/s a core",
    "rest": "no measurement: `REST` of worker/web/ringer.py",
    "fsck": "`python -m bench.fsck`, the larger books of docs/fsck.md",
}
