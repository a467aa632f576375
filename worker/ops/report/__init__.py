"""`reconciler report`: what was settled in a period, in groups that add up, as a table or a file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from models.report import By
from worker.language import _
from worker.ops.days import WORDS, FromOption, ToOption, days_of
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption


class Form(StrEnum):
    """What a report can be written as."""

    TABLE = "table"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(report)


def report(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    period: Annotated[
        str,
        typer.Argument(
            metavar="[PERIOD]",
            help="yesterday, today, last-month, this-month, a month as 2026-11, or a day as 2026-11-26.",
            show_default=WORDS[0],
        ),
    ] = "",
    *,
    first: FromOption = "",
    last: ToOption = "",
    by: Annotated[By, typer.Option("--by", help="What settlements are grouped by.")] = By.OPERATOR,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this account.", show_default=False)
    ] = None,
    form: Annotated[
        Form | None,
        typer.Option(
            "--format", help="What it is written as; else what the name of the file says.", show_default="table"
        ),
    ] = None,
    lines: Annotated[
        bool, typer.Option("--lines", help="Every settlement, too: as the CSV, or in a second sheet of the XLSX.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """What was settled in a period of UTC days: money in, money out, and by hand apart, in groups that add up.

    A payment counts on the day it was settled here, once and for ever. Leaves
    with 1 when the groups do not come to what the settlements do.
    """
    from models.queries.report import each_settled, read_report
    from models.session import transaction
    from worker.ops.report import view
    from worker.ops.shown import print_json

    days = days_of(period, first, last)
    form = Form.TABLE if as_json else _form(form, output)
    if lines and form not in (Form.CSV, Form.XLSX):
        raise typer.BadParameter(_("--lines goes with --format csv or xlsx"))
    with transaction(desk_of(ctx).tools.sessions) as step:
        found = read_report(step.session, days, by=by, account=account)
        if as_json:
            print_json(view.report_document(found))
        elif form is Form.TABLE and output is None:
            view.print_report(found)
        else:
            each = each_settled(step.session, days, account=account) if lines else None
            view.write_report(found, each, form=form.value, output=output)
    if not found.is_sound:
        typer.echo(view.unsound(found), err=True)
        raise typer.Exit(WENT_WRONG)


def _form(form: Form | None, output: Path | None) -> Form:
    """What is asked for, else what the file's name ends in."""
    if form is None and output is not None:
        named = output.suffix.lower().removeprefix(".")
        if named not in {one.value for one in Form if one is not Form.TABLE}:
            raise typer.BadParameter(_("say with --format what {file} is to be").format(file=output.name))
        return Form(named)
    if form is Form.TABLE and output is not None:
        raise typer.BadParameter(_("a table is for the screen: --format csv, xlsx or html for a file"))
    return form or Form.TABLE
