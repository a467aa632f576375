"""`python -m bench.latency`: from a callback to its settlement on an idle system, against the floors on that way."""

from __future__ import annotations

import socket
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import psycopg

from bench.alone import alone
from bench.books import add_pending
from bench.figures import Chapter, Figure, Series, short
from bench.floors import (
    answer_of,
    bare_door,
    commit_of,
    gateway,
    gateway_of,
    push_and_pop_of,
    two_transactions_of,
)
from bench.stage import Stage
from bench.traffic import Load, requests_of
from tests.servers import free_port, libpq

GATEWAY = 0.05
"""Seconds the gateway takes."""

CALLBACKS = 60
"""Of one round, one at a time."""

FLOOR = 45
"""Settlements of a round's floor, warming up included."""

PAUSE = 0.03
"""Seconds at least between two callbacks."""

WITHIN = 20.0
"""Seconds after which a callback counts as never settled."""

MUST = 2.0

# Fires when the settlement is committed, and wakes whoever listens: no polling that would keep a processor busy.
TELL = """
    CREATE FUNCTION tell_settled() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_notify('settled', NEW.transaction_pk::text); RETURN NULL; END $$;
    CREATE TRIGGER tell_settled AFTER INSERT ON settlements FOR EACH ROW EXECUTE FUNCTION tell_settled();
"""

HOW = (
    "Door, worker (prefork, 2) and beat as they are deployed, nothing else to do; one callback at a time, each about an invoice "
    "of its own. The time runs from sending the request to the commit of the settlement, told by NOTIFY from a trigger that only "
    f"this database has. The gateway answers after {GATEWAY * 1000:g} ms; what it takes over a bare socket is taken off. The floors "
    "are measured in each round, on the same servers with the same trigger: one callback answered by a door that keeps nothing, "
    "one receipt inserted and committed, one entry pushed and popped, and the two transactions that a settlement takes (read and "
    "mark; evidence, move, settlement and numbered notice) with every statement that the tables want, in plain psycopg."
)


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """Floors and callbacks by turns."""
    names = ("door", "commit", "push and pop", "two short transactions")
    floors: dict[str, list[float]] = {name: [] for name in names}
    ours: list[float] = []
    taken: list[float] = []
    with stage.database() as url, ExitStack() as stack:
        asked = stack.enter_context(gateway(stage, latency=GATEWAY))
        bare = stack.enter_context(bare_door(stage))
        port = _system(stage, url, gateway_port=asked, stack=stack)
        settlements = stack.enter_context(_settlements(url))
        add_pending(url, first=1, count=(CALLBACKS + FLOOR) * rounds + CALLBACKS)
        last = (CALLBACKS + FLOOR) * rounds
        _callbacks(port, settlements, first=last + 1, count=CALLBACKS // 3)  # first connections, first statements
        for number in range(rounds):
            first = 1 + (CALLBACKS + FLOOR) * number
            two = two_transactions_of(url, first=first + CALLBACKS, count=FLOOR - 5)
            found = (answer_of(bare), commit_of(url, count=100), push_and_pop_of(stage.redis_url, count=200), two)
            for name, seconds in zip(names, found, strict=True):
                floors[name].append(seconds * 1000)
            taken.append(gateway_of(asked, count=20) * 1000)
            ours.append(_callbacks(port, settlements, first=first, count=CALLBACKS) * 1000)
            say(f"latency, round {number + 1} of {rounds}: {short(ours[-1])} ms with the gateway's {short(taken[-1])}")
    return _chapter(ours, taken, floors)


def _system(stage: Stage, url: str, *, gateway_port: int, stack: ExitStack) -> int:
    port = free_port()
    children = stage.ours(stage.environment(url, gateway=f"http://127.0.0.1:{gateway_port}"), port=port)
    for name in ("web", "worker", "beat"):
        stack.enter_context(stage.run_child(children[name]))
    return port


@contextmanager
def _settlements(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(TELL)
        connection.execute("LISTEN settled")
        yield connection


def _callbacks(port: int, settlements: psycopg.Connection, *, first: int, count: int) -> float:
    """Seconds from sending to settled, the median of so many."""
    for _ in settlements.notifies(timeout=0):  # those of the floor
        pass
    times = []
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests_of(Load(port=port, first=first, transactions=count, twins=False)):
            time.sleep(PAUSE * (1 + len(times) % 7 / 7))  # not in step with whatever wakes up at intervals
            began = time.perf_counter()
            sock.sendall(request)
            settled = next(settlements.notifies(timeout=WITHIN, stop_after=1), None)
            times.append(time.perf_counter() - began)
            if settled is None:
                raise SystemExit(f"a callback was not settled within {WITHIN:g} s")
            sock.recv(65_536)
    return statistics.median(times)


def _chapter(ours: list[float], taken: list[float], floors: dict[str, list[float]]) -> Chapter:
    sums = [sum(each) for each in zip(*floors.values(), strict=True)]
    alone_ours = [whole - gateway for whole, gateway in zip(ours, taken, strict=True)]
    series = [
        Series(name="ours, gateway's time taken off", unit="ms", samples=alone_ours),
        Series(name="sum of the floors", unit="ms", samples=sums),
    ]
    return Chapter(
        name="latency",
        title="From callback to settled, on an idle system",
        how=HOW,
        figures=[
            Figure(
                what="callback to settled, p50, against the sum of its floors",
                unit="",
                per_round=[one / floor for one, floor in zip(alone_ours, sums, strict=True)],
                must=MUST,
                at_least=False,
                series=series,
            )
        ],
        series=[
            *(Series(name=f"floor: {name}", unit="ms", samples=samples) for name, samples in floors.items()),
            Series(name="the gateway, over a bare socket", unit="ms", samples=taken),
        ],
    )


if __name__ == "__main__":
    alone(measure)
