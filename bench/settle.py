"""Invoices settled by one worker command, ours against plain: how many a second, and what one of them costs.

Run alone: `python -m bench.settle [ROUNDS]`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import psycopg

from bench import books, plain
from bench.figures import Chapter, Figure, Series, say, short
from bench.profile import Profile, add_up, looking_at
from bench.stage import Program, Stage, open_stage, until
from bench.traffic import Load, send
from tests.servers import free_port, libpq
from worker.embedded.child import Child

LATENCY = 0.05
"""Seconds the gateway takes for an answer."""

QUESTIONS_AT_ONCE = 32
"""In each process of ours."""

WITHIN = 90.0
"""Seconds a worker has for all of them."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One design: how its tables are filled, how it is started, and how to see how far it is."""

    name: str
    invoices: int
    pool: str
    concurrency: int
    twins: bool = True
    fill: Callable[..., None]
    settled: str
    """SQL: how many are settled, and when the last was."""
    unread: str
    """SQL: how many callbacks are still to be worked."""

    def programs(self, stage: Stage, environment: Mapping[str, str], port: int) -> Mapping[str, Child]:
        """Its door and its worker."""
        start = stage.plain if self.fill is plain.add_pending else stage.ours
        return start(environment, port=port, pool=self.pool, concurrency=self.concurrency)


PLAIN = Side(
    name="plain",
    invoices=600,
    pool=plain.POOL[0],
    concurrency=plain.POOL[1],
    fill=plain.add_pending,
    settled="SELECT count(*), max(paid_at) FROM plain_payments",
    unread="SELECT count(*) FROM plain_callbacks WHERE processed_at IS NULL",
)
OURS = Side(
    name="ours",
    invoices=3000,
    pool="prefork",
    concurrency=2,
    fill=books.add_pending,
    settled="SELECT count(*), max(settled_at) FROM settlements",
    unread="SELECT count(*) FROM callbacks WHERE next_try_at IS NOT NULL",
)
ALONE = Side(**{**OURS.__dict__, "name": "ours without second twins", "twins": False})


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run came to: invoices a second, and CPU milliseconds for each, by process."""

    rate: float
    costs: Mapping[str, float]

    @property
    def cost(self) -> float:
        """All processes together."""
        return sum(self.costs.values())


class Progress:
    """Looks into the books over one kept connection: opening one for each look would be part of what is measured."""

    def __init__(self, connection: psycopg.Connection, side: Side) -> None:
        self._connection = connection
        self._side = side

    def settled(self) -> tuple[int, datetime]:
        """How many are settled, and when the last one was."""
        row = self._connection.execute(self._side.settled.encode()).fetchone()
        count, last = row or (0, None)
        return int(count), last or datetime.now(UTC)

    def is_done(self) -> bool:
        """Whether nothing is left to do, second twins included."""
        row = self._connection.execute(self._side.unread.encode()).fetchone()
        return self.settled()[0] == self._side.invoices and row is not None and row[0] == 0


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A side whose callbacks are stored and acknowledged, and whose worker has not begun."""

    worker: Child
    progress: Progress
    door_costs: Mapping[str, float]


@contextmanager
def filled(stage: Stage, side: Side) -> Iterator[Filled]:
    """Store all callbacks through the side's own door."""
    with ExitStack() as stack:
        url = stack.enter_context(stage.database())
        gateway_port, port = free_port(), free_port()
        environment = stage.environment(
            url,
            gateway=f"http://127.0.0.1:{gateway_port}",
            LIGDICASH_RATE="100000",
            LIGDICASH_CONCURRENCY=str(QUESTIONS_AT_ONCE),
        )
        if side.fill is plain.add_pending:
            plain.make_tables(url)
        gateway = ("bench.gateway", str(gateway_port), str(LATENCY))
        ready = stage.listening(gateway_port)
        stack.enter_context(stage.python("gateway", *gateway, environment=environment, ready=ready))
        side.fill(url, first=1, count=side.invoices)
        programs = side.programs(stage, environment, port)
        with stage.run_child(programs["web"]) as door:
            before = _spent(stage, door=door)
            send(Load(port=port, first=1, transactions=side.invoices, twins=side.twins))
            costs = _cost(before, _spent(stage, door=door), side.invoices)
        connection = stack.enter_context(psycopg.connect(libpq(url), autocommit=True))
        yield Filled(worker=programs["worker"], progress=Progress(connection, side), door_costs=costs)


