"""How large a fleet a rate of callbacks needs, and what is full first: arithmetic over measured costs.

Knows no machine and asks nobody. `reconciler size` and docs/tuning.md show it; docs/benchmarks.json holds the costs against
the last run of `make bench`, by a test.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from config import policy
from config.celery_settings import NIGHT_LIMIT
from config.costs import MEASURED, Costs
from config.settings import Settings

BUSY = 0.5
"""Part of what it could do that everything does at the given rate: twice the traffic still goes through."""

TWINS = 2
"""Callbacks of one payment: the gateway sends a form and a JSON."""

LEAST_WORKERS = 2
"""Worker processes: the full fsck of the night holds one of them."""

MOST_SWEPT, SWEEP_STEP = 1000, 0.2
"""Rows of one claim of the sweep at most, and the seconds between two claims that it comes down to: five a second are few
enough, and each short enough to lock nobody out."""

BATCH = 100
"""Questions of one message, which a worker process asks together: more at once than that it never has under way."""

POSTGRES_DEFAULT_CONNECTIONS = 100
"""`max_connections` of a server nobody set up. https://www.postgresql.org/docs/18/runtime-config-connection.html"""

POOL, SMALL_POOL, OVERFLOW, WRITING_POOL = 5, 2, 2, 2
"""Connections to PostgreSQL: of each process by default, of a process in a large fleet, what one opens beyond its pool for a
moment, and what a door has besides for its writer and its drainer."""

VISITORS = 13
"""Connections left to persons, `reconciler` commands and monitoring: ten, and the three that PostgreSQL reserves."""

WITHOUT_WORKERS = 600.0
"""Seconds for which Redis has room for every message while no worker takes any."""

WITHOUT_DATABASE = 3600.0
"""Seconds for which the spools of all doors have room together while the database is away."""

REDIS_LEAST, REDIS_STEP, REDIS_FILLED = 256, 64, 0.7
"""Megabytes of `maxmemory` at least, its steps, and the part of it from which the doctor warns."""

CHECKPOINT = 300.0
"""Seconds between two checkpoints by the clock, PostgreSQL's default."""

OTHERS = 3
"""Processes that are always there: the parent of the worker processes, the worker for notices, and beat."""

ID_BYTES = 12
"""Bytes an id takes in a message."""

DAY = 86_400.0
MEGA = 1_000_000.0


def default(setting: str) -> float:
    """The default of this setting."""
    return float(Settings.model_fields[setting].default)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What comes in. Times are seconds."""

    rate: float
    """Callbacks a second, at the busiest time."""
    gateway_latency: float
    """From a question to its answer."""
    questions_per_payment: float = 1.5
    """The demo, which loses a third of the callbacks, asks 1.3."""
    application_latency: float = 0.2
    """From a notice to the answer of the merchant's application; 0 where nothing is pushed."""

    @property
    def payments(self) -> float:
        """A second."""
        return self.rate / TWINS

    @property
    def questions(self) -> float:
        """A second."""
        return self.payments * self.questions_per_payment

    @property
    def in_flight(self) -> float:
        """Questions under way at any moment, by Little's law: how many come a second, times how long each takes."""
        return self.questions * self.gateway_latency

    @property
    def further_questions(self) -> float:
        """A second: those beyond the first of each payment."""
        return self.questions - self.payments


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Processes and settings."""

    doors: int
    workers: int
    """Worker processes on all machines: the `-c` of every `celery worker`, added up."""
    concurrency: int
    """LIGDICASH_CONCURRENCY, of each worker process."""
    gateway_rate: int
    """LIGDICASH_RATE."""
    pool_size: int
    """DATABASE_POOL_SIZE."""
    sweep_batch: int
    """SWEEP_BATCH."""
    spool_mb: int
    """SPOOL_MAX_MB, of each door."""
    postgres_cores: int

    @property
    def max_connections(self) -> int:
        """What PostgreSQL must allow, with all pools full and beyond."""
        each = self.pool_size + OVERFLOW
        return self.doors * (each + WRITING_POOL + OVERFLOW) + self.workers * each + VISITORS


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What the fleet takes of machines and servers. CPU is in cores that are busy at the given rate."""

    door_cpu: float
    worker_cpu: float
    postgres_cpu: float
    redis_cpu: float
    cores: int
    """Of all machines together, so that they are busy as little as is meant."""
    memory_mb: int
    """Of doors, workers and beat."""
    commits: float
    """Transactions of PostgreSQL a second, at most: fewer where they share one."""
    log_mb: float
    """Megabytes a second that PostgreSQL writes to its log, which is what a disk and a replica must take."""
    wal_gb: int
    """`max_wal_size`: so much that the clock begins a checkpoint, and not the log."""
    disk_gb: float
    """Gigabytes a day by which the tables grow. Nothing is ever removed."""
    redis_mb: int
    """`maxmemory`."""


class Part(StrEnum):
    """What can be full."""

    DOORS = "doors"
    WORKERS = "workers"
    IN_FLIGHT = "questions_in_flight"
    GATEWAY_RATE = "gateway_rate"
    POSTGRES = "postgres"
    REDIS = "redis"
    NOTICES = "notices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """The rate of callbacks at which one part has no room left."""

    part: Part
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """All of it for one load."""

    load: Load
    fleet: Fleet
    needs: Needs
    ceilings: tuple[Ceiling, ...]
    """What is full first comes first."""
    nights: float
    """Days of this traffic after which the full fsck of the night no longer ends in its time."""

    @property
    def first(self) -> Ceiling:
        """What is full first."""
        return self.ceilings[0]


DEFAULT_FLEET = Fleet(
    doors=1,
    workers=LEAST_WORKERS,
    concurrency=int(default("ligdicash_concurrency")),
    gateway_rate=int(default("ligdicash_rate")),
    pool_size=POOL,
    sweep_batch=int(default("sweep_batch")),
    spool_mb=int(default("spool_max_mb")),
    postgres_cores=1,
)
"""What runs where nobody changed anything, on two cores, one of them PostgreSQL's."""


