"""`reconciler switch`: stop one kind of acting for a while, with a reason, and let it go on again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from config import policy
from models.stop import Switch
from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.options import BIGGEST_ID, AfterOption, AuthorOption, JsonOption, LimitOption, ReasonOption, duration

if TYPE_CHECKING:
    from models.queries.stops import StopLine

app = typer.Typer(
    help="Stop settling, sweeping, notifying, replaying or sending money for a while. Receiving has no switch.",
    no_args_is_help=True,
)


def switch_named(name: str) -> Switch:
    """The switch of this name; of one that does not exist, which there are."""
    if name in {switch.value for switch in Switch}:
        return Switch(name)
    names = ", ".join(Switch)
    if name in ("receive", "receiving"):
        no = _("receiving has no switch: a callback that is refused may never come again; there are {names}")
    else:
        no = _("there is no such switch; there are {names}")
    raise typer.BadParameter(no.format(names=names))


NameArgument = Annotated[
    Switch,
    typer.Argument(
        metavar="NAME", parser=switch_named, help="settle, sweep, notify, replay or send.", show_default=False
    ),
]


@app.command()
def off(
    ctx: typer.Context,
    switch: NameArgument,
    *,
    reason: ReasonOption,
    author: AuthorOption,
    length: Annotated[
        timedelta,
        typer.Option("--for", parser=duration, metavar="DURATION", help="How long: 30m, 2h, 1d; 7d at most."),
    ] = "1h",  # type: ignore[assignment]  # Typer parses defaults, too
    as_json: JsonOption = False,
) -> None:
    """Stop it until the time is up or somebody switches it on again. What is off already is off anew, for this reason."""
    from models.queries import stops
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.switch_view import print_stopped

    _must_be_said("--reason", reason)
    _must_be_said("--by", author)
    if length > policy.LONGEST_STOP:
        raise typer.BadParameter(
            _("a switch is off for {days} days at most, so that none is forgotten; switch it off again by then").format(
                days=policy.LONGEST_STOP.days
            ),
            param_hint="--for",
        )
    with transaction(desk_of(ctx).tools.sessions) as step:
        stop = stops.switch_off(step.session, switch, author=author.strip(), reason=reason.strip(), length=length)
    if as_json:
        print_json({"off": True, **_document(stop)})
    else:
        print_stopped(stop)


@app.command()
def on(ctx: typer.Context, switch: NameArgument, *, author: AuthorOption, as_json: JsonOption = False) -> None:
    """Let it go on, before its time is up."""
    from models.queries import stops
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.switch_view import going_on

    _must_be_said("--by", author)
    with transaction(desk_of(ctx).tools.sessions) as step:
        was_off = stops.switch_on(step.session, switch, author=author.strip())
    if as_json:
        print_json({"switch": switch, "off": False, "was_off": was_off})
    else:
        typer.echo(going_on(switch, was_off=was_off))


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also the stops that are over, newest first.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is off: since when, until when, by whom and why."""
    from models.queries import stops
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.switch_view import print_history, print_off_now

    with transaction(desk_of(ctx).tools.sessions) as step:
        if everything:
            past = stops.history(step.session, limit=limit, before=BIGGEST_ID if after is None else after)
        else:
            now = stops.off_now(step.session)
    if as_json:
        print_json({"stops": past} if everything else {"off": [_document(stop) for stop in now]})
    elif everything:
        print_history(past, limit=limit)
    else:
        print_off_now(now)


def _document(stop: StopLine) -> dict[str, object]:
    return {
        "switch": stop.switch,
        "author": stop.author,
        "reason": stop.reason,
        "off_at": stop.off_at,
        "until": stop.until,
    }


def _must_be_said(option: str, said: str) -> None:
    if not said.strip() or not said.isprintable():
        raise typer.BadParameter(_("some words on one line are needed"), param_hint=option)