def run(stage: Stage, side: Side) -> Run:
    """Store all callbacks, then start the worker on the full queue and wait until nothing is left."""
    with filled(stage, side) as there, stage.run_child(there.worker) as worker:
        before, began = _spent(stage, worker=worker), datetime.now(UTC)
        already, _ = there.progress.settled()
        until(there.progress.is_done, within=WITHIN, every=0.2, what=f"{side.name}: the last settlement")
        costs = _cost(before, _spent(stage, worker=worker), side.invoices - already)
        _, ended = there.progress.settled()
        rate = (side.invoices - already) / (ended - began).total_seconds()
    both = {name: there.door_costs.get(name, 0) + costs.get(name, 0) for name in (*there.door_costs, *costs)}
    return Run(rate=rate, costs=both)


def profile(stage: Stage, side: Side) -> Profile:
    """Where the worker's CPU goes while it settles."""
    out = stage.folder / "worker.raw"
    with (
        filled(stage, side) as there,
        stage.run_child(there.worker) as worker,
        looking_at(worker.pid, seconds=max(2, side.invoices // 600), out=out),
    ):
        until(there.progress.is_done, within=WITHIN, every=0.2, what=f"{side.name}: the last settlement")
    return add_up(out.read_text().splitlines())


def _spent(stage: Stage, **programs: Program) -> dict[str, float]:
    return {name: program.cpu() for name, program in programs.items()} | stage.servers_cpu()


def _cost(before: Mapping[str, float], after: Mapping[str, float], invoices: int) -> dict[str, float]:
    return {name: 1000 * (after[name] - before[name]) / invoices for name in after}


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """Alternate the sides, so that what else the machine does befalls all of them."""
    runs: dict[str, list[Run]] = {side.name: [] for side in (PLAIN, OURS, ALONE)}
    for number in range(rounds):
        sides = (PLAIN, OURS, ALONE) if number % 2 == 0 else (ALONE, OURS, PLAIN)
        for side in sides:
            done = run(stage, side)
            runs[side.name].append(done)
            say(f"settle, round {number + 1}, {side.name}: {done.rate:.0f}/s, {_by_process(done.costs)}")
    ours, alone, by_plain = (runs[side.name] for side in (OURS, ALONE, PLAIN))
    pairs = list(zip(ours, by_plain, strict=True))
    return Chapter(
        name="settle",
        title="Settling",
        how=(
            f"All callbacks are stored through the side's own door, twins included; then one worker command starts on the "
            f"full queue, and the clock runs from its readiness to the last settlement. The gateway answers after "
            f"{LATENCY * 1000:.0f} ms. CPU is that of door, worker, PostgreSQL and Valkey over both phases, for each "
            f"invoice. Ours: {OURS.pool} of {OURS.concurrency}, {QUESTIONS_AT_ONCE} questions at once in each; plain: "
            f"{PLAIN.pool} of {PLAIN.concurrency}, the best of what was tried."
        ),
        figures=(
            Figure(
                what="invoices settled/s against plain",
                unit="times",
                per_round=[one.rate / other.rate for one, other in pairs],
                must=5,
                at_least=True,
                series=(_rates("ours", ours), _rates("plain", by_plain)),
            ),
            Figure(
                what="CPU for each settled invoice against plain",
                unit="times",
                per_round=[one.cost / other.cost for one, other in pairs],
                must=0.25,
                at_least=False,
                series=(_costs("ours", ours), _costs("plain", by_plain)),
            ),
            Figure(
                what="CPU of the second twin against the first",
                unit="times",
                per_round=[(one.cost - other.cost) / other.cost for one, other in zip(ours, alone, strict=True)],
                must=0.2,
                at_least=False,
                series=(_costs("with twins", ours), _costs("one callback each", alone)),
            ),
        ),
        series=[
            Series(name=f"{name}: {process}", unit="ms", samples=[one.costs[process] for one in of])
            for name, of in (("ours", ours), ("plain", by_plain))
            for process in of[0].costs
        ],
        notes=[f"Where our worker's CPU goes, {line}." for line in profile(stage, OURS).lines()],
    )


def _rates(name: str, runs: list[Run]) -> Series:
    return Series(name=name, unit="invoices/s", samples=[one.rate for one in runs])


def _costs(name: str, runs: list[Run]) -> Series:
    return Series(name=name, unit="ms", samples=[one.cost for one in runs])


def _by_process(costs: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {short(cost)} ms" for name, cost in costs.items()) + f": {short(sum(costs.values()))} ms"


def main(rounds: int) -> None:
    """Measure, and say what came of it."""
    began = time.perf_counter()
    with open_stage() as stage:
        chapter = measure(stage, rounds=rounds, say=say)
    for figure in chapter.figures:
        say(f"{figure.what}: {short(figure.value)} ({figure.spread}), must {figure.goal}")
    for note in chapter.notes:
        say(note)
    say(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 3)
