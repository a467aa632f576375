"""A statement's file made into lines. Every line of the file is a line here, or a fault with its number: none is lost.

Sentences of faults are English here, as everywhere below what is shown; `FAULTS` are their patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from models.errors import Invalid, Unreadable
from models.statement import Direction, Line
from worker.language import N_, _
from worker.ops.reconcile.cells import plain, read_id, read_moment, read_sum
from worker.ops.reconcile.columns import Field, Heading, Mapped, heading_of
from worker.ops.reconcile.rows import Source, open_rows

LOOKED_THROUGH = 40
"""Rows among which the heading is looked for: a title, a name and a period may stand above it."""

EVERY = 1_000

FAULTS = (
    N_("must be whole francs, not {text}"),
    N_("must be a date, as 2026-11-26 or {order}, not {text}"),
    N_("must be readable text of at most {most} characters"),
    N_("the line has {count} cells, and the heading has {wanted}"),
    N_("names neither of the two ids"),
    N_("is empty"),
    N_("is not a word for paid or not paid that is known: {text}; see [status] of --columns"),
    N_("is not a word for in or out that is known: {text}; see [direction] of --columns"),
    N_("has a sum in and a sum out"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A line that cannot be read, and why; `column` is empty where it is about the whole line."""

    line: int
    column: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the user says the file is to be read; what is empty is found out."""

    mapped: Mapped
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    month_first: bool = False
    net: bool = False
    """Sums are those left after the fee: the fee is added to money that came in."""


@dataclass(slots=True)
class Statement:
    """A file as it was read."""

    file: Path
    source: Source
    heading: Heading
    heading_line: int
    lines: list[Line] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    unknown_words: set[str] = field(default_factory=set)
    """Of a direction column that was guessed: then the direction is not compared."""

    @property
    def count(self) -> int:
        """How many lines there are below the heading, those that cannot be read included."""
        return len(self.lines) + len(self.faults)


Told = Callable[[int, int], object]


def read_statement(file: Path, options: Options, *, told: Told = lambda _done, _total: None) -> Statement:
    """Read the whole file. Raises `Invalid` where no heading can be made out; whatever else is wrong is a fault."""
    source = open_rows(file, encoding=options.encoding, separator=options.separator, sheet=options.sheet)
    top = list(islice(source.rows, LOOKED_THROUGH))
    found = [
        (place, number, heading)
        for place, (number, cells) in enumerate(top)
        if (heading := heading_of(cells, options.mapped)) is not None and heading.is_whole
    ]
    if not found:
        raise Invalid(_no_heading(file, [cells for _number, cells in top], options.mapped))
    place, heading_line, heading = found[0]
    statement = Statement(file=file, source=source, heading=heading, heading_line=heading_line)
    reader = _Reader(statement, options)
    for done, (number, cells) in enumerate(chain(top[place + 1 :], source.rows), start=1):
        reader.read(number, cells)
        if done % EVERY == 0:
            told(number, source.total)
    return statement


def _no_heading(file: Path, rows: Sequence[Sequence[Any]], mapped: Mapped) -> str:
    if not rows:
        return _("{file} is empty").format(file=file)
    # A title is one cell; what could be the heading has many.
    widest = max(rows, key=lambda cells: sum(cell not in (None, "") for cell in cells))
    names = ", ".join(str(cell).strip() for cell in widest if cell not in (None, ""))[:400]
    if mapped.columns:
        told = _("{file} has no heading with the columns {named}, an amount and an id; its widest row is: {names}")
    else:
        told = _(
            "{file} has no heading in which an amount and an id can be made out: say which columns they are with"
            " --column amount=NAME --column gateway_id=NAME --column reference=NAME. Its widest row is: {names}"
        )
    return told.format(file=file, named=", ".join(mapped.columns.values()), names=names)


class _Reader:
    """Makes lines of rows."""

    def __init__(self, statement: Statement, options: Options) -> None:
        self._statement = statement
        self._options = options
        self._places = statement.heading.places
        self._width = len(statement.heading.names)
        self._readings = tuple(self._each_reading())

    def read(self, number: int, cells: Sequence[Any]) -> None:
        """One row: a line, or a fault."""
        column = ""
        try:
            self._check_width(cells)
            read: dict[Field, Any] = {}
            for one, place, reading in self._readings:
                column = self._statement.heading.names[place]
                read[one] = reading(cells[place] if place < len(cells) else None)
            column = ""
            self._statement.lines.append(self._line(number, read))
        except Unreadable as exc:
            self._statement.faults.append(Fault(line=number, column=column, what=str(exc)))

    def _each_reading(self) -> Iterator[tuple[Field, int, Callable[[Any], Any]]]:
        readings: dict[Field, Callable[[Any], Any]] = {
            Field.GATEWAY_ID: read_id,
            Field.REFERENCE: read_id,
            Field.AMOUNT: read_sum,
            Field.CREDIT: read_sum,
            Field.DEBIT: read_sum,
            Field.FEE: read_sum,
            Field.DATE: self._moment,
            Field.STATUS: self._is_paid,
            Field.DIRECTION: self._direction,
        }
        return ((one, self._places[one], reading) for one, reading in readings.items() if one in self._places)

    def _check_width(self, cells: Sequence[Any]) -> None:
        """Cells that are missing at the end are empty; one too many may have shifted all the others."""
        if len(cells) > self._width and any(cell not in (None, "") for cell in cells[self._width :]):
            raise Unreadable(f"the line has {len(cells)} cells, and the heading has {self._width}")

    def _line(self, number: int, read: dict[Field, Any]) -> Line:
        gateway_id, reference = read.get(Field.GATEWAY_ID) or "", read.get(Field.REFERENCE) or ""
        if not gateway_id and not reference:
            raise Unreadable("names neither of the two ids")
        francs, direction = self._sum(read)
        fee = abs(read[Field.FEE]) if read.get(Field.FEE) is not None else None
        if self._options.net and fee and direction is not Direction.OUT:
            francs += fee
        return Line(
            number=number,
            amount=francs,
            gateway_id=gateway_id,
            reference=reference,
            at=read.get(Field.DATE),
            direction=direction,
            is_paid=read.get(Field.STATUS, True),
            fee=fee,
        )

    def _sum(self, read: dict[Field, Any]) -> tuple[int, Direction | None]:
        """The sum, and its way: by its column, by the word for it, or by its sign."""
        said: Direction | None = read.get(Field.DIRECTION)
        came, went = read.get(Field.CREDIT), read.get(Field.DEBIT)
        if came and went:
            raise Unreadable("has a sum in and a sum out")
        if came:
            return abs(came), Direction.IN
        if went:
            return abs(went), Direction.OUT
        francs = read.get(Field.AMOUNT)
        if francs is None and (came is None and went is None):
            raise Unreadable("must be whole francs, not ''")
        francs = francs or 0
        return abs(francs), said or (Direction.OUT if francs < 0 else None)

    def _moment(self, cell: Any) -> Any:
        return read_moment(cell, zone=self._options.zone, month_first=self._options.month_first)

    def _is_paid(self, cell: Any) -> bool:
        if cell is None or not str(cell).strip():
            raise Unreadable("is empty")
        found = self._options.mapped.paid.get(plain(str(cell)))
        if found is None:
            what = f"is not a word for paid or not paid that is known: {str(cell)[:40]!r}; see [status] of --columns"
            raise Unreadable(what)
        return found

    def _direction(self, cell: Any) -> Direction | None:
        word = plain("" if cell is None else str(cell))
        if word in self._options.mapped.ways:
            return self._options.mapped.ways[word]
        if Field.DIRECTION in self._statement.heading.guessed:
            self._statement.unknown_words.add(str(cell)[:40])
            return None
        raise Unreadable(f"is not a word for in or out that is known: {str(cell)[:40]!r}; see [direction] of --columns")
