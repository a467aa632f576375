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
from statistics import median

from bench.books import add_pending, add_settled
from bench.company import EVERY, PEOPLE, Company, entries, median_ms
from bench.figures import Chapter, Series, say, short, told
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
        series=[one for rate in RATES for side in SIDES for one in _series(f"{rate:g}/s {side}", found[rate, side])],
        notes=[
            f"{_middle('A page', company.pages)}; {_middle('a sign-in', company.sign_ins)}.",
            *(_times(found, rate) for rate in RATES),
        ],
    )


def _middle(what: str, seconds: Sequence[float]) -> str:
    return f"{what} took {short(median_ms(seconds))} ms in the middle of {len(seconds):,}"


def _times(found: Found, rate: float) -> str:
    """How many times p99 alone it is beside the others, in the middle of the rounds."""
    alone = found[rate, ALONE].p99
    by_side = {
        side: median(one / other for one, other in zip(found[rate, side].p99, alone, strict=True))
        for side in (BESIDE, SIGNING_IN)
    }
    told = ", ".join(f"{short(times)} times {side}" for side, times in by_side.items())
    return f"At {rate:g}/s p99 is {told}, of what it is alone."


def _series(name: str, times: Times) -> list[Series]:
    return [
        Series(name=f"{name}, p50", unit="ms", samples=times.p50),
        Series(name=f"{name}, p99", unit="ms", samples=times.p99),
    ]


def main() -> None:
    """Measure once, and say when and on what."""
    payments, rounds = (*map(int, sys.argv[1:3]), *(PAYMENTS, 5)[len(sys.argv[1:3]) :])
    with open_stage() as stage:
        about = {**machine_of(stage), **moment()}
        chapter = measure(stage, rounds=rounds, say=say, payments=payments)
    say("\n".join([told(chapter), *(f"{name}: {value}" for name, value in about.items())]))


if __name__ == "__main__":
    main()
