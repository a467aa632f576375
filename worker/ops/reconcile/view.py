"""What came of reconciling a statement: a table, a document, or a file with every difference."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from rich.text import Text

from models.statement import Direction, Finding, Match, Sum
from worker.language import _, ngettext, number
from worker.language.sentences import retold
from worker.ops.files import Cell, Table, write_csv, write_xlsx, written
from worker.ops.reconcile.document import document
from worker.ops.reconcile.reading import FAULTS, Statement
from worker.ops.reconcile.result import Result
from worker.ops.shown import brief_stamp, console, francs, json_text, print_json, safe
from worker.ops.statement_cases import match_word
from worker.ops.tables import narrow_table, print_lines

IN, OUT = Direction.IN, Direction.OUT

LISTED = (*[match for match in Match if match.is_difference], Match.EDGE, Match.OUTSIDE)
"""What is listed line by line, in the order in which it is."""

COLUMNS = (
    "result", "line", "gateway_id", "reference", "transaction_id", "direction", "francs_there", "francs_here",
    "paid_there", "status_here", "at", "settled_at", "account", "why",
)  # fmt: skip
"""Of the files: their names stay, whatever language is spoken."""


def way_word(way: Direction) -> str:
    """In or out, for a narrow column."""
    return _("out") if way is OUT else _("in")


def write(result: Result, *, form: str, output: Path | None, limit: int) -> None:
    """Tell it in this form."""
    if form == "table":
        print_result(result, limit=limit)
        return
    if form == "json" and output is None:
        print_json(document(result))
        return
    with written(output, suffix=f".{form}") as path:
        if form == "json":
            path.write_text(json_text(document(result)) + "\n", encoding="utf-8")
            return
        lines = Table(name="differences", columns=COLUMNS, rows=_rows(result))
        if form == "csv":
            write_csv(path, lines)
        else:
            write_xlsx(path, [_summary(result), lines])
    _tell_cases(result, err=True)


def print_result(result: Result, *, limit: int) -> None:
    """On the screen."""
    from worker.ops.reconcile.preview import opened

    out = console()
    out.print(opened(result.statement))
    out.print(terms_line(result))
    out.print()
    out.print(_sums(result))
    for match in LISTED:
        _list(result, match, limit=limit)
    print_lines(fault_lines(result.statement, limit=limit))
    out.print()
    for line in verdict(result):
        out.print(line)
    _tell_cases(result, err=False)


def terms_line(result: Result) -> str:
    """What it is held against."""
    terms = result.terms
    told = _("Held against what was settled from {first} to {last} UTC, both included, in the account {account}.")
    last = terms.end - timedelta(days=1)
    return told.format(first=f"{terms.start:%Y-%m-%d}", last=f"{last:%Y-%m-%d}", account=safe(terms.account))


def _sums(result: Result) -> object:
    ways = [way for way in Direction if way is IN or result.total.there[way] or result.total.here[way]]
    names = {IN: (_("in: statement"), _("in: books")), OUT: (_("out: statement"), _("out: books"))}
    table = narrow_table()
    table.add_column(_("XOF"), overflow="fold")
    table.add_column(_("lines"), justify="right", no_wrap=True)
    for way in ways:
        for name in names[way]:
            table.add_column(name, justify="right", no_wrap=True)
    for match, one in result.sums.items():
        style = "" if match is Match.MATCHED else "red" if match.is_difference else "yellow"
        table.add_row(Text(match_word(match), style=style), *_cells(one, ways))
    if result.statement.faults:
        count = len(result.statement.faults)
        table.add_row(Text(_("cannot be read"), style="red"), number(count), *[""] * (2 * len(ways)))
    table.add_section()
    table.add_row(_("all"), *_cells(result.total, ways, lines=result.statement.count))
    return table


def _cells(one: Sum, ways: list[Direction], *, lines: int | None = None) -> list[str]:
    count = one.lines if lines is None else lines
    figures = [figure for way in ways for figure in (one.there[way], one.here[way])]
    return [number(count) if count else "", *(number(figure) if figure else "" for figure in figures)]


def _list(result: Result, match: Match, *, limit: int) -> None:
    found = [finding for finding in result.findings if finding.match is match]
    if not found or not limit:
        return
    out = console()
    out.print()
    out.print(Text(_heading(match, len(found)), style="bold"))
    table = narrow_table()
    for name, right in ((_("line"), True), (_("gateway's id"), False), (_("reference"), False)):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for name in (_("statement"), _("books")):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(_("when UTC"), no_wrap=True)
    for finding in found[:limit]:
        table.add_row(*_row(finding))
    out.print(table)
    if len(found) > limit:
        out.print(_("and {count} more: --limit, or --format csv").format(count=number(len(found) - limit)))


def _heading(match: Match, count: int) -> str:
    """What these are, in a sentence; and for what is no difference, why it is not."""
    head = f"{match_word(match)}: {number(count)}"
    why = {
        Match.EDGE: _("paid at a time that may belong to the statement of another day; no difference"),
        Match.OUTSIDE: _("lines of other days than these; no difference"),
        Match.STATUS: _("paid by one side and not, or not yet, by the other"),
        Match.TWICE: _("one more line about what another line is about already"),
    }
    return f"{head}, {why[match]}" if match in why else head


def _row(finding: Finding) -> list[str]:
    line, entry = finding.line, finding.entry
    at = line.at if line is not None else entry.settled_at if entry is not None else None
    return [
        str(line.number) if line else "",
        safe((line.gateway_id if line else "") or (entry.gateway_id if entry else "")),
        safe((line.reference if line else "") or (entry.transaction_id if entry else "")),
        _there(finding),
        _here(finding),
        brief_stamp(at, now=datetime.now(UTC), seconds=False) if at else "",
    ]


def _there(finding: Finding) -> str:
    if finding.line is None:
        return ""
    sign = "-" if finding.line.direction is OUT else ""
    return sign + number(finding.line.amount) if finding.line.is_paid else _("not paid")


def _here(finding: Finding) -> str:
    entry = finding.entry
    if entry is None:
        return ""
    if finding.match is Match.ACCOUNT:
        return safe(entry.account)
    sign = "-" if entry.direction is OUT else ""
    return sign + number(entry.amount) if entry.settled_at else _(entry.status.value)


def fault_lines(statement: Statement, *, limit: int) -> list[Text]:
    """The lines that cannot be read, each with its number and why."""
    faults = statement.faults
    if not faults:
        return []
    many = ngettext("{count} line cannot be read", "{count} lines cannot be read", len(faults))
    lines = [Text(""), Text(many.format(count=number(len(faults))), style="bold")]
    for fault in faults[:limit]:
        told = _("line {line}, {column}: {what}") if fault.column else _("line {line}: {what}")
        what = retold(fault.what, FAULTS)
        lines.append(Text(told.format(line=fault.line, column=safe(fault.column), what=safe(what))))
    if len(faults) > limit:
        lines.append(Text(_("and {count} more: --limit, or --format csv").format(count=number(len(faults) - limit))))
    return lines


def verdict(result: Result) -> list[str]:
    """Whether it adds up, and what it comes to."""
    count = len(result.differences)
    lines = []
    if count:
        stake = sum(finding.at_stake for finding in result.differences)
        many = ngettext("{count} difference, {amount} at stake.", "{count} differences, {amount} at stake.", count)
        lines.append(many.format(count=number(count), amount=francs(stake)))
    else:
        lines.append(_("No difference."))
    if (fees := result.fees) is not None:
        told = (
            _("Fees by this statement: {amount}.")
            if not fees[OUT]
            else _("Fees by this statement: {amount} in, {out} out.")
        )
        lines.append(told.format(amount=francs(fees[IN]), out=francs(fees[OUT])))
    if result.adds_up:
        told = _("Checked: these {count} lines and {amount} are all that the file has.")
    else:
        told = _("Does not add up: the file has {count} lines and {amount}. Report it, and use none of these figures.")
    lines.append(told.format(count=number(result.statement.count), amount=francs(result.in_file)))
    return lines


def _tell_cases(result: Result, *, err: bool) -> None:
    if result.opened is None:
        return
    opened, known = len(result.opened), len(result.differences) - len(result.opened)
    many = ngettext("{count} case opened", "{count} cases opened", opened)
    lines = [many.format(count=number(opened))]
    if known:
        lines.append(_("{count} had one before, open or ended").format(count=number(known)))
    lines.append(_("see `reconciler cases list --kind statement`"))
    typer.echo("; ".join(lines), err=err)


def _rows(result: Result) -> Iterator[list[Cell]]:
    """All that is not matched, and what cannot be read."""
    for match in LISTED:
        yield from (_file_row(finding) for finding in result.findings if finding.match is match)
    for fault in result.statement.faults:
        what = f"{fault.column}: {fault.what}" if fault.column else fault.what
        yield ["unreadable", fault.line, *[None] * (len(COLUMNS) - 3), what]


def _file_row(finding: Finding) -> list[Cell]:
    line, entry = finding.line, finding.entry
    return [
        finding.match.value,
        line.number if line else None,
        (line.gateway_id if line else "") or (entry.gateway_id if entry else ""),
        line.reference if line else "",
        entry.transaction_id if entry else "",
        finding.direction.value,
        line.amount if line else None,
        entry.amount if entry and entry.settled_at else None,
        line.is_paid if line else None,
        entry.status.value if entry else "",
        line.at if line else None,
        entry.settled_at if entry else None,
        entry.account if entry else "",
        "",
    ]


def _summary(result: Result) -> Table:
    rows: list[list[Cell]] = [
        [match.value, one.lines, one.there[IN], one.here[IN], one.there[OUT], one.here[OUT]]
        for match, one in result.sums.items()
    ]
    rows.append(["unreadable", len(result.statement.faults), None, None, None, None])
    total = result.total
    rows.append(["TOTAL", result.statement.count, total.there[IN], total.here[IN], total.there[OUT], total.here[OUT]])
    columns = ("result", "lines", "in_statement", "in_books", "out_statement", "out_books")
    return Table(name="summary", columns=columns, rows=rows)
