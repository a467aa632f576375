"""The HTTP door against the plain one and against a handler that keeps nothing: `python -m bench.door [ROUNDS]`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.figures import Chapter, Figure, Series, say, short
from bench.plain import make_tables
from bench.stage import Program, Stage, open_stage
from bench.traffic import Load, Sent, send
from tests.servers import free_port

CONNECTIONS = 256
"""Each waits for its answer: the most that can be under way at once, as when an operator delivers what it held back."""

TRANSACTIONS = {"plain": 400, "ours": 5_000, "bare": 10_000}
"""Of one round at full speed, two callbacks each."""

SHARE = 0.6
"""Of the plain door's capacity: the equal load at which the answers are timed."""

STEADY = 2.5
"""Seconds of that load."""

LONE = 150
"""Callbacks that come one at a time, over one connection."""

HOW = (
    f"One process each, on uvicorn with uvloop and httptools. Capacity: {CONNECTIONS} connections send the next callback once "
    "the last is answered; PostgreSQL with fsync on, Valkey and the load generator share the machine. Equal load: "
    f"{SHARE:.0%} of the plain door's capacity in the same round, sent at a fixed rate whether or not earlier callbacks are "
    "answered. Lone: one connection, one callback at a time. The doors take turns within each round."
)


@dataclass(frozen=True)
class Door:
    """One that is measured, and what came of it: a sample for each round."""

    program: Program
    port: int
    rate: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    lone: list[float] = field(default_factory=list)

    def send(self, transactions: int, *, connections: int = CONNECTIONS, rate: float = 0.0) -> Sent:
        """So many callbacks, two for each transaction. Raises `SystemExit` when one is refused."""
        load = Load(port=self.port, first=1, transactions=transactions, connections=connections, rate=rate)
        sent = send(load)
        if sent.refused:
            raise SystemExit(f"{self.program.name} refused {sent.refused} callbacks")
        return sent


@contextmanager
def doors(stage: Stage, url: str) -> Iterator[Mapping[str, Door]]:
    """All three, side by side and warm; only one has work at a time."""
    make_tables(url)
    environment = stage.environment(url)
    with ExitStack() as stack:
        port = free_port()
        ours = Door(stack.enter_context(stage.run_child(stage.ours(environment, port=port)["web"])), port)
        port = free_port()
        plain = Door(stack.enter_context(stage.run_child(stage.plain(environment, port=port)["web"])), port)
        port = free_port()
        module = ("uvicorn", "bench.bare:door", "--port", str(port), "--no-access-log", "--log-level", "warning")
        program = stage.python("bare", *module, environment=environment, ready=stage.listening(port))
        bare = Door(stack.enter_context(program), port)
        found = {"plain": plain, "ours": ours, "bare": bare}
        for door in found.values():
            door.send(300)
        yield found


def one_round(stage: Stage, found: Mapping[str, Door]) -> None:
    """Capacity of each, then equal load on plain and ours."""
    for name, door in found.items():
        cpu, behind = door.program.cpu(), sum(stage.servers_cpu().values())
        sent = door.send(TRANSACTIONS[name])
        callbacks = 2 * TRANSACTIONS[name]
        door.rate.append(sent.rate)
        door.cpu.append((door.program.cpu() - cpu) * 1e6 / callbacks)
        door.behind.append((sum(stage.servers_cpu().values()) - behind) * 1e6 / callbacks)
    rate = SHARE * found["plain"].rate[-1]
    for name in ("plain", "ours"):
        sent = found[name].send(int(rate * STEADY / 2), rate=rate)
        found[name].p50.append(sent.p50 * 1e3)
        found[name].p99.append(sent.p99 * 1e3)
        found[name].lone.append(found[name].send(LONE, connections=1).p50 * 1e3)


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """All rounds; the figures of the door."""
    with stage.database() as url, doors(stage, url) as found:
        for number in range(1, rounds + 1):
            one_round(stage, found)
            told = "; ".join(_told(name, door) for name, door in found.items())
            say(f"door, round {number} of {rounds}: {told}")
    return _chapter(found["plain"], found["ours"], found["bare"])


def _told(name: str, door: Door) -> str:
    late = f", p99 {short(door.p99[-1])} ms" if door.p99 else ""
    return f"{name} {short(door.rate[-1])}/s at {short(door.cpu[-1])} + {short(door.behind[-1])} µs{late}"


def _chapter(plain: Door, ours: Door, bare: Door) -> Chapter:
    rates = [_series(name, "callbacks/s", door.rate) for name, door in _named(plain, ours, bare)]
    late = [_series(f"{name}, p99", "ms", door.p99) for name, door in _named(plain, ours)]
    return Chapter(
        name="door",
        title="Callbacks stored and acknowledged by one door process",
        how=HOW,
        figures=[
            Figure(
                what="callbacks/s against plain",
                unit="",
                per_round=_ratios(ours.rate, plain.rate),
                must=4,
                at_least=True,
                series=rates,
            ),
            Figure(
                what="callbacks/s against a handler that keeps nothing",
                unit="",
                per_round=_ratios(ours.rate, bare.rate),
                must=1 / 3,
                at_least=True,
                series=rates,
            ),
            Figure(
                what="p99 of the answer at equal load against plain",
                unit="",
                per_round=_ratios(ours.p99, plain.p99),
                must=1,
                at_least=False,
                series=late,
            ),
        ],
        series=[
            *(_series(f"{name}, p50 at equal load", "ms", door.p50) for name, door in _named(plain, ours)),
            *(_series(f"{name}, p50 of a lone callback", "ms", door.lone) for name, door in _named(plain, ours)),
            *(_series(f"{name}, CPU of the door", "µs", door.cpu) for name, door in _named(plain, ours, bare)),
            *(_series(f"{name}, CPU of the servers", "µs", door.behind) for name, door in _named(plain, ours)),
        ],
    )


def _named(plain: Door, ours: Door, *more: Door) -> Sequence[tuple[str, Door]]:
    return [("plain", plain), ("ours", ours), *(("bare", door) for door in more)]


def _series(name: str, unit: str, samples: Sequence[float]) -> Series:
    return Series(name=name, unit=unit, samples=samples)


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def main() -> None:
    """Measure, and print all of it."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with open_stage() as stage:
        chapter = measure(stage, rounds=rounds, say=say)
    for figure in chapter.figures:
        reached = "reached" if figure.is_reached else "NOT REACHED"
        say(f"{figure.what}: {short(figure.value)} ({figure.spread}), must {figure.goal}: {reached}")
    series = {one.name: one for one in (*(s for f in chapter.figures for s in f.series), *chapter.series)}
    for one in series.values():
        say(f"{one.name}: {short(one.median)} {one.unit} ({one.spread})")


if __name__ == "__main__":
    main()
