"""What people at the console cost the callbacks beside them: `python -m bench.console [PAYMENTS [ROUNDS]]`.

Books with so many payments, the deployed door, and a steady load of callbacks. In each round the door is timed under that load
alone, beside people who look at the console, and beside the same people while somebody signs in again and again. The three take
turns at who is first.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

from bench.books import add_pending, add_settled
from bench.company import EVERY, PEOPLE, Company, entries, median_ms
from bench.figures import Chapter, Figure, Series, short, told
from bench.machine import machine_of, moment
from bench.stage import Stage, open_stage
from bench.traffic import Load, Sent, send
from tests.servers import free_port

PAYMENTS, OPEN = 200_000, 2_000
"""Settled over the last 30 days, and open."""

RATES: Mapping[float, float] = {40.0: 15.0, 300.0: 10.0}
"""Callbacks a second, sent whether or not earlier ones are answered, and for how many seconds."""

CONNECTIONS = 64

ALONE, BESIDE, SIGNING_IN = "alone", "beside people", "beside people and sign-ins"
SIDES = (ALONE, BESIDE, SIGNING_IN)

MUST = 1.5
"""What p99 beside the console may be, in times of p99 alone."""


@dataclass
class Times:
    """A sample of each round, milliseconds."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


Found = Mapping[tuple[float, str], Times]
"""By rate and side."""


@contextmanager
def door_with_company(stage: Stage, *, payments: int, say: Callable[[str], None]) -> Iterator[tuple[int, Company]]:
    """The port of a warm door with a console on books of so many payments, and people who are signed in there."""
    port = free_port()
    with stage.database() as url:
        say(f"filling in {payments:,} payments")
        add_settled(url, count=payments, over="30 days", ended="5 minutes")
        add_pending(url, first=1, count=OPEN)
        environment = stage.environment(url, CONSOLE_USERS=entries())
        with stage.run_child(stage.ours(environment, port=port)["web"]):
            company = Company(f"http://127.0.0.1:{port}")
            try:
                company.come()
                with company.at_work(signing_in=True):
                    load(port, rate=max(RATES), seconds=5)
                yield port, company
            finally:
                company.go()


def load(port: int, *, rate: float, seconds: float) -> Sent:
    """The steady load. Raises `SystemExit` when a callback is refused."""
    sent = send(Load(port=port, first=1, transactions=int(rate * seconds / 2), connections=CONNECTIONS, rate=rate))
    if sent.refused:
        raise SystemExit(f"the door refused {sent.refused} callbacks")
    return sent


def one_round(port: int, company: Company, found: Found, *, turn: int) -> None:
    """Each side at each rate; another side is first in each round."""
    first = turn % len(SIDES)
    for rate, seconds in RATES.items():
        for side in (*SIDES[first:], *SIDES[:first]):
            with nullcontext() if side == ALONE else company.at_work(signing_in=side == SIGNING_IN):
                sent = load(port, rate=rate, seconds=seconds)
            found[rate, side].p50.append(sent.p50 * 1e3)
            found[rate, side].p99.append(sent.p99 * 1e3)


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None], payments: int = PAYMENTS) -> Chapter:
    """All rounds; what the console costs."""
    found: Found = {(rate, side): Times() for rate in RATES for side in SIDES}
    with door_with_company(stage, payments=payments, say=say) as (port, company):
        company.pages.clear()
        company.sign_ins.clear()
        for turn in range(rounds):
            one_round(port, company, found, turn=turn)
            for rate in RATES:
                p99 = ", ".join(f"{short(found[rate, side].p99[-1])} {side}" for side in SIDES)
                say(f"console, round {turn + 1} of {rounds}: {rate:g}/s, p99 in ms: {p99}")
    return _chapter(found, company, payments=payments)


def _chapter(found: Found, company: Company, *, payments: int) -> Chapter:
    return Chapter(
        name="console",
        title=f"The door while {PEOPLE} people look at the console, with {payments:,} payments in the books",
        how=(
            f"{' and '.join(f'{rate:g}' for rate in RATES)} callbacks/s over {CONNECTIONS} connections, whether or not earlier "
            f"ones are answered: alone, beside {PEOPLE} people who load a page every {EVERY:g} s each, by turns the first page "
            f"and a search, and beside the same while somebody signs in every {EVERY:g} s. PostgreSQL with fsync on, Valkey, "
            "door, people and the load share the machine; no worker runs."
        ),
        figures=[_figure(found, rate, side) for rate in RATES for side in (BESIDE, SIGNING_IN)],
        series=[_series(f"{rate:g}/s {side}, p50", found[rate, side].p50) for rate in RATES for side in SIDES],
        notes=[f"{_middle('A page', company.pages)}; {_middle('a sign-in', company.sign_ins)}."],
    )


def _middle(what: str, seconds: Sequence[float]) -> str:
    return f"{what} took {short(median_ms(seconds))} ms in the middle of {len(seconds):,}"


def _figure(found: Found, rate: float, side: str) -> Figure:
    alone, beside = found[rate, ALONE].p99, found[rate, side].p99
    return Figure(
        what=f"p99 of the answer at {rate:g}/s {side} against alone",
        unit="",
        per_round=[one / other for one, other in zip(beside, alone, strict=True)],
        must=MUST,
        at_least=False,
        series=[_series(f"{rate:g}/s {side}, p99", beside), _series(f"{rate:g}/s {ALONE}, p99", alone)],
    )


def _series(name: str, samples: Sequence[float]) -> Series:
    return Series(name=name, unit="ms", samples=samples)


def main() -> None:
    """Measure once, and say when and on what."""
    payments, rounds = (*map(int, sys.argv[1:3]), *(PAYMENTS, 5)[len(sys.argv[1:3]) :])
    with open_stage() as stage:
        about = {**machine_of(stage), **moment()}
        chapter = measure(stage, rounds=rounds, say=_say, payments=payments)
    late = {one.name: one for figure in chapter.figures for one in figure.series}
    lines = [told(chapter), *(f"{one.name}: {short(one.median)} ms ({one.spread})" for one in late.values())]
    _say("\n".join([*lines, *(f"{name}: {value}" for name, value in about.items())]))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
