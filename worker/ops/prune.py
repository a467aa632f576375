"""`reconciler prune`: erase what is past its time, or say what would be."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from worker.ops.desk import desk_of
from worker.ops.options import JsonOption, duration

if TYPE_CHECKING:
    from tasks.erase import Erased
    from tasks.prune import Pruned, Shelf
    from tasks.toolbox import Toolbox


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(prune)


def prune(
    ctx: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; count by age what would be erased.")
    ] = False,
    for_: Annotated[
        timedelta | None,
        typer.Option(
            "--for",
            parser=duration,
            metavar="DURATION",
            show_default=False,
            help="Work at most so long: 90s, 15m, 2h. To the end unless given.",
        ),
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Walk over everything once more, also over what was passed by before.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Erase personal data and raw bodies that are past their time. Nothing that is open; no fact that proves a settlement.

    For how long things are kept the RETENTION_ settings say; docs/retention.md has what is kept where. It works gently beside
    everything else, can be stopped at any time, and goes on from where it was. What customers asked to have erased, and is over by
    now, goes first.
    """
    tools = desk_of(ctx).tools
    if dry_run:
        _count(tools, as_json=as_json)
    else:
        _erase(tools, seconds=for_.total_seconds() if for_ else float("inf"), anew=anew, as_json=as_json)


def _count(tools: Toolbox, *, as_json: bool) -> None:
    from tasks.prune import stock
    from worker.ops.prune_view import counting, print_stock, stock_document
    from worker.ops.shown import print_json

    with counting() as told:
        found = stock(tools.sessions, tools.retention, told=told)
    if as_json:
        print_json(stock_document(found, tools.retention))
    else:
        print_stock(found, tools.retention)


def _erase(tools: Toolbox, *, seconds: float, anew: bool, as_json: bool) -> None:
    from tasks.prune import prune as erase
    from worker.ops.prune_view import Done, done_document, erasing, print_done
    from worker.ops.shown import print_json

    began = time.monotonic()
    rows: Counter[Shelf] = Counter()
    freed: Counter[Shelf] = Counter()
    unfinished: set[Shelf] = set()
    with until_told() as is_wanted:
        on_request = _carry_on(tools, freed, seconds=seconds, is_wanted=is_wanted)
        with erasing() as show:

            def told(at: Pruned) -> None:
                rows[at.shelf] += at.erased
                freed[at.shelf] += at.bytes
                (unfinished.discard if at.is_done else unfinished.add)(at.shelf)
                show(at, rows[at.shelf])

            left = seconds - (time.monotonic() - began)
            erase(tools.sessions, tools.retention, seconds=left, anew=anew, told=told, is_wanted=is_wanted)
        stopped = not is_wanted()
    done = Done(
        rows=rows + on_request,
        bytes=freed.total(),
        seconds=time.monotonic() - began,
        is_whole=not unfinished and not stopped,
    )
    if as_json:
        print_json(done_document(done, tools.retention))
    else:
        print_done(done, tools.retention)


def _carry_on(
    tools: Toolbox, freed: Counter[Shelf], *, seconds: float, is_wanted: Callable[[], bool]
) -> Counter[Shelf]:
    """Erase what customers asked for and is over by now, and count the bytes; how many rows."""
    from tasks.erase import carry_on
    from worker.ops.customers_view import erasing

    with erasing() as show:

        def told(at: Erased) -> None:
            freed[at.shelf] += at.bytes
            show(at)

        return carry_on(tools.sessions, seconds=seconds, told=told, is_wanted=is_wanted)


@contextmanager
def until_told() -> Iterator[Callable[[], bool]]:
    """Whether to go on: no more after Ctrl-C or SIGTERM, which end the command behind the handful that is under way."""
    told: list[int] = []
    before = {sign: signal.signal(sign, lambda sign, _: told.append(sign)) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: not told
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
