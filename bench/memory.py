"""`python -m bench.memory`: what the processes of the fleet hold after 200,000 callbacks, against what they held after 20,000.

The deployed door, worker and beat, sent genuine callbacks at full speed. Every stretch of 20,000 brings the same work: new
invoices to be settled, and each of their callbacks told again and again, as a gateway does that repeats itself. The level is
looked at when all of a stretch is stored, read and settled, so that what merely waits is not taken for a leak.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

import psutil
import psycopg

from bench.alone import alone
from bench.books import add_pending, settled
from bench.figures import Chapter, Figure, Series, short
from bench.stage import Program, Stage, until
from bench.traffic import Load, Sent, send
from tests.servers import free_port, libpq

STRETCH = 20_000
"""Callbacks after which the levels are looked at."""
STRETCHES = 10
INVOICES = 500
"""New ones in each stretch; the other callbacks are about these again."""
CONNECTIONS = 128
LATENCY = 0.01
"""Seconds in which the gateway answers: how long it takes is not the question here."""
GROWS = 5.0
"""Per cent a process may grow from the first stretch to the last."""
HOLDS = 120.0
"""Megabytes a process may hold at the end."""

Levels = Mapping[str, float]
"""Megabytes by process."""


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """One run, whatever `rounds` says: a leak adds up, and a process is young only once."""
    del rounds
    with stage.database() as url, fleet(stage, url) as (port, programs):
        watch = Watch(programs)
        began = time.perf_counter()
        with watch.running():
            for stretch in range(STRETCHES):
                sent = one_stretch(url, port=port, first=1 + stretch * INVOICES)
                watch.note((stretch + 1) * STRETCH)
                say(
                    f"memory: {(stretch + 1) * STRETCH:,} callbacks after {time.perf_counter() - began:.0f} s,"
                    f" {sent.rate:,.0f}/s acknowledged; {in_words(watch.levels[-1])}"
                )
        if settled(url) != STRETCHES * INVOICES:
            raise SystemExit(f"{settled(url):,} of {STRETCHES * INVOICES:,} invoices were settled")
        return chapter(watch, seconds=time.perf_counter() - began)


@contextmanager
def fleet(stage: Stage, url: str) -> Iterator[tuple[int, list[Program]]]:
    """Gateway, door, worker and beat on this database: the port of the door, and the last three."""
    gateway, port = free_port(), free_port()
    environment = stage.environment(url, gateway=f"http://127.0.0.1:{gateway}", LIGDICASH_RATE="100000")
    with ExitStack() as stack:
        speaks = stage.listening(gateway)
        stack.enter_context(
            stage.python("gateway", "bench.gateway", str(gateway), str(LATENCY), environment=environment, ready=speaks)
        )
        ours = stage.ours(environment, port=port)
        yield port, [stack.enter_context(stage.run_child(ours[name])) for name in ("web", "worker", "beat")]


def one_stretch(url: str, *, port: int, first: int) -> Sent:
    """Send one stretch at full speed, and wait until all of it is read and settled."""
    add_pending(url, first=first, count=INVOICES)
    times = STRETCH // (2 * INVOICES)
    sent = send(Load(port=port, first=first, transactions=INVOICES, connections=CONNECTIONS, repeats=times))
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        until(lambda: not waits(connection), within=60, every=0.1, what="the reading of all callbacks")
    if sent.refused:
        raise SystemExit(f"{sent.refused:,} callbacks were not acknowledged")
    return sent


def waits(connection: psycopg.Connection) -> bool:
    """Whether a callback is still to be read, or an invoice still to be settled. Looks at partial indexes alone."""
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM callbacks WHERE next_try_at IS NOT NULL)"
        " OR EXISTS (SELECT FROM transactions WHERE next_check_at IS NOT NULL)"
    ).fetchone()
    return bool(row and row[0])


def levels_of(programs: Sequence[Program]) -> dict[str, float]:
    """Megabytes (PSS) of each process now; of a worker's children, which come and go, the largest."""
    found: dict[str, float] = {}
    for program in programs:
        parent = psutil.Process(program.pid)
        found[program.name] = pss(parent)
        if children := parent.children(recursive=True):
            found[f"{program.name}'s child"] = max(pss(child) for child in children)
    return found


def pss(process: psutil.Process) -> float:
    """Megabytes it has to itself, and its part of what it shares; nothing once it has ended."""
    try:
        return float(process.memory_full_info().pss) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


class Watch:
    """Looks at the memory of these programs: every second for the curve, and carefully when told to."""

    def __init__(self, programs: Sequence[Program]) -> None:
        self._programs = programs
        self._began = time.perf_counter()
        self.curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
        """By process: seconds since the beginning, and megabytes."""
        self.levels: list[Levels] = []
        """After each stretch."""
        self.callbacks: list[int] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look every second until the block ends."""
        over = threading.Event()
        thread = threading.Thread(target=self._look_again_and_again, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _look_again_and_again(self, over: threading.Event) -> None:
        while not over.wait(1.0):
            at = time.perf_counter() - self._began
            for name, megabytes in levels_of(self._programs).items():
                self.curves[name].append((at, megabytes))

    def note(self, callbacks: int) -> None:
        """Keep the level now, after so many callbacks: the median of five looks."""
        looks = []
        for _ in range(5):
            looks.append(levels_of(self._programs))
            time.sleep(0.1)
        self.levels.append({name: statistics.median(look[name] for look in looks) for name in looks[0]})
        self.callbacks.append(callbacks)


def in_words(levels: Levels) -> str:
    """One line."""
    return ", ".join(f"{name} {short(megabytes)} MB" for name, megabytes in levels.items())


def chapter(watch: Watch, *, seconds: float) -> Chapter:
    """The figures of one run."""
    first, last = watch.levels[0], watch.levels[-1]
    growth = {name: (last[name] / first[name] - 1) * 100 for name in first}
    grew = max(growth, key=lambda name: growth[name])
    largest = max(last, key=lambda name: last[name])
    series = [
        Series(
            name=f"{name}, after each {STRETCH:,} callbacks", unit="MB", samples=[level[name] for level in watch.levels]
        )
        for name in first
    ]
    total = STRETCH * STRETCHES
    return Chapter(
        name="memory",
        title="Memory under load",
        how=(
            f"{total:,} callbacks about {STRETCHES * INVOICES:,} invoices at full speed over {CONNECTIONS} connections "
            f"({seconds:.0f} s), to the deployed door, worker and beat. Megabytes are PSS: what a process has to itself, "
            "and its part of what it shares. Each level was taken when all that was sent had been read and settled."
        ),
        figures=[
            Figure(
                what=f"growth from {STRETCH:,} callbacks to {total:,}, of the process that grows most ({grew})",
                unit="%",
                per_round=[growth[grew]],
                must=GROWS,
                at_least=False,
                series=series,
                note=", ".join(f"{name} {grown:+.1f} %" for name, grown in growth.items()),
            ),
            Figure(
                what=f"largest process after {total:,} callbacks ({largest})",
                unit="MB",
                per_round=[last[largest]],
                must=HOLDS,
                at_least=False,
                note=in_words(last),
            ),
        ],
        series=series,
        lines=[(name, points) for name, points in watch.curves.items()],
        axes=("seconds", "MB (PSS)"),
    )


if __name__ == "__main__":
    alone(measure)
