"""The tables of `docs/tuning.md`, from the cost model: `python -m tests.tuning` after a change of it or of the costs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from config.sizing import DEFAULT_FLEET, Load, Part, Size, ceilings, size_for

PAGE = Path(__file__).parents[1] / "docs" / "tuning.md"

RATES = (10, 100, 1_000, 10_000)
LATENCY = 0.4
"""Seconds of the gateway, in the tables."""

NAMES = {
    Part.DOORS: "CPU of the doors",
    Part.WORKERS: "CPU of the workers",
    Part.IN_FLIGHT: "questions under way",
    Part.GATEWAY_RATE: "`LIGDICASH_RATE`",
    Part.POSTGRES: "CPU of PostgreSQL",
    Part.REDIS: "the one thread of Redis",
    Part.NOTICES: "pushing notices",
}

ROWS: Sequence[tuple[str, Callable[[Size], object]]] = (
    ("payments/s", lambda p: p.load.payments),
    ("questions/s", lambda p: p.load.questions),
    ("questions under way, on average", lambda p: p.load.in_flight),
    ("**processes:** doors", lambda p: p.fleet.doors),
    ("worker processes (`-c` of all `celery worker`)", lambda p: p.fleet.workers),
    ("**settings:** `LIGDICASH_CONCURRENCY`", lambda p: p.fleet.concurrency),
    ("`LIGDICASH_RATE`", lambda p: p.fleet.gateway_rate),
    ("`DATABASE_POOL_SIZE`", lambda p: p.fleet.pool_size),
    ("`SWEEP_BATCH`", lambda p: p.fleet.sweep_batch),
    ("`SPOOL_MAX_MB` of each door", lambda p: p.fleet.spool_mb),
    ("**PostgreSQL:** cores", lambda p: p.fleet.postgres_cores),
    ("`max_connections` at least", lambda p: p.fleet.max_connections),
    ("transactions/s at most", lambda p: float(f"{p.needs.commits:.2g}")),
    ("write-ahead log, MB/s", lambda p: p.needs.log_mb),
    ("`max_wal_size`, GB", lambda p: p.needs.wal_gb),
    ("disk, GB a day at this rate", lambda p: p.needs.disk_gb),
    ("**Redis:** `maxmemory`, MB", lambda p: p.needs.redis_mb),
    ("part of its one core", lambda p: p.needs.redis_cpu),
    ("**in all:** cores", lambda p: p.needs.cores),
    ("memory of doors, workers and beat, MB", lambda p: p.needs.memory_mb),
    ("days until the nightly fsck needs more than its time", lambda p: p.nights),
)


def tables() -> dict[str, str]:
    """By name: what stands between the marks of that name."""
    sizes = [size_for(Load(rate=rate, gateway_latency=LATENCY)) for rate in RATES]
    return {"sizes": _sizes(sizes), "full": _full(sizes)}


def _sizes(sizes: Sequence[Size]) -> str:
    head = ["callbacks/s", *(f"{rate:,}" for rate in RATES)]
    return _table(head, [[name, *(_short(value(each)) for each in sizes)] for name, value in ROWS])


def _full(sizes: Sequence[Size]) -> str:
    """Where each part is full: of the fleet nobody changed, and of each in the table above."""
    unchanged = {one.part: one.rate for one in ceilings(DEFAULT_FLEET, sizes[0].load)}
    fleets = [unchanged, *({one.part: one.rate for one in each.ceilings} for each in sizes)]
    head = ["full at callbacks/s", "nothing changed", *(f"sized for {rate:,}" for rate in RATES)]
    rows = [[NAMES[part], *(_marked(fleet, part) for fleet in fleets)] for part in unchanged]
    return _table(head, rows)


def _marked(fleet: dict[Part, float], part: Part) -> str:
    told = _short(fleet[part])
    return f"**{told}**" if fleet[part] == min(fleet.values()) else told


def _short(value: object) -> str:
    number = float(str(value))
    return f"{number:,.0f}" if number >= 100 else f"{float(f'{number:.2g}'):,.10g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def page(written: str) -> str:
    """The same page with the tables as they should be."""
    for name, table in tables().items():
        marks = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        written, count = marks.subn(lambda found, table=table: found[1] + table + "\n" + found[2], written)
        if count != 1:
            raise SystemExit(f"docs/tuning.md has {count} places for the table {name!r}")
    return written


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
