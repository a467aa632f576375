"""A measured figure: its samples, what it is held against, and what it must reach."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Series:
    """Samples of one thing, one for each round."""

    name: str
    unit: str
    samples: Sequence[float]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.samples)

    @property
    def spread(self) -> str:
        """The lowest and the highest."""
        return f"{short(min(self.samples))} to {short(max(self.samples))}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table: a ratio or a level that has to reach something, and the series it comes from.

    `per_round` holds the ratio of each round by itself: noise that both sides share falls out of it.
    """

    what: str
    unit: str
    per_round: Sequence[float]
    must: float
    at_least: bool
    """Whether more is better."""
    series: Sequence[Series] = ()
    note: str = ""

    @property
    def value(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.per_round)

    @property
    def spread(self) -> str:
        """The lowest and the highest of the rounds."""
        return f"{short(min(self.per_round))} to {short(max(self.per_round))}"

    @property
    def is_reached(self) -> bool:
        """Whether the median reaches what it must."""
        return self.value >= self.must if self.at_least else self.value <= self.must

    @property
    def goal(self) -> str:
        """What it must reach, in signs."""
        return f"{'≥' if self.at_least else '≤'} {short(self.must)}{' ' + self.unit if self.unit else ''}"


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """What one module measured: figures for the table, series beside them, and words on how it was done."""

    name: str
    title: str
    how: str
    """How it was measured, in a few sentences."""
    figures: Sequence[Figure] = ()
    series: Sequence[Series] = ()
    notes: Sequence[str] = ()
    """What the figures do not say by themselves: where the time goes, what was tried."""
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]] = field(default_factory=tuple)
    """Curves for a picture: a name, and points (x, y)."""
    axes: tuple[str, str] = ("", "")


def short(value: float) -> str:
    """Three significant digits, with separators where there are many."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def told(chapter: Chapter) -> str:
    """A chapter as plain lines, for a module that runs alone."""
    lines = [chapter.title, "", chapter.how, ""]
    for figure in chapter.figures:
        verdict = "reached" if figure.is_reached else "NOT REACHED"
        lines.append(
            f"{figure.what}: {short(figure.value)} {figure.unit} ({figure.spread}), must be {figure.goal}: {verdict}"
        )
        lines += [f"    {figure.note}"] if figure.note else []
    lines += [f"{one.name}: {short(one.median)} {one.unit} ({one.spread})" for one in chapter.series]
    return "\n".join([*lines, "", *chapter.notes]) + "\n"


def say(line: str) -> None:
    """Tell whoever waits for a module that runs alone."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
