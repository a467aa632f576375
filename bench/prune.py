"""What erasing a million old callbacks does to the door beside it: `python -m bench.prune [CALLBACKS [ROUNDS]]`.

Books with so many old callbacks about settled payments, the deployed door, and a steady load of new callbacks. In each round the
door is timed under that load alone, and under the same load with `reconciler prune` beside it, which is stopped at the end and
goes on in the next round; so until nothing old is left. The rounds take turns at who is first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from bench.books import add_settled
from bench.figures import Chapter, Figure, Series, say, short, told
from bench.machine import machine_of, moment
from bench.stage import Stage, open_stage
from bench.traffic import Load, Sent, send
from tests.servers import free_port, libpq

OLD = 1_000_000

RATE = 300.0
"""Callbacks a second, sent whether or not earlier ones are answered."""

ALONE, BESIDE = 10.0, 30.0
"""Seconds of each measurement."""

CONNECTIONS = 64

MOST_ROUNDS = 40

DAYS = 180


@dataclass
class Sides:
    """A sample of each round, milliseconds: the door alone, and with the other beside it."""

    alone_p50: list[float] = field(default_factory=list)
    alone_p99: list[float] = field(default_factory=list)
    beside_p50: list[float] = field(default_factory=list)
    beside_p99: list[float] = field(default_factory=list)
    erased: list[float] = field(default_factory=list)
    """Rows a second, beside the load."""


@dataclass(frozen=True)
class Shelf:
    """How many old callbacks there are, and a way to see how far they are erased."""

    callbacks: int
    connection: psycopg.Connection

    def walked(self) -> int:
        """How many are behind the mark: counting a million takes too long."""
        row = self.connection.execute("SELECT max(walked) FROM shelf_marks WHERE shelf = 'callbacks'").fetchone()
        return min(row[0] or 0, self.callbacks) if row else 0

    def is_cleared(self) -> bool:
        """Whether nothing old is left."""
        return self.walked() >= self.callbacks


@contextmanager
def pruning(stage: Stage, environment: Mapping[str, str], shelf: Shelf) -> Iterator[None]:
    """The command at work until the block ends, beginning when it erases."""
    before = shelf.walked()
    begun = stage.python("prune", "worker.ops", "prune", environment=environment, ready=lambda: shelf.walked() > before)
    with begun:
        yield


def load(port: int, *, seconds: float) -> Sent:
    """The steady load. Raises `SystemExit` when one is refused."""
    sent = send(Load(port=port, first=1, transactions=int(RATE * seconds / 2), connections=CONNECTIONS, rate=RATE))
    if sent.refused:
        raise SystemExit(f"the door refused {sent.refused} callbacks")
    return sent


def one_round(stage: Stage, environment: Mapping[str, str], *, port: int, shelf: Shelf, sides: Sides) -> None:
    """Both sides, the other one first in every second round."""

    def by_itself() -> None:
        sent = load(port, seconds=ALONE)
        sides.alone_p50.append(sent.p50 * 1e3)
        sides.alone_p99.append(sent.p99 * 1e3)

    def with_company() -> None:
        with pruning(stage, environment, shelf):
            before, began = shelf.walked(), time.perf_counter()
            sent = load(port, seconds=BESIDE)
            if shelf.is_cleared():
                return  # it was alone for a part of that time
            sides.erased.append((shelf.walked() - before) / (time.perf_counter() - began))
            sides.beside_p50.append(sent.p50 * 1e3)
            sides.beside_p99.append(sent.p99 * 1e3)

    for side in (by_itself, with_company) if len(sides.alone_p99) % 2 == 0 else (with_company, by_itself):
        side()


def run(stage: Stage, *, rounds: int, say: Callable[[str], None], callbacks: int) -> Chapter:
    """Rounds until nothing old is left, `rounds` at most."""
    sides, port = Sides(), free_port()
    with stage.database() as url, psycopg.connect(libpq(url), autocommit=True) as connection:
        say(f"filling in {callbacks:,} old callbacks")
        add_settled(url, count=callbacks // 2, over="1 year", ended=f"{DAYS + 1} days")
        shelf = Shelf(callbacks, connection)
        environment = stage.environment(url, RETENTION_BODIES_DAYS=str(DAYS))
        with stage.run_child(stage.ours(environment, port=port)["web"]):
            load(port, seconds=5)
            while not shelf.is_cleared() and len(sides.alone_p99) < rounds:
                one_round(stage, environment, port=port, shelf=shelf, sides=sides)
                say(_told(sides, shelf))
    return _chapter(sides, shelf.callbacks)


def _told(sides: Sides, shelf: Shelf) -> str:
    if len(sides.beside_p99) < len(sides.alone_p99):
        return f"round {len(sides.alone_p99)}: nothing old is left"
    alone, beside = sides.alone_p99[-1], sides.beside_p99[-1]
    return (
        f"round {len(sides.alone_p99)}: p99 {short(alone)} ms alone, {short(beside)} ms beside prune"
        f" ({short(beside / alone)}), {short(sides.erased[-1])} rows/s, {shelf.walked():,} of {shelf.callbacks:,}"
    )


def _chapter(sides: Sides, callbacks: int) -> Chapter:
    def series(name: str, unit: str, samples: Sequence[float]) -> Series:
        return Series(name=name, unit=unit, samples=samples)

    pairs = list(zip(sides.beside_p99, sides.alone_p99, strict=False))
    rate = sum(sides.erased) / len(sides.erased)
    return Chapter(
        name="prune",
        title=f"The door while {callbacks:,} old callbacks are erased",
        how=(
            f"{RATE:g} callbacks/s over {CONNECTIONS} connections, whether or not earlier ones are answered; {ALONE:g} s alone and"
            f" {BESIDE:g} s beside `reconciler prune`, by turns. PostgreSQL with fsync on, Valkey, door, prune and the load"
            " share the machine."
        ),
        figures=[
            Figure(
                what="p99 of the answer beside prune against alone",
                unit="",
                per_round=[beside / alone for beside, alone in pairs],
                must=1.5,
                at_least=False,
            )
        ],
        series=[
            series("alone, p50", "ms", sides.alone_p50),
            series("alone, p99", "ms", sides.alone_p99),
            series("beside prune, p50", "ms", sides.beside_p50),
            series("beside prune, p99", "ms", sides.beside_p99),
            series("erased beside the load", "rows/s", sides.erased),
        ],
        notes=[f"{callbacks:,} rows at that rate: {callbacks / rate / 60:.1f} minutes, in {len(pairs)} rounds."],
    )


def main() -> None:
    """Measure once, and say when and on what."""
    callbacks, rounds = (*map(int, sys.argv[1:3]), *(OLD, MOST_ROUNDS)[len(sys.argv[1:3]) :])
    with open_stage() as stage:
        about = {**machine_of(stage), **moment()}
        chapter = run(stage, rounds=rounds, say=say, callbacks=callbacks)
    say("\n".join([told(chapter), *(f"{name}: {value}" for name, value in about.items())]))


if __name__ == "__main__":
    main()
