"""One run, told: as a table for a terminal, as docs/benchmarks.md, and as docs/benchmarks.json for a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.figures import Chapter, Figure, Series, short
from bench.pictures import is_ours, pictures_of
from bench.runner import Ran, minutes


@dataclass(frozen=True, kw_only=True)
class Report:
    """All there is to tell about one run."""

    machine: Mapping[str, str]
    moment: Mapping[str, str]
    ran: Sequence[Ran]
    rounds: int
    seconds: float
    is_whole: bool = True

    @property
    def is_good(self) -> bool:
        """Whether every chapter ended, and every figure is reached."""
        return all(one.is_good for one in self.ran)

    @property
    def chapters(self) -> list[Chapter]:
        """Those that ended."""
        return [one.chapter for one in self.ran if one.chapter]


def series_of(chapter: Chapter) -> list[Series]:
    """Each series once, those of the figures first."""
    every = chain(*(figure.series for figure in chapter.figures), chapter.series)
    return list({(series.name, series.unit): series for series in every}.values())


def ours(figure: Figure) -> str:
    """What this system does. Where no series says that it is ours, all of them are: parts, or two ways of our own."""
    mine = [series for series in figure.series if is_ours(series)]
    return _level(mine[0]) if mine else _levels(figure.series)


def against(figure: Figure) -> str:
    """What it is held against."""
    mine = [series for series in figure.series if is_ours(series)]
    return _levels([series for series in figure.series if series is not mine[0]]) if mine else ""


def value(figure: Figure) -> str:
    """The figure itself, over all rounds."""
    return short(figure.value) + (f" {figure.unit}" if figure.unit else "")


def _level(series: Series) -> str:
    return short(series.median) + (f" {series.unit}" if series.unit else "")


def _levels(every: Sequence[Series]) -> str:
    """All of them, with their unit once where they share it."""
    units = {series.unit for series in every}
    if len(units) != 1:
        return ", ".join(f"{series.name} {_level(series)}" for series in every)
    told = ", ".join(f"{series.name} {short(series.median)}" for series in every)
    return f"{told} {every[0].unit}".rstrip()


def print_table(report: Report, console: Console) -> None:
    """What was measured and whether it is enough; then the chapters that failed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("what", overflow="fold", ratio=5)
    table.add_column("ours", overflow="fold", ratio=3)
    table.add_column("against", overflow="fold", ratio=4)
    table.add_column("median\nspread", overflow="fold", min_width=14)
    table.add_column("must", overflow="fold", min_width=8)
    for figure in chain(*(chapter.figures for chapter in report.chapters)):
        reached = ("reached", "green") if figure.is_reached else ("MISSED", "bold red")
        middle = Text(f"{value(figure)}\n{figure.spread}")
        must = Text.assemble(figure.goal, "\n", reached)
        table.add_row(*map(Text, (figure.what, ours(figure), against(figure))), middle, must)
    if table.row_count:
        console.print(table)
    for one in report.ran:
        if one.chapter is None:
            console.print(Text(f"{one.name} FAILED: {one.trouble}", style="bold red"), soft_wrap=True)


def write_report(report: Report, folder: Path) -> None:
    """Write `benchmarks.md`, `benchmarks.json` and `pictures/`; pictures of chapters that are no more go away."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = {name: picture for chapter in report.chapters for name, (_, picture) in pictures_of(chapter).items()}
    for old in set(pictures.glob("*.svg")) - {pictures / name for name in drawn}:
        old.unlink()
    for name, picture in drawn.items():
        (pictures / name).write_text(picture, encoding="utf-8")
    (folder / "benchmarks.md").write_text(as_markdown(report), encoding="utf-8")
    (folder / "benchmarks.json").write_text(json.dumps(as_json(report), indent=2) + "\n", encoding="utf-8")


def as_json(report: Report) -> dict[str, Any]:
    """Medians, for a test that holds the cost model against them, and for the next run's estimate of its time."""
    return {
        **report.moment,
        "machine": dict(report.machine),
        "rounds": report.rounds,
        "seconds": round(report.seconds),
        "chapters": {one.name: _chapter_json(one) for one in report.ran},
    }


def _chapter_json(ran: Ran) -> dict[str, Any]:
    if ran.chapter is None:
        return {"seconds": round(ran.seconds), "failed": ran.trouble}
    figures = {
        figure.what: {"median": figure.value, "goal": figure.goal, "is_reached": figure.is_reached}
        for figure in ran.chapter.figures
    }
    medians = {with_unit(one): one.median for one in series_of(ran.chapter)}
    return {"seconds": round(ran.seconds), "figures": figures, "medians": medians}


def with_unit(series: Series) -> str:
    """The name that no other series of its chapter has."""
    return f"{series.name}, {series.unit}" if series.unit else series.name


def expected_seconds(known: Any, *, rounds: int) -> dict[str, float]:
    """How long each chapter will take, by the last report; most of a chapter is its rounds."""
    then = known.get("rounds", rounds)
    chapters = known.get("chapters", {})
    return {name: chapter["seconds"] * rounds / then for name, chapter in chapters.items()}


def as_markdown(report: Report) -> str:
    """The page."""
    facts = {**report.moment, **report.machine}
    made = f"{report.rounds} rounds of each measurement, {minutes(report.seconds)} minutes in all"
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`, which starts everything by itself; not by hand. All sides of a comparison run in turns",
        "on one machine; a ratio is taken round by round, so that noise which both share falls out of it.",
        f"{made}. Every figure is the median of the rounds; the spread is the lowest and the highest.",
        "",
        *_rows(("machine", ""), list(facts.items())),
        "",
        "## What must be reached",
        "",
        *_rows(
            ("what", "ours", "against", "median", "spread", "must", ""),
            [_figure_row(figure) for chapter in report.chapters for figure in chapter.figures],
        ),
    ]
    for one in report.ran:
        lines += ["", *(chapter_lines(one.chapter) if one.chapter else _failed(one))]
    return "\n".join(lines) + "\n"


def _figure_row(figure: Figure) -> tuple[str, ...]:
    reached = "reached" if figure.is_reached else "**missed**"
    return (figure.what, ours(figure), against(figure), value(figure), figure.spread, figure.goal, reached)


def chapter_lines(chapter: Chapter) -> list[str]:
    """One chapter of the page."""
    lines = [f"## {chapter.title}", "", chapter.how]
    for name, (title, _) in pictures_of(chapter).items():
        lines += ["", f"![{title}](pictures/{name})"]
    if found := series_of(chapter):
        rows = [(one.name, short(one.median), one.spread, one.unit, str(len(one.samples))) for one in found]
        lines += ["", *_rows(("series", "median", "spread", "unit", "rounds"), rows)]
    for note in [*(figure.note for figure in chapter.figures if figure.note), *chapter.notes]:
        lines += ["", *_note(note)]
    return lines


def _note(note: str) -> list[str]:
    """A sentence as it is; what has lines of its own, as a profile, word for word."""
    return ["```", *note.splitlines(), "```"] if "\n" in note else [note]


def _failed(ran: Ran) -> list[str]:
    return [f"## {ran.name}", "", f"**Did not end:** `{ran.trouble}`"]


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = "|" + "---|" * len(heads)
    return [_row(heads), rule, *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
