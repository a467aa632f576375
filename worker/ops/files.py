"""Tables as files: CSV that no spreadsheet takes for formulas, and XLSX in which numbers are numbers. Row by row."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

from models.errors import Invalid
from worker.language import _
from worker.ops.shown import safe

Cell = str | int | bool | date | datetime | None

STEERING = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With one of these at its beginning, a spreadsheet takes a text for a formula, and runs it."""

MOST_ROWS = 1_048_575
"""Below the heading of one sheet of XLSX."""

WIDEST = 60
"""Characters of a column, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table to be written. The rows may be made while they are written."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]


@contextmanager
def written(output: Path | None, *, suffix: str) -> Iterator[Path]:
    """A file to write to. At the end it takes the place of `output`, whole or not at all; with none it goes to stdout.

    Nothing waits for whoever reads the other end of a pipe while the books are read. Raises `Invalid` where no file can be
    made, and for a spreadsheet that would go to a terminal.
    """
    if output is None and suffix == ".xlsx" and sys.stdout.isatty():
        raise Invalid(_("a spreadsheet is no text for a terminal: name a file with --output"))
    try:
        with tempfile.TemporaryDirectory(dir=output.parent if output else None, prefix=".reconciler-") as folder:
            path = Path(folder) / f"table{suffix}"
            yield path
            if output is None:
                _to_stdout(path)
            else:
                path.replace(output)
    except OSError as exc:
        if isinstance(exc, BrokenPipeError):
            raise
        raise Invalid(_("{file} cannot be written: {why}").format(file=output or "stdout", why=exc.strerror)) from exc


def _to_stdout(path: Path) -> None:
    sys.stdout.flush()
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def write_csv(path: Path, table: Table) -> None:
    """RFC 4180 in UTF-8. Times are ISO 8601 in UTC; a text that would steer a spreadsheet begins with an apostrophe."""
    with path.open("w", encoding="utf-8", newline="") as file:
        _write_csv(file, table)


def _write_csv(file: IO[str], table: Table) -> None:
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([_in_csv(cell) for cell in row] for row in table.rows)


def _in_csv(cell: Cell) -> str | int:
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case int():
            return cell
        case datetime():
            return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return cell.isoformat()
        case _:
            return f"'{cell}" if cell.startswith(STEERING) else cell


def write_xlsx(path: Path, tables: Iterable[Table]) -> None:
    """A sheet for each table, its heading in sight while it is scrolled; one that is too long goes on in another sheet."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        rows, number = iter(table.rows), 1
        while True:
            sheet = book.create_sheet(table.name if number == 1 else f"{table.name} {number}")
            _begin(sheet, table)
            count = 0
            for row in islice(rows, MOST_ROWS):
                sheet.append([_in_xlsx(sheet, cell) for cell in row])
                count += 1
            if count < MOST_ROWS:
                break
            number += 1
    book.save(path)


def _begin(sheet: Any, table: Table) -> None:
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    for place, name in enumerate(table.columns, start=1):
        sheet.column_dimensions[get_column_letter(place)].width = min(max(len(name) + 2, 14), WIDEST)
    heading = []
    for name in table.columns:
        cell = WriteOnlyCell(sheet, name)
        cell.font = Font(bold=True)
        heading.append(cell)
    sheet.append(heading)


def _in_xlsx(sheet: Any, cell: Cell) -> Any:
    """Numbers, days and moments as such; a moment in UTC, for a sheet knows no zones. Text is text, whatever it begins with."""
    if isinstance(cell, str):
        return _text(sheet, safe(cell))
    if isinstance(cell, datetime):
        return _formatted(sheet, cell.astimezone(UTC).replace(tzinfo=None), "yyyy-mm-dd hh:mm:ss")
    if isinstance(cell, int) and not isinstance(cell, bool):
        return _formatted(sheet, cell, "#,##0")
    if isinstance(cell, date):
        return _formatted(sheet, cell, "yyyy-mm-dd")
    return cell


def _text(sheet: Any, text: str) -> Any:
    if not text.startswith(STEERING):
        return text
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, text)
    cell.data_type = "s"
    cell.quotePrefix = True
    return cell


def _formatted(sheet: Any, value: Any, form: str) -> Any:
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    cell.number_format = form
    return cell
