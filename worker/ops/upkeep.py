"""`migrate` and `sweep`: the two commands that keep the books without any other process of ours."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from worker.language import _, number
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption

if TYPE_CHECKING:
    from tasks.sweep import Swept


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(migrate)
    app.command()(sweep)


def migrate(
    ctx: typer.Context,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 when anything is missing or differs.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the database's tables to this version. Safe to run twice, and by two at the same time."""
    from models import migrate as migrations
    from worker.ops.shown import print_json

    url = desk_of(ctx).settings.database_url.get_secret_value()
    if not check:
        done = migrations.upgrade(url)
        if as_json:
            print_json({"migrated": done})
        else:
            migrated = _("migrated: {revisions}").format(revisions=", ".join(done))
            typer.echo(migrated if done else _("the database is up to date"))
        return
    pending = migrations.pending(url)
    differs = [] if pending else migrations.drift(url)  # before the migrations, every table would differ
    if as_json:
        print_json({"pending": pending, "differs": differs})
    else:
        lines = [_("pending: {revision}").format(revision=revision) for revision in pending]
        lines += [_("differs: {what}").format(what=what) for what in differs]
        typer.echo("\n".join(lines or [_("the database is up to date")]))
    if pending or differs:
        raise typer.Exit(WENT_WRONG)


def sweep(
    ctx: typer.Context,
    *,
    loop: Annotated[bool, typer.Option("--loop", help="Go on until Ctrl-C or SIGTERM.")] = False,
    every: Annotated[
        float | None,
        typer.Option(min=0.2, max=3600, help="Seconds between two sweeps; SWEEP_EVERY.", show_default=False),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look once for what is due and have it done: by the workers or, with the broker away, here and now.

    With --loop it stands in for beat, and for the workers while there is no broker.
    """
    from tasks.sweep import sweep as sweep_once

    desk = desk_of(ctx)
    if loop:
        desk.let_logs_through()
        _sweep_until_told(lambda: sweep_once(desk.tools, inline=True), every=every or desk.settings.sweep_every)
        return
    _tell(sweep_once(desk.tools, inline=True), as_json=as_json)


def _sweep_until_told(sweep_once: Callable[[], Swept], *, every: float) -> None:
    """Sweep, rest, and sweep again. An unreachable database puts a sweep off; a signal ends the rest at once."""
    import structlog

    from models.errors import TryAgain

    over = threading.Event()
    typer.echo(_("sweeping every {every} s until Ctrl-C").format(every=number(every, "g")), err=True)
    with until_told(over):
        while not over.is_set():
            try:
                sweep_once()
            except TryAgain as exc:
                structlog.get_logger().warning("sweep_put_off", reason=str(exc))
            over.wait(every)


@contextmanager
def until_told(over: threading.Event) -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM set this event and do nothing else."""
    before = {sign: signal.signal(sign, lambda *_: over.set()) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)


def _tell(swept: Swept, *, as_json: bool) -> None:
    from worker.ops.shown import print_json

    if as_json:
        print_json(swept)
        return
    due = _("due: {callbacks} callbacks, {invoices} invoices")
    typer.echo(due.format(callbacks=number(swept.callbacks), invoices=number(swept.transactions)))
    if swept.is_off:
        typer.echo(
            _("sweep is switched off: only what a callback came about is asked about; see `reconciler switch list`")
        )
    if swept.parked:
        parked = _("parked: {count} invoices without a token; each has a case")
        typer.echo(parked.format(count=number(swept.parked)))
