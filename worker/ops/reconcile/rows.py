"""The rows of a statement's file, CSV or XLSX, each with the number of its line. Knows no columns."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from models.errors import Invalid
from worker.language import _

SEPARATORS = (";", ",", "\t", "|")
LONGEST_RECORD = 20
"""Lines that one quoted cell may go over. A mark that is never closed would else swallow the rest of the file."""

SAMPLE = 60
"""Lines after which it is plain what separates the cells."""

XLSX = b"PK\x03\x04"
XLS = b"\xd0\xcf\x11\xe0"
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file as it was opened: what it is, and its rows. `total` is how many lines there are, as far as that is known."""

    form: str
    """`CSV` or `XLSX`."""
    encoding: str
    separator: str
    sheet: str
    total: int
    rows: Iterator[tuple[int, Sequence[Any]]]


def open_rows(file: Path, *, encoding: str, separator: str, sheet: str) -> Source:
    """Open it; what is empty is found out. Raises `Invalid` for what is neither."""
    try:
        raw = file.read_bytes()
    except OSError as exc:
        raise Invalid(_("{file} cannot be read: {why}").format(file=file, why=exc.strerror)) from exc
    if raw.startswith(XLSX):
        return _open_xlsx(file, sheet)
    if raw.startswith(XLS):
        raise Invalid(_("{file} is an old .xls: save it as .xlsx or CSV").format(file=file))
    found = encoding or _encoding(raw)
    try:
        text = raw.decode(found)
    except (UnicodeDecodeError, LookupError) as exc:
        raise Invalid(_("{file} is not text in {encoding}: {why}").format(file=file, encoding=found, why=exc)) from exc
    if "\0" in text:
        raise Invalid(_("{file} is neither text nor XLSX").format(file=file))
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not separator:
        sample = lines[:SAMPLE]
        separator = max(
            SEPARATORS, key=lambda mark: sum(line.count(mark) > 0 for line in sample) * 100 + sample[0].count(mark)
        )
    rows = _csv_rows(lines, separator)
    return Source(form="CSV", encoding=found, separator=separator, sheet="", total=len(lines), rows=rows)


def _encoding(raw: bytes) -> str:
    """By its mark, else UTF-8 where it is that, else what Windows writes in France and West Africa."""
    for mark, name in MARKS:
        if raw.startswith(mark):
            return name
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        try:
            raw.decode("cp1252")
        except UnicodeDecodeError:
            return "latin-1"
        return "cp1252"
    return "utf-8"


def _csv_rows(lines: Sequence[str], separator: str) -> Iterator[tuple[int, Sequence[Any]]]:
    """Each record with the line it begins on; blank ones are left out."""
    at, width = 0, 0
    while at < len(lines):
        taken, cells = _record(lines, at, separator, width=width)
        if any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield at + 1, cells
        at += taken


def _record(lines: Sequence[str], at: int, separator: str, *, width: int) -> tuple[int, list[str]]:
    """How many lines the record takes, and its cells.

    A quotation mark that stands alone is a letter: it must not make one record of this line and the next ones.
    """
    line = lines[at]
    if '"' not in line:
        return 1, line.split(separator)
    text, taken = line, 1
    while text.count('"') % 2 and taken < LONGEST_RECORD and at + taken < len(lines):
        following = lines[at + taken]
        if width and following.count(separator) >= width - 1:  # a record of its own
            break
        text += "\n" + following
        taken += 1
    if text.count('"') % 2 == 0:
        cells = _parse(text, separator)
        if taken == 1 or not width or len(cells) == width:
            return taken, cells
    return 1, line.split(separator)


def _parse(text: str, separator: str) -> list[str]:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:  # a cell of more than a hundred thousand characters
        rows = []
    return rows[0] if len(rows) == 1 else text.split(separator)


def _open_xlsx(file: Path, wanted: str) -> Source:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book = load_workbook(file, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError) as exc:
        raise Invalid(_("{file} is not XLSX that can be read: {why}").format(file=file, why=exc)) from exc
    if wanted and wanted not in book.sheetnames:
        raise Invalid(_("there is no sheet {name}; there are {names}").format(
            name=repr(wanted), names=", ".join(book.sheetnames)
        ))  # fmt: skip
    sheet = book[wanted or book.sheetnames[0]]
    rows = (
        (number, row)
        for number, row in enumerate(sheet.iter_rows(values_only=True), start=1)
        if any(cell not in (None, "") for cell in row)
    )
    return Source(form="XLSX", encoding="", separator="", sheet=sheet.title, total=sheet.max_row or 0, rows=rows)
