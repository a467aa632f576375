"""How a statement is read: what was found out about its file, and its first lines as they were understood."""

from __future__ import annotations

import typer

from models.statement import Direction, Line
from worker.language import _, ngettext, number
from worker.ops.reconcile.reading import Statement
from worker.ops.reconcile.view import fault_lines, way_word
from worker.ops.shown import console, francs, print_json, safe, stamp
from worker.ops.tables import narrow_table, print_lines

FIRST = 5
FAULTS = 20


def tell(statement: Statement, *, as_json: bool) -> None:
    """Tell, and judge nothing: a person sees whether it is right."""
    if as_json:
        print_json(_document(statement))
        return
    typer.echo(opened(statement))
    typer.echo()
    _print_columns(statement)
    typer.echo()
    _print_lines(statement.lines[:FIRST])
    typer.echo()
    typer.echo(summed(statement))
    if statement.unknown_words:
        words = ", ".join(sorted(map(repr, statement.unknown_words))[:10])
        told = _("In and out are not compared where the statement says {words}: say which they are in [direction].")
        typer.echo(told.format(words=safe(words)))
    print_lines(fault_lines(statement, limit=FAULTS))
    typer.echo(_("Nothing was compared: run it without --dry-run."))


def opened(statement: Statement) -> str:
    """What kind of file it is, and how many lines it has."""
    source = statement.source
    if source.form == "XLSX":
        told = _("{file}: XLSX, sheet {sheet}, heading on line {line}, {count} lines below it")
    else:
        told = _(
            "{file}: CSV in {encoding}, cells separated by {separator}, heading on line {line}, {count} lines below it"
        )
    return told.format(
        file=safe(statement.file.name),
        sheet=safe(source.sheet),
        encoding=source.encoding,
        separator=repr(source.separator),
        line=statement.heading_line,
        count=number(statement.count),
    )


def summed(statement: Statement) -> str:
    """How much it comes to, as read."""
    paid = sum(line.amount for line in statement.lines if line.is_paid)
    told = ngettext(
        "{count} line can be read, over {amount}; paid are {paid}.",
        "{count} lines can be read, over {amount}; paid are {paid}.",
        len(statement.lines),
    )
    in_all = sum(line.amount for line in statement.lines)
    return told.format(count=number(len(statement.lines)), amount=francs(in_all), paid=francs(paid))


def _print_columns(statement: Statement) -> None:
    heading = statement.heading
    table = narrow_table()
    table.add_column(_("field"))
    table.add_column(_("column"), overflow="fold")
    table.add_column("")
    for one, place in sorted(heading.places.items(), key=lambda item: item[1]):
        table.add_row(
            one.value, safe(heading.names[place]), _("guessed") if one in heading.guessed else _("as you say")
        )
    for name in heading.unused:
        table.add_row("", safe(name), _("not looked at"))
    console().print(table)


def _print_lines(lines: list[Line]) -> None:
    table = narrow_table()
    table.add_column(_("line"), justify="right")
    table.add_column(_("gateway's id"), overflow="fold")
    table.add_column(_("reference"), overflow="fold")
    table.add_column("XOF", justify="right", no_wrap=True)
    table.add_column("")
    table.add_column(_("when UTC"), no_wrap=True)
    for line in lines:
        way = way_word(line.direction) if line.direction else ""
        state = way if line.is_paid else _("not paid")
        table.add_row(
            str(line.number),
            safe(line.gateway_id),
            safe(line.reference),
            number(line.amount),
            state,
            stamp(line.at) if line.at else "",
        )
    console().print(table)


def _document(statement: Statement) -> dict[str, object]:
    source, heading = statement.source, statement.heading
    return {
        "file": statement.file.name,
        "form": source.form.lower(),
        "encoding": source.encoding,
        "separator": source.separator,
        "sheet": source.sheet,
        "heading_line": statement.heading_line,
        "columns": {one.value: heading.names[place] for one, place in heading.places.items()},
        "guessed": sorted(one.value for one in heading.guessed),
        "unused": heading.unused,
        "lines": len(statement.lines),
        "francs": sum(line.amount for line in statement.lines),
        "directions": {way.value: sum(line.direction is way for line in statement.lines) for way in Direction},
        "unknown_words": sorted(statement.unknown_words),
        "first": statement.lines[:FIRST],
        "faults": statement.faults,
    }
