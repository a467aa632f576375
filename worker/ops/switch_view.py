"""Stops, told to a person: what goes on meanwhile, and when it ends."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from models.queries.stops import PastStop, StopLine
from models.stop import Switch
from worker.language import N_, _
from worker.ops.shown import brief_stamp, console, safe, short, stamp
from worker.ops.tables import narrow_table

MEANWHILE = {
    Switch.SETTLE: N_("The gateway is asked and its answers are kept, but no status moves and nobody is told."),
    Switch.SWEEP: N_("Callbacks are read and asked about; what nobody calls back about waits."),
    Switch.NOTIFY: N_("Notices are written and wait."),
    Switch.REPLAY: N_("Replay plans wait where they are."),
    Switch.SEND: N_(
        "Payouts that are ordered are stored and wait; what was marked as sent before goes out. What has gone out is asked about"
        " as ever."
    ),
}
AFTERWARDS = {
    Switch.SETTLE: N_("What was held back is asked about again and settles within 15 minutes."),
    Switch.SWEEP: N_("What fell due meanwhile is asked about as the call budget allows."),
    Switch.NOTIFY: N_("The notices that waited are sent."),
    Switch.REPLAY: N_("Running plans go on."),
    Switch.SEND: N_("The payouts that waited are sent, oldest first: `reconciler payouts list --queued`."),
}


def print_stopped(stop: StopLine) -> None:
    """It is off now: until when, what goes on meanwhile, how it ends."""
    typer.echo(_("{switch} is off until {until} UTC").format(switch=stop.switch.value, until=stamp(stop.until)))
    typer.echo(_(MEANWHILE[stop.switch]))
    ends = _("It goes on by itself then, or by `reconciler switch on {switch}`.")
    typer.echo(ends.format(switch=stop.switch.value))


def going_on(switch: Switch, *, was_off: bool) -> str:
    """It is on."""
    if not was_off:
        return _("{switch} was on already").format(switch=switch.value)
    return _("{switch} is on again").format(switch=switch.value) + f"\n{_(AFTERWARDS[switch])}"


def describe(stop: StopLine) -> str:
    """One stop in one line, safe to print."""
    said = _("{switch} is off until {until} UTC, by {author}: {reason}")
    return safe(said.format(switch=stop.switch.value, until=stamp(stop.until), author=stop.author, reason=stop.reason))


def print_off_now(stops: Sequence[StopLine]) -> None:
    """What is off, a line each."""
    if not stops:
        typer.echo(_("everything is on"))
    for stop in stops:
        typer.echo(describe(stop))


def print_history(stops: Sequence[PastStop], *, limit: int) -> None:
    """All stops of a page, over or not."""
    if not stops:
        typer.echo(_("nothing was ever switched off"))
        return
    table = narrow_table()
    for heading in (_("id"), _("switch"), _("off UTC"), _("for")):
        table.add_column(heading, no_wrap=True)
    for heading in (_("ended"), _("by"), _("why")):
        table.add_column(heading, overflow="fold")
    for stop in stops:
        end = stop.ended_at or stop.now
        table.add_row(
            str(stop.id),
            stop.switch.value,
            brief_stamp(stop.off_at, now=stop.now, seconds=False),
            short(end - stop.off_at),
            _end(stop),
            safe(stop.author),
            safe(stop.reason),
        )
    console().print(table)
    if len(stops) == limit:
        console().print("\n" + _("more: --after {id}").format(id=stops[-1].id))


def _end(stop: PastStop) -> str:
    if stop.is_off:
        return _("still off")
    return _("by {author}").format(author=safe(stop.ended_by)) if stop.ended_by else _("ran out")
