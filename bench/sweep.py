"""`python -m bench.sweep`: how fast pending invoices are asked about, by the number of questions that may be out at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.alone import alone
from bench.figures import Chapter, Figure, Series, short
from bench.pending import LATENCY, Pending, pending
from bench.stage import Program, Stage

INVOICES = 50_000
CHILDREN = 2
"""Processes of the worker, each with its own threads."""

AT_ONCE = (16, 32, 64, 128, 256)
"""Questions out at once, of both processes together."""

WINDOW = 7.5
"""Seconds of counting for each number, in all rounds together."""

FULL = 0.85
"""Part of the machine's processor time from which on it counts as used up: the gateway and this program take some, too."""

MUST, MUST_A_CORE = 0.85, 1000.0

HOW = (
    f"{INVOICES:,} pending invoices, all due; beat rings for the sweep, and one worker command (prefork, {CHILDREN} processes) "
    f"asks a gateway that says `pending` after {LATENCY * 1000:g} ms. Counted at the gateway. What could be reached is the "
    "number of questions that may be out at once, divided by the latency. A core is one second of processor time of worker, "
    "PostgreSQL and Valkey together."
)


@dataclass
class Point:
    """One number of questions at once, and what came of it in each round."""

    at_once: int
    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Processors kept busy by worker and servers."""

    @property
    def reachable(self) -> float:
        """Questions a second that the gateway's latency allows."""
        return self.at_once / LATENCY

    @property
    def is_full(self) -> bool:
        """Whether the machine had nothing left to give."""
        return _median(self.cpu) >= FULL * (os.cpu_count() or 1)


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """One worker for each number, watched for so many parts of its time."""
    points = []
    with pending(stage, count=INVOICES) as books:
        for at_once in AT_ONCE:
            point = _point(books, at_once, rounds=rounds)
            points.append(point)
            share = _median(point.rates) / point.reachable
            say(
                f"sweep, {at_once} at once: {short(_median(point.rates))}/s, {share:.0%}, {short(_median(point.cpu))} CPU"
            )
    return _chapter(points)


def _point(books: Pending, at_once: int, *, rounds: int) -> Point:
    point = Point(at_once)
    environment = books.environment(LIGDICASH_CONCURRENCY=str(at_once // CHILDREN))
    with books.stage.run_child(books.stage.ours(environment, concurrency=CHILDREN)["worker"]) as worker:
        books.wait_for_questions()
        books.asked_in(1.0)
        for _ in range(rounds):
            before = _cpu(books, worker)
            asked, seconds = books.asked_in(WINDOW / rounds)
            point.rates.append(asked / seconds)
            point.cpu.append((_cpu(books, worker) - before) / seconds)
    return point


def _cpu(books: Pending, worker: Program) -> float:
    return worker.cpu() + sum(books.stage.servers_cpu().values())


def _chapter(points: Sequence[Point]) -> Chapter:
    free = [point for point in points if not point.is_full] or list(points[:1])
    slowest = min(free, key=lambda point: _median(point.rates) / point.reachable)
    fullest = max(points, key=lambda point: _median(point.rates))
    a_core = [rate / cpu for rate, cpu in zip(fullest.rates, fullest.cpu, strict=True)]
    names = [f"{point.at_once} at once" for point in points]
    return Chapter(
        name="sweep",
        title=f"Sweeping {INVOICES:,} pending invoices",
        how=HOW,
        figures=[
            Figure(
                what=f"questions/s against concurrency/latency, at its lowest before the CPU is full ({slowest.at_once} at once)",
                unit="",
                per_round=[rate / slowest.reachable for rate in slowest.rates],
                must=MUST,
                at_least=True,
                series=[Series(name=f"ours, {slowest.at_once} at once", unit="questions/s", samples=slowest.rates)],
            ),
            Figure(
                what="questions/s a core, CPU-bound",
                unit="questions/s",
                per_round=a_core,
                must=MUST_A_CORE,
                at_least=True,
                series=[Series(name="ours, a core", unit="questions/s", samples=a_core)],
                note=f"at {fullest.at_once} at once, {short(_median(fullest.cpu))} processors busy with it",
            ),
        ],
        series=[
            *(Series(name=n, unit="questions/s", samples=p.rates) for n, p in zip(names, points, strict=True)),
            *(Series(name=f"{n}, CPU", unit="processors", samples=p.cpu) for n, p in zip(names, points, strict=True)),
        ],
        lines=[
            ("reached", [(point.at_once, _median(point.rates)) for point in points]),
            ("concurrency / latency", [(point.at_once, point.reachable) for point in points]),
        ],
        axes=("questions out at once", "questions/s"),
    )


def _median(samples: Sequence[float]) -> float:
    return Series(name="", unit="", samples=samples).median


if __name__ == "__main__":
    alone(measure)
