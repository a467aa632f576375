"""`reconciler reconcile`: hold a statement that the gateway's dashboard exported against our books."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from models.account import DEFAULT
from models.errors import Invalid
from worker.language import _
from worker.ops.days import FromOption, ToOption, between
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import AccountOption, AuthorOption, JsonOption, duration

if TYPE_CHECKING:
    from models.queries.cases import Signature
    from worker.ops.reconcile.reading import Options, Statement
    from worker.ops.reconcile.result import Result

MANY = 100
"""Cases from which on somebody has to say that they mean it: a column that was read wrongly makes one of each line."""


class Form(StrEnum):
    """What the result can be written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(reconcile)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise typer.BadParameter(_("there is no time zone {name}").format(name=repr(name))) from None


def reconcile(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, readable=True, help="The statement, CSV or XLSX."),
    ],
    *,
    columns: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="TOML that says which column is what.", show_default=False
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD=NAME", help="One column, as amount=Montant; above --columns.", show_default=False),
    ] = None,
    account: AccountOption = DEFAULT,
    first: FromOption = "",
    last: ToOption = "",
    tolerance: Annotated[
        timedelta,
        typer.Option(
            parser=duration, metavar="DURATION", help="How far clocks and time zones may be apart at an edge."
        ),
    ] = "2h",  # type: ignore[assignment] # Typer's parser makes a timedelta of it
    zone: Annotated[
        ZoneInfo, typer.Option(parser=_zone, metavar="ZONE", help="Time zone of dates that name none: Africa/Niamey.")
    ] = "UTC",  # type: ignore[assignment] # the same
    month_first: Annotated[bool, typer.Option("--month-first", help="Dates are month/day/year.")] = False,
    net: Annotated[bool, typer.Option("--net", help="Sums are what the fee left of money in: add it again.")] = False,
    separator: Annotated[
        str, typer.Option(metavar="SIGN", help="What separates cells.", show_default="found out")
    ] = "",
    encoding: Annotated[str, typer.Option(metavar="NAME", help="Encoding of a CSV.", show_default="found out")] = "",
    sheet: Annotated[str, typer.Option(metavar="NAME", help="Sheet of an XLSX.", show_default="the first")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show how the file is read, and stop.")] = False,
    form: Annotated[
        Form | None, typer.Option("--format", help="What the result is written as.", show_default="table")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Lines of each kind in the table; files have all.")] = 20,
    cases: Annotated[bool, typer.Option("--cases", help="Open a case for each difference that has none yet.")] = False,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="With --cases: why, for whoever reads them.")] = "",
    author: AuthorOption,
    yes: Annotated[bool, typer.Option("--yes", help="With --cases: also more than 100.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Hold a statement that LigdiCash's dashboard exported against our books: what matches, and what differs.

    By the gateway's id first, then by yours. Moves no money and changes no
    status. Leaves with 1 when anything differs or a line cannot be read.
    """
    from models.queries.cases import Signature
    from tasks.reconcile import hold
    from worker.ops.reconcile import preview, view
    from worker.ops.reconcile.columns import mapping
    from worker.ops.reconcile.reading import Options
    from worker.ops.reconcile.result import Result
    from worker.ops.reconcile.terms import terms_of
    from worker.ops.replay_watch import bar

    form = Form.JSON if as_json else _form(form, output)
    by = Signature(author=author.strip(), reason=reason.strip())
    _check(cases=cases, by=by, yes=yes)
    options = Options(
        mapped=mapping(columns, column or []),
        encoding=encoding,
        separator=separator.replace("\\t", "\t"),
        sheet=sheet,
        zone=zone,
        month_first=month_first,
        net=net,
    )
    days = between(first, last) if first or last else None
    statement = _read(file, options)
    if dry_run:
        preview.tell(statement, as_json=form is Form.JSON)
        return
    terms = terms_of(statement.lines, days, account=account, tolerance=tolerance)
    tools = desk_of(ctx).tools
    with bar(_("reading the books"), chatty=False) as show:
        findings = hold(tools.sessions, statement.lines, terms, told=lambda read: show(read, read, ""))
    result = Result(statement=statement, terms=terms, findings=findings)
    if cases:
        _open_cases(ctx, result, by, yes=yes)
    view.write(result, form=form.value, output=output, limit=limit)
    if not result.is_clean:
        raise typer.Exit(WENT_WRONG)


def _form(form: Form | None, output: Path | None) -> Form:
    if form is None and output is not None:
        named = output.suffix.lower().removeprefix(".")
        if named not in {one.value for one in Form if one is not Form.TABLE}:
            raise typer.BadParameter(_("say with --format what {file} is to be").format(file=output.name))
        return Form(named)
    if form is Form.TABLE and output is not None:
        raise typer.BadParameter(_("a table is for the screen: --format csv, json or xlsx for a file"))
    return form or Form.TABLE


def _check(*, cases: bool, by: Signature, yes: bool) -> None:
    if not cases and (by.reason or yes):
        raise typer.BadParameter(_("--reason and --yes go with --cases"))
    if cases and not (by.reason and by.author and by.reason.isprintable() and by.author.isprintable()):
        raise typer.BadParameter(_("say why, with --reason TEXT"))


def _read(file: Path, options: Options) -> Statement:
    from worker.ops.reconcile.reading import read_statement
    from worker.ops.replay_watch import bar

    with bar(_("reading the statement"), chatty=False) as show:
        return read_statement(file, options, told=lambda done, total: show(done, total, ""))


def _open_cases(ctx: typer.Context, result: Result, by: Signature, *, yes: bool) -> None:
    from tasks.reconcile import keep

    if len(result.differences) > MANY and not yes:
        raise Invalid(
            _(
                "{count} differences would be as many cases: see with --dry-run that the file is read rightly, then add --yes"
            ).format(count=len(result.differences))
        )
    sessions = desk_of(ctx).tools.sessions
    result.opened = keep(
        sessions, result.differences, account=result.terms.account, file=result.statement.file.name, by=by
    )
