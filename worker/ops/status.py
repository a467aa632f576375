"""`reconciler status`: whether all is well, on one screen."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption, duration

if TYPE_CHECKING:
    from worker.ops.situation import Situation

CALLBACKS_SILENT = 3
"""Exit code: both servers do their part, and callbacks have stopped while payments go on."""

PATIENCE = 20.0
"""Seconds the whole look may take. What has not answered by then is told of as unknown."""

EVERY = timedelta(seconds=2)


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(status)


def status(
    ctx: typer.Context,
    *,
    hours: Annotated[int, typer.Option(min=1, max=48, help="Hours of payments that are shown, this one included.")] = 6,
    live: Annotated[bool, typer.Option("--watch", help="Look again and again, until Ctrl-C.")] = False,
    every: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration, metavar="DURATION", show_default="2s", help="With --watch: how far apart the looks are."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """One screen of the fleet: what is wrong or switched off, queues, what is open, who announces payments, how soon they settle.

    Leaves with 1 when the database or Redis cannot be used, and with 3 when payments go on and callbacks stopped.
    """
    if live and as_json:
        raise typer.BadParameter(_("--watch draws a screen; take --json without it"))
    if every is not None and not live:
        raise typer.BadParameter(_("--every says how far apart the looks of --watch are; it does nothing without it"))
    from worker.ops.situation import Lookout

    desk = desk_of(ctx)
    desk.look_only()
    lookout = Lookout(desk, hours=hours)
    if live:
        from worker.ops.status_watch import watch

        watch(lookout, hours=hours, every=(every or EVERY).total_seconds())
        return
    situation = lookout.look(within=PATIENCE)
    _tell(situation, hours=hours, as_json=as_json)
    if not situation.is_well:
        raise typer.Exit(WENT_WRONG)
    if situation.hushes:
        raise typer.Exit(CALLBACKS_SILENT)


def _tell(situation: Situation, *, hours: int, as_json: bool) -> None:
    from worker.ops.shown import console, print_json
    from worker.ops.status_view import screen

    if as_json:
        print_json(document(situation, hours=hours))
        return
    out = console()
    for line in screen(situation, width=out.width, hours=hours):
        out.print(line)


def document(situation: Situation, *, hours: int) -> dict[str, object]:
    """For a machine. What could not be found out is null, and `unknown` says why."""
    from worker.ops.status_hours import shares

    told = asdict(situation)
    learned = situation.learned
    told["learned"] = learned and {
        "now": learned.now,
        "heard_at": learned.heard_at,
        "shares": shares(learned, hours=hours),
        "waits": learned.waits,
    }
    return {"ok": situation.is_well, "callbacks_silent": situation.hushes, **told}
