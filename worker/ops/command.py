"""The command line, put together: every command and what they share."""

from __future__ import annotations

from typing import Annotated

import typer

from worker.language import _
from worker.ops import (
    accounts,
    callbacks,
    cases,
    conformance,
    console,
    customers,
    doctor,
    evidence,
    exporter,
    fsck,
    invoices,
    notices,
    operators,
    payouts,
    prune,
    reconcile,
    replay,
    report,
    servers,
    size,
    status,
    switches,
    upkeep,
    why,
)
from worker.ops.desk import Desk
from worker.ops.edge import OneLineErrors

app = typer.Typer(
    cls=OneLineErrors,
    help="Look after LigdiCash payments: what was received, what was asked, what was settled.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - Typer hands over the option's value so
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"reconciler {version('ligdicash-reconciler')}")
        except PackageNotFoundError:  # run from a checkout that nobody installed
            typer.echo(_("reconciler, from a checkout"))
        raise typer.Exit


@app.callback()
def reconciler(
    ctx: typer.Context,
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks, and logs on stderr.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version and leave.")
    ] = False,
    lang: Annotated[
        str,
        typer.Option(
            metavar="LANGUAGE",
            show_default="RECONCILER_LANG, else the locale's",
            help="Language of what a person reads, en or fr; anywhere on the line. JSON and logs stay English.",
        ),
    ] = "",
) -> None:
    """Set up what all commands share."""
    del version, lang  # the language was chosen before this line was read: see worker.ops.speech
    if ctx.obj is None:
        ctx.obj = Desk(logs=debug)


app.add_typer(invoices.app, name="invoices")
app.add_typer(payouts.app, name="payouts")
app.add_typer(callbacks.app, name="callbacks")
app.add_typer(replay.app, name="replay")
app.add_typer(cases.app, name="cases")
app.add_typer(notices.app, name="notices")
app.add_typer(customers.app, name="customers")
why.add_to(app)
status.add_to(app)
upkeep.add_to(app)
fsck.add_to(app)
report.add_to(app)
reconcile.add_to(app)
prune.add_to(app)
evidence.add_to(app)
size.add_to(app)
servers.add_to(app)
conformance.add_to(app)
app.add_typer(switches.app, name="switch")
app.add_typer(console.app, name="console")
doctor.add_to(app)
exporter.add_to(app)
operators.add_to(app)
accounts.add_to(app)
