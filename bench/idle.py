"""`python -m bench.idle`: the CPU that the fleet takes while nothing happens, in per cent of one core.

Door, worker and beat as they are deployed, with no setting changed, on empty books, once they have settled down. What they
do all the same is looking: beat rings for a sweep, a worker makes it, and all of them keep their timers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import psutil

from bench.alone import alone
from bench.figures import Chapter, Figure, Series, short
from bench.stage import Program, Stage
from tests.servers import free_port

SETTLING = 8.0
"""Seconds from the start of the last process until counting begins: imports, first connections, first statements."""
SECONDS = 24.0
"""Of counting, in all rounds together."""
MUST = 2.0
"""Per cent of one core, all processes of ours together."""


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """One fleet, watched for so many equal parts of the time."""
    port = free_port()
    with stage.database() as url, ExitStack() as stack:
        ours = stage.ours(stage.environment(url), port=port)
        programs = [stack.enter_context(stage.run_child(ours[name])) for name in ("web", "worker", "beat")]
        time.sleep(SETTLING)
        parts = [part(stage, programs, seconds=SECONDS / rounds) for _ in range(rounds)]
        wakes = wakes_of(programs, seconds=2.0)
    names = [program.name for program in programs]
    together = [sum(one[name] for name in names) for one in parts]
    say(f"idle: {short(sum(together) / rounds)} % of one core")
    series = [Series(name=name, unit="% of one core", samples=[one[name] for one in parts]) for name in parts[0]]
    return Chapter(
        name="idle",
        title="A fleet with nothing to do",
        how=(
            "Deployed door, worker (prefork, 2 children) and beat with every setting as it is by itself, on empty books; "
            f"CPU seconds by the kernel's account over {SECONDS:g} s, {SETTLING:g} s after the last of them was ready."
        ),
        figures=[
            Figure(
                what="CPU of the idle fleet: door, worker and beat together",
                unit="% of one core",
                per_round=together,
                must=MUST,
                at_least=False,
                series=series,
                note=", ".join(f"{one.name} {short(one.median)} %" for one in series),
            )
        ],
        series=series,
        notes=[
            "Wake-ups a second: " + ", ".join(f"{name} {short(rate)}" for name, rate in wakes.items()) + ".",
            "PostgreSQL and Valkey are told beside it: they serve whoever is connected, and are not in the figure.",
        ],
    )


def part(stage: Stage, programs: list[Program], *, seconds: float) -> Mapping[str, float]:
    """Per cent of one core over the next so many seconds, by process; a worker's children are in it."""
    began, before = time.perf_counter(), used(stage, programs)
    time.sleep(seconds)
    after = used(stage, programs)
    took = time.perf_counter() - began
    return {name: (after[name] - before[name]) / took * 100 for name in before}


def used(stage: Stage, programs: list[Program]) -> dict[str, float]:
    """CPU seconds so far."""
    return {program.name: program.cpu() for program in programs} | stage.servers_cpu()


def wakes_of(programs: list[Program], *, seconds: float) -> dict[str, float]:
    """How often each process was put to work in a second."""

    def switches(program: Program) -> int:
        parent = psutil.Process(program.pid)
        return sum(sum(process.num_ctx_switches()) for process in [parent, *parent.children(recursive=True)])

    before = {program.name: switches(program) for program in programs}
    time.sleep(seconds)
    return {program.name: (switches(program) - before[program.name]) / seconds for program in programs}


if __name__ == "__main__":
    alone(measure)
