"""`reconciler fsck`: hold the books against every rule, one line per violation."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from worker.language import _, ngettext, number
from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import duration

if TYPE_CHECKING:
    from tasks.watch import Looked, Overrides, Violation


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(fsck)


def fsck(
    ctx: typer.Context,
    *,
    since: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration,
            metavar="DURATION",
            show_default=False,
            help="Only what is open, and what moved this lately: 90s, 15m, 2h, 1d. Everything unless given.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Violations of each rule that are shown; all are counted.")] = 100,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per line; the last has the totals.")
    ] = False,
) -> None:
    """Hold the books against every rule. Reads only; exits with 1 when one is broken. docs/fsck.md explains each."""
    from tasks.watch import WATCHED_IN_FULL, WATCHED_LIFE, overrides
    from tasks.watch import fsck as violations

    rows: Counter[str] = Counter()
    broken: Counter[str] = Counter()
    began = time.monotonic()
    with _progress() as show:

        def looked(at: Looked) -> None:
            rows[at.what] += at.rows
            show(at, rows[at.what])

        for violation in violations(desk_of(ctx).tools.sessions, since=since, looked=looked):
            broken[violation.rule] += 1
            if broken[violation.rule] <= limit:
                _tell(violation, as_json=as_json)
    if since is None:
        desk_of(ctx).tools.signs.leave(WATCHED_IN_FULL, broken, life=WATCHED_LIFE)
    by_hand = overrides(desk_of(ctx).tools.sessions, since=since)
    _list_overrides(by_hand, limit=limit, as_json=as_json)
    _sum_up(rows, broken, by_hand=by_hand.count, seconds=time.monotonic() - began, limit=limit, as_json=as_json)
    if broken:
        raise typer.Exit(WENT_WRONG)


def _tell(violation: Violation, *, as_json: bool) -> None:
    from worker.ops.shown import safe

    if as_json:
        _print_line(rule=violation.rule, subject=violation.subject, detail=violation.detail, advice=violation.advice)
    else:
        line = _("broken: {rule}  {subject}  {detail}; {advice}")
        subject, detail = safe(violation.subject), safe(violation.detail)
        typer.echo(line.format(rule=violation.rule, subject=subject, detail=detail, advice=_(violation.advice)))


def _list_overrides(found: Overrides, *, limit: int, as_json: bool) -> None:
    """A section of its own: what persons changed by hand is no violation, and is in sight for ever."""
    from worker.ops.fsck_view import override_document, override_line

    if found.count and not as_json:
        text = _("overrides: {count}")
        if found.count > limit:
            text = _("overrides: {count}, the first {limit} are shown; --limit shows more")
        typer.echo(text.format(count=number(found.count), limit=number(limit)))
    for one in islice(found.lines, limit):
        typer.echo(override_document(one) if as_json else override_line(one))


def _sum_up(
    rows: Counter[str], broken: Counter[str], *, by_hand: int, seconds: float, limit: int, as_json: bool
) -> None:
    if as_json:
        _print_line(rows=dict(rows), seconds=round(seconds, 1), violations=dict(broken), overrides=by_hand)
        return
    for rule, count in sorted(broken.items()):
        if count > limit:
            more = _("{rule}: {count} violations, the first {limit} are shown; --limit shows more")
            typer.echo(more.format(rule=rule, count=number(count), limit=number(limit)))
    violations = ngettext("{count} violations", "{count} violations", broken.total())
    verdict = violations.format(count=number(broken.total())) if broken else _("clean")
    looked = ", ".join(f"{number(count)} {_(what)}" for what, count in rows.items()) or _("nothing")
    total = _("{verdict}; looked at {looked} in {seconds} s")
    typer.echo(total.format(verdict=verdict, looked=looked, seconds=number(seconds, ".1f")))


def _print_line(**members: object) -> None:
    typer.echo(json.dumps(members))


@contextmanager
def _progress() -> Iterator[Callable[[Looked, int], None]]:
    """Follow the progress on stderr: bars on a terminal, else a line for each kind of rows that is done."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[rows]}"), TimeElapsedColumn())
    # What is printed meanwhile goes above the bars, but only where it is the same terminal: a pipe gets it itself.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as bars:
        tasks = {}

        def show(at: Looked, rows: int) -> None:
            if at.what not in tasks:
                tasks[at.what] = bars.add_task(_(at.what), total=1.0, rows=0)
            bars.update(tasks[at.what], completed=at.share, rows=number(rows))

        yield show


def _lines(at: Looked, rows: int) -> None:
    if at.is_done:
        typer.echo(_("{what}: {count} rows").format(what=_(at.what), count=number(rows)), err=True)
