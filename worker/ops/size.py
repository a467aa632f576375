"""`reconciler size`: how large a fleet a rate of callbacks needs, and what is full first. Arithmetic: asks no server."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from worker.language import _
from worker.ops.options import JsonOption

FASTEST, SLOWEST_RATE = 100_000.0, 0.001
"""Callbacks a second, either way: LIGDICASH_RATE goes no higher."""

LONGEST = 60.0
"""Seconds of an answer: no longer timeout can be set."""

MOST_QUESTIONS = 100.0


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(size)


def size(
    *,
    rate: Annotated[
        float,
        typer.Option(metavar="COUNT", help="Callbacks a second, at the busiest time of the day.", show_default=False),
    ],
    gateway_latency: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="From a question to LigdiCash's answer, on average.", show_default=False),
    ],
    questions_per_payment: Annotated[
        float, typer.Option(metavar="COUNT", help="Questions until a payment is final, on average; at least 1.")
    ] = 1.5,
    application_latency: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="From a notice to your application's answer; 0 where none is pushed."),
    ] = 0.2,
    as_json: JsonOption = False,
) -> None:
    """Say which processes and settings a rate of callbacks needs, and what is full first. Asks no server.

    By costs measured with `make bench`, so that all is busy half of the time. docs/tuning.md explains it.
    """
    from config.sizing import Load, size_for
    from worker.ops.shown import print_json
    from worker.ops.size_view import document, print_size

    found = size_for(
        Load(
            rate=_between(rate, SLOWEST_RATE, FASTEST, option="--rate"),
            gateway_latency=_between(gateway_latency, 0.001, LONGEST, option="--gateway-latency"),
            questions_per_payment=_between(questions_per_payment, 1, MOST_QUESTIONS, option="--questions-per-payment"),
            application_latency=_between(application_latency, 0, LONGEST, option="--application-latency"),
        )
    )
    if as_json:
        print_json(document(found))
    else:
        print_size(found)


def _between(value: float, least: float, most: float, *, option: str) -> float:
    """The same number. `nan` and `inf` are numbers to whoever reads the command line."""
    if math.isfinite(value) and least <= value <= most:
        return value
    wanted = _("a number from {least} to {most} is needed").format(least=f"{least:g}", most=f"{most:,.10g}")
    raise typer.BadParameter(wanted, param_hint=option)
