"""`python -m bench.workers`: four worker commands against one, while the gateway and not the CPU sets the pace."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from bench.alone import alone
from bench.figures import Chapter, Figure, Series, short
from bench.pending import LATENCY, Pending, pending
from bench.stage import Stage, until

INVOICES = 30_000
AT_ONCE = 4
"""Questions out at once, for each worker command."""

MANY = 4
WINDOW = 5.0
"""Seconds of counting, for one and for many in each round."""

MUST = 3.6

HOW = (
    f"Worker commands with one process and {AT_ONCE} questions out at once each, on one database and one Valkey; beat rings for "
    f"the sweep, and the gateway says `pending` after {LATENCY * 1000:g} ms. Few questions at once, so that the gateway sets the "
    f"pace and not the CPU. Counted at the gateway for {WINDOW:g} s with one, then with {MANY}, by turns."
)


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """One worker all the time; three more come and go."""
    rates: dict[int, list[float]] = {1: [], MANY: []}
    with pending(stage, count=INVOICES) as books, ExitStack() as one:
        _start(books, one, count=1)
        for number in range(rounds):
            rates[1].append(_rate(books))
            with ExitStack() as more:
                _start(books, more, count=MANY - 1)
                rates[MANY].append(_rate(books))
            say(
                f"workers, round {number + 1} of {rounds}: {short(rates[1][-1])}/s, {MANY} of them {short(rates[MANY][-1])}/s"
            )
    return Chapter(
        name="workers",
        title=f"{MANY} worker commands against one",
        how=HOW,
        figures=[
            Figure(
                what=f"questions/s of {MANY} worker commands against one, gateway-bound",
                unit="",
                per_round=[many / single for single, many in zip(rates[1], rates[MANY], strict=True)],
                must=MUST,
                at_least=True,
                series=[
                    Series(name=f"ours, {count} of them", unit="questions/s", samples=samples)
                    for count, samples in rates.items()
                ],
            )
        ],
    )


def _start(books: Pending, stack: ExitStack, *, count: int) -> None:
    """Start so many at once, and go on when all of them ask."""
    before = books.listening()
    environment = books.environment(LIGDICASH_CONCURRENCY=str(AT_ONCE))
    for _ in range(count):
        stack.enter_context(books.stage.run_child(books.stage.ours(environment, concurrency=1)["worker"]))
    until(lambda: books.listening() >= before + count, what="all workers listening")
    books.wait_for_questions()


def _rate(books: Pending) -> float:
    """Questions a second, once what was going on before is over."""
    books.asked_in(1.0)
    asked, seconds = books.asked_in(WINDOW)
    return asked / seconds


if __name__ == "__main__":
    alone(measure)