def size_for(load: Load, *, costs: Costs = MEASURED) -> Size:
    """The fleet for this load, what it takes, and what is full first."""
    fleet = fleet_for(load, costs=costs)
    return Size(
        load=load,
        fleet=fleet,
        needs=needs_of(fleet, load, costs=costs),
        ceilings=ceilings(fleet, load, costs=costs),
        nights=NIGHT_LIMIT / (load.payments * DAY * costs.fsck),
    )


def fleet_for(load: Load, *, costs: Costs = MEASURED) -> Fleet:
    """The smallest fleet in which every part is busy half of the time; no setting below its default."""
    cpu = cpu_of(load, costs=costs)
    doors = _pieces(cpu["door"])
    workers = max(LEAST_WORKERS, _pieces(cpu["worker"]), _pieces(load.in_flight / BATCH))
    fleet = Fleet(
        doors=doors,
        workers=workers,
        # Whoever reads takes along what waits: the questions under way are spread over all processes.
        concurrency=max(DEFAULT_FLEET.concurrency, min(BATCH, _round_up(load.in_flight / workers / BUSY))),
        gateway_rate=max(DEFAULT_FLEET.gateway_rate, _round_up(load.questions / BUSY)),
        pool_size=POOL,
        sweep_batch=min(MOST_SWEPT, max(DEFAULT_FLEET.sweep_batch, _round_up(load.further_questions * SWEEP_STEP))),
        spool_mb=max(
            DEFAULT_FLEET.spool_mb, _round_up(load.rate * WITHOUT_DATABASE * costs.callback_bytes / MEGA / doors)
        ),
        postgres_cores=_pieces(cpu["postgres"]),
    )
    return fleet if fleet.max_connections <= POSTGRES_DEFAULT_CONNECTIONS else replace(fleet, pool_size=SMALL_POOL)


def cpu_of(load: Load, *, costs: Costs = MEASURED) -> Mapping[str, float]:
    """Cores that each kind of process keeps busy."""
    further = load.further_questions
    return {
        "door": load.rate * costs.door_cpu,
        "worker": load.payments * costs.worker_cpu + further * costs.question_cpu,
        "postgres": load.payments * costs.postgres_cpu + further * costs.question_postgres_cpu,
        "redis": load.payments * costs.redis_cpu,
    }


def needs_of(fleet: Fleet, load: Load, *, costs: Costs = MEASURED) -> Needs:
    """What this fleet takes at this load."""
    cpu = cpu_of(load, costs=costs)
    a_second = (
        load.rate * costs.callback_bytes + load.payments * costs.payment_bytes + load.questions * costs.check_bytes
    )
    log_mb = load.payments * costs.log_bytes / MEGA
    # With nobody reading, the doors go on ringing; the ids stand in their messages.
    waiting = min(load.rate, fleet.doors / costs.rest) * costs.message_bytes + load.rate * ID_BYTES
    return Needs(
        door_cpu=cpu["door"],
        worker_cpu=cpu["worker"],
        postgres_cpu=cpu["postgres"],
        redis_cpu=cpu["redis"],
        cores=_pieces(sum(cpu.values())),
        memory_mb=_round_up(fleet.doors * costs.door_mb + (fleet.workers + OTHERS) * costs.worker_mb),
        commits=min(load.rate * costs.commits, (fleet.doors + fleet.workers) / costs.commit_takes),
        log_mb=log_mb,
        wal_gb=max(1, math.ceil(log_mb * CHECKPOINT / BUSY / 1000)),
        disk_gb=a_second * DAY / MEGA / 1000,
        redis_mb=max(REDIS_LEAST, REDIS_STEP * math.ceil(waiting * WITHOUT_WORKERS / MEGA / REDIS_FILLED / REDIS_STEP)),
    )


def ceilings(fleet: Fleet, load: Load, *, costs: Costs = MEASURED) -> tuple[Ceiling, ...]:
    """Where each part of this fleet is full, if all else about the load stays as it is; the first comes first."""
    cpu = cpu_of(load, costs=costs)
    used = {
        Part.DOORS: cpu["door"] / fleet.doors,
        Part.WORKERS: cpu["worker"] / fleet.workers,
        Part.IN_FLIGHT: load.in_flight / (fleet.workers * min(fleet.concurrency, BATCH)),
        Part.GATEWAY_RATE: load.questions / fleet.gateway_rate,
        Part.POSTGRES: cpu["postgres"] / fleet.postgres_cores,
        Part.REDIS: cpu["redis"],  # it works with one thread, whatever the machine
        # One run delivers at a time, so many together.
        Part.NOTICES: load.payments * load.application_latency / policy.NOTICES_AT_ONCE,
    }
    found = [Ceiling(part=part, rate=load.rate / share) for part, share in used.items() if share > 0]
    return tuple(sorted(found, key=lambda ceiling: ceiling.rate))


def _pieces(busy: float) -> int:
    """How many whole ones it takes, of which so much would be busy all the time; at least one."""
    return max(1, math.ceil(round(busy / BUSY, 6)))


def _round_up(value: float) -> int:
    """To two digits: more would look like knowledge."""
    if value <= 0:
        return 0
    step = 10 ** max(0, math.floor(math.log10(value)) - 1)
    return int(step * math.ceil(round(value / step, 6)))
