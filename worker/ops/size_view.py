"""What `reconciler size` found, told to a person and to a machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from config.celery_settings import NIGHT_LIMIT
from config.sizing import BUSY, Part, Size
from worker.language import N_, _, number
from worker.ops.shown import console
from worker.ops.tables import narrow_table

Row = tuple[str, str, str]
"""What, how much, and why."""

PARTS = {
    Part.DOORS: N_("CPU of the doors"),
    Part.WORKERS: N_("CPU of the workers"),
    Part.IN_FLIGHT: N_("questions under way"),
    Part.GATEWAY_RATE: "LIGDICASH_RATE",
    Part.POSTGRES: N_("CPU of PostgreSQL"),
    Part.REDIS: N_("the one thread of Redis"),
    Part.NOTICES: N_("pushing notices"),
}
REMEDIES = {
    Part.DOORS: N_("start more doors, on more cores"),
    Part.WORKERS: N_("start more workers, on more cores"),
    Part.IN_FLIGHT: N_("raise LIGDICASH_CONCURRENCY up to 100, then start more workers: cores are not needed"),
    Part.GATEWAY_RATE: N_("raise it, once LigdiCash agrees"),
    Part.POSTGRES: N_("give it more cores"),
    Part.REDIS: N_("a quicker core: more of them do not help"),
    Part.NOTICES: N_("read GET /v1/events, or answer sooner"),
}


def document(size: Size) -> dict[str, Any]:
    """All of it as names and numbers; rates are a second, CPU is in cores."""
    fleet, needs = size.fleet, size.needs
    return {
        "busy": BUSY,
        "load": {
            "callbacks": size.load.rate,
            "payments": size.load.payments,
            "questions": size.load.questions,
            "questions_in_flight": size.load.in_flight,
            "gateway_latency": size.load.gateway_latency,
            "application_latency": size.load.application_latency,
        },
        "processes": {"doors": fleet.doors, "workers": fleet.workers},
        "settings": {
            "LIGDICASH_CONCURRENCY": fleet.concurrency,
            "LIGDICASH_RATE": fleet.gateway_rate,
            "DATABASE_POOL_SIZE": fleet.pool_size,
            "SWEEP_BATCH": fleet.sweep_batch,
            "SPOOL_MAX_MB": fleet.spool_mb,
        },
        "postgres": {
            "max_connections": fleet.max_connections,
            "cores": fleet.postgres_cores,
            "commits": round(needs.commits),
            "log_mb": round(needs.log_mb, 2),
            "max_wal_size_gb": needs.wal_gb,
            "disk_gb_per_day": round(needs.disk_gb, 2),
        },
        "redis": {"maxmemory_mb": needs.redis_mb},
        "cores": needs.cores,
        "memory_mb": needs.memory_mb,
        "cores_busy": {
            "doors": round(needs.door_cpu, 3),
            "workers": round(needs.worker_cpu, 3),
            "postgres": round(needs.postgres_cpu, 3),
            "redis": round(needs.redis_cpu, 3),
        },
        "full": [{"part": one.part.value, "callbacks": round(one.rate, 1)} for one in size.ceilings],
        "nightly_fsck_days": round(size.nights, 1),
    }


def print_size(size: Size) -> None:
    """Processes and settings, what they take, and what is full first."""
    out, load = console(), size.load
    head = _("{callbacks} callbacks/s: {payments} payments/s, {questions} questions/s of {latency} s each")
    out.print(
        head.format(
            callbacks=_short(load.rate),
            payments=_short(load.payments),
            questions=_short(load.questions),
            latency=_short(load.gateway_latency),
        )
    )
    for rows in (_settings(size), _servers(size)):
        out.print()
        table = narrow_table()
        table.show_header = False
        table.add_column(no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for row in rows:
            table.add_row(*row)
        out.print(table)
    out.print()
    _print_ceilings(size)
    out.print()
    nights = _("After {days} such days, fsck in full takes longer than the {minutes} minutes it has at night.")
    out.print(nights.format(days=_short(size.nights), minutes=NIGHT_LIMIT // 60))
    busy = _("All of it is busy {percent} % of the time, by the costs measured in docs/benchmarks.md.")
    out.print(busy.format(percent=round(100 * BUSY)))


def _settings(size: Size) -> Iterator[Row]:
    fleet, load = size.fleet, size.load
    yield _("door processes"), _whole(fleet.doors), _busy(size.needs.door_cpu)
    of_all = _("{busy}; the -c of all `celery worker`")
    yield _("worker processes"), _whole(fleet.workers), of_all.format(busy=_busy(size.needs.worker_cpu))
    under_way = _("of each; {count} questions are under way in all")
    yield "LIGDICASH_CONCURRENCY", _whole(fleet.concurrency), under_way.format(count=_short(load.in_flight))
    agreed = _("{questions}/s are needed: agree on it with LigdiCash")
    yield "LIGDICASH_RATE", _whole(fleet.gateway_rate), agreed.format(questions=_short(load.questions))
    yield "DATABASE_POOL_SIZE", _whole(fleet.pool_size), _("of every process")
    yield "SPOOL_MAX_MB", _whole(fleet.spool_mb), _("of every door: an hour without the database")


def _servers(size: Size) -> Iterator[Row]:
    needs = size.needs
    yield "max_connections", _whole(size.fleet.max_connections), _("of PostgreSQL, with every pool full")
    yield _("cores of PostgreSQL"), _whole(size.fleet.postgres_cores), _busy(needs.postgres_cpu)
    log = _("a second at most; {log} MB/s of write-ahead log")
    yield _("transactions"), _short(float(f"{needs.commits:.2g}")), log.format(log=_short(needs.log_mb))
    yield (
        _("disk a day"),
        _("{size} GB").format(size=_short(needs.disk_gb)),
        _("at this rate all day; nothing is ever removed"),
    )
    yield "maxmemory", _megabytes(needs.redis_mb), _("of Redis: ten minutes without a worker")
    yield _("cores in all"), _whole(needs.cores), _("of all machines, both servers included")
    yield _("memory"), _megabytes(needs.memory_mb), _("of doors, workers and beat, without the servers")


def _print_ceilings(size: Size) -> None:
    out = console()
    out.print(_("Full first, as traffic grows:"))
    table = narrow_table()
    table.add_column(_("callbacks/s"), justify="right", no_wrap=True)
    table.add_column(_("what is full"), overflow="fold")
    table.add_column(_("what helps"), overflow="fold")
    for one in size.ceilings:
        style = "bold red" if one.rate < size.load.rate else ""
        mark = "!" if one.rate < size.load.rate else ""
        table.add_row(Text(_short(one.rate) + mark, style=style), _(PARTS[one.part]), _(REMEDIES[one.part]))
    out.print(table)
    if size.first.rate < size.load.rate:
        out.print(_("! is less than what comes in: more processes do not help this part."))


def _busy(cores: float) -> str:
    return _("{cores} cores busy").format(cores=_short(cores))


def _megabytes(value: float) -> str:
    return _("{size} MB").format(size=_whole(value))


def _whole(value: float) -> str:
    return number(round(value))


def _short(value: float) -> str:
    """Three digits at most before anything is left out."""
    if value >= 100:  # noqa: PLR2004 - digits
        return number(round(value))
    return number(float(f"{value:.2g}"), ",.10g")
