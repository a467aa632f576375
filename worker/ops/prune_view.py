"""What `reconciler prune` shows: what stands on the shelves by age, how it gets on, and what it erased."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from config.retention import Retention
from tasks.prune import AGES, Counting, Fate, Pruned, Shelf, Tally
from worker.language import N_, _, number
from worker.ops.screen import bar
from worker.ops.shown import console, short
from worker.ops.tables import narrow_table

NAMES: Mapping[Shelf, str] = {
    Shelf.CALLBACKS: N_("callbacks"),
    Shelf.ANSWERS: N_("other answers"),
    Shelf.PERSONS: N_("persons (unsettled)"),
    Shelf.PROOFS: N_("proofs"),
    Shelf.SETTLED: N_("persons (settled)"),
}

SPANS = (N_("< 30 d"), N_("< 90 d"), N_("< 180 d"), N_("< 1 y"), N_("< 2 y"), N_(">= 2 y"))

MARKS: Mapping[Fate, str] = {Fate.DUE: "#", Fate.OPEN: "=", Fate.KEPT: "."}

CELLS = 40
"""The longest bar."""

LINE_EVERY = 10.0

Stock = Mapping[Shelf, Sequence[Tally]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What one run erased. `is_whole` when every walk came to its end."""

    rows: Counter[Shelf]
    bytes: int
    seconds: float
    is_whole: bool


def print_stock(stock: Stock, keep: Retention) -> None:
    """For a person: a line for each shelf, and a picture of its ages."""
    table = narrow_table()
    table.add_column(_("shelf"), no_wrap=True)
    for heading in (_("kept"), _("to erase"), _("frees"), _("open"), _("younger"), _("erased")):
        table.add_column(heading, justify="right", no_wrap=True)
    for shelf, tallies in stock.items():
        rows = _by_fate(tallies)
        freed = sum(tally.bytes for tally in tallies if tally.fate is Fate.DUE)
        table.add_row(
            _(NAMES[shelf]),
            _kept(keep.days(shelf)),
            number(rows[Fate.DUE]),
            size_of(freed),
            number(rows[Fate.OPEN]),
            number(rows[Fate.KEPT]),
            number(rows[Fate.ERASED]),
        )
    out = console()
    out.print(table)
    for shelf, tallies in stock.items():
        for line in _ages(shelf, tallies):
            out.print(line)
    out.print("\n" + _("# to erase now, = past its time and still open, . not old enough. Nothing was changed."))


def _ages(shelf: Shelf, tallies: Sequence[Tally]) -> Iterator[str]:
    """The picture of one shelf: a bar for each age, as long as its share of the longest."""
    ages = [
        Counter({tally.fate: tally.rows for tally in tallies if tally.age == age and tally.fate in MARKS})
        for age in range(len(AGES) + 1)
    ]
    most = max(age.total() for age in ages)
    if not most:
        return
    yield "\n" + _("{shelf}, by age").format(shelf=_(NAMES[shelf]))
    for span, age in zip(SPANS, ages, strict=True):
        cells = max(1, CELLS * age.total() // most) if age else 0
        drawn = bar([age[fate] for fate in MARKS], "".join(MARKS.values()), cells=cells)
        count = number(age.total()) if age else ""
        yield f"{_(span):>9}  {drawn} {count}".rstrip()


def _by_fate(tallies: Sequence[Tally]) -> Counter[Fate]:
    rows: Counter[Fate] = Counter()
    for tally in tallies:
        rows[tally.fate] += tally.rows
    return rows


def _kept(days: int) -> str:
    return _("{days} days").format(days=number(days)) if days else _("for ever")


def size_of(size: float) -> str:
    """Bytes in the largest unit that leaves a whole number of at most four figures."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 10_000 or unit == "GB":  # noqa: PLR2004 - four figures
            return f"{number(round(size))} {unit}"
        size /= 1000
    raise AssertionError(size)


def stock_document(stock: Stock, keep: Retention) -> dict[str, object]:
    """For a machine."""
    return {
        "ages_days": AGES,
        "shelves": {shelf: {"days": keep.days(shelf), "counts": list(tallies)} for shelf, tallies in stock.items()},
    }


def print_done(done: Done, keep: Retention) -> None:
    """For a person: what went, how fast, and whether there is more."""
    if not any(keep.days(shelf) for shelf in Shelf) and not done.rows.total():
        typer.echo(_("nothing is erased: all RETENTION_ settings are 0, which keeps things for ever"))
        return
    rate = done.rows.total() / max(done.seconds, 0.001)
    what = ", ".join(f"{number(done.rows[shelf])} {_(NAMES[shelf])}" for shelf in Shelf if done.rows[shelf])
    told = _("erased: {what}; {size} in {time}, {rate} rows/s")
    typer.echo(
        told.format(
            what=what or _("nothing"),
            size=size_of(done.bytes),
            time=short(timedelta(seconds=done.seconds)),
            rate=number(rate, ",.0f"),
        )
    )
    if not done.is_whole:
        typer.echo(_("not everything yet: `reconciler prune` goes on from here, and so does beat at night"))


def done_document(done: Done, keep: Retention) -> dict[str, object]:
    """For a machine."""
    return {
        "days": {shelf: keep.days(shelf) for shelf in Shelf},
        "erased": {shelf: done.rows[shelf] for shelf in Shelf},
        "bytes": done.bytes,
        "seconds": round(done.seconds, 1),
        "is_whole": done.is_whole,
    }


@contextmanager
def counting() -> Iterator[Callable[[Counting], object]]:
    """Follow the counting on a terminal; elsewhere it is over soon enough to say nothing."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield lambda _: None
        return
    with out.status("") as status:
        yield lambda at: status.update(
            _("counting {shelf}: {rows} rows").format(shelf=_(NAMES[at.shelf]), rows=number(at.looked))
        )


@contextmanager
def erasing() -> Iterator[Callable[[Pruned, int], object]]:
    """Follow the erasing on stderr: a bar for each shelf with rate and time left, or a line every ten seconds."""
    out = Console(stderr=True)
    if not out.is_terminal:
        yield _Lines().show
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[word]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=out, transient=True, speed_estimate_period=60) as bars:
        tasks = {}

        def show(at: Pruned, rows: int) -> None:
            if at.shelf not in tasks:
                tasks[at.shelf] = bars.add_task(_(NAMES[at.shelf]), total=1.0, word="")
            elapsed = bars.tasks[tasks[at.shelf]].elapsed or 0.001
            bars.update(tasks[at.shelf], completed=at.share, word=_word(rows, elapsed))

        yield show


def _word(rows: int, elapsed: float) -> str:
    return _("{rows} erased, {rate}/s").format(rows=number(rows), rate=number(rows / max(elapsed, 0.001), ",.0f"))


class _Lines:
    """Progress where nothing can be overwritten: now and then a line, and one for each shelf that is done."""

    def __init__(self) -> None:
        self._began: dict[Shelf, float] = {}
        self._told_at = time.monotonic()

    def show(self, at: Pruned, rows: int) -> None:
        now = time.monotonic()
        elapsed = now - self._began.setdefault(at.shelf, now)
        if not at.is_done and now - self._told_at < LINE_EVERY:
            return
        self._told_at = now
        left = short(timedelta(seconds=elapsed * (1 - at.share) / max(at.share, 0.001)))
        text = _("{shelf}: {word}, done") if at.is_done else _("{shelf}: {word}, {percent}%, {left} left")
        word = _word(rows, elapsed)
        typer.echo(text.format(shelf=_(NAMES[at.shelf]), word=word, percent=int(100 * at.share), left=left), err=True)
