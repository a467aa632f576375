"""Pictures of a chapter as SVG files that stand alone: no script, nothing fetched, the same bytes for the same figures."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

from bench.figures import Chapter, Series, short

# Its hook for plugins, which we have none of, knows the protocol of Python 3.3 alone: each import that finds nothing would warn.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666")
"""Of Okabe and Ito, told apart by colour-blind eyes; ours is always the first."""

STYLE = Style(
    # Opaque, so that dark writing can be read on a dark page too.
    background="#fbfbf8",
    plot_background="#fbfbf8",
    foreground="#222222",
    foreground_strong="#111111",
    foreground_subtle="#777777",
    guide_stroke_color="#cccccc",
    major_guide_stroke_color="#aaaaaa",
    opacity="1",
    opacity_hover="1",
    transition="0s",
    font_family="sans-serif",
    title_font_size=17,
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=13,
    colors=COLOURS,
)

WIDTH, BAR, AROUND, CURVE = 800, 46, 130, 420
"""Pixels: of every picture, of a bar, of all that is around the bars, of the height of a curve."""

SVG = "http://www.w3.org/2000/svg"


def pictures_of(chapter: Chapter) -> dict[str, tuple[str, str]]:
    """By file name: what it shows, and the picture. One for each unit in which sides are compared, and one of the curves."""
    drawn = {}
    for number, (unit, sides) in enumerate(_compared(chapter), start=1):
        name = chapter.name + (f"-{number}" if number > 1 else "")
        title = f"{chapter.title}: {unit}"
        drawn[f"{name}.svg"] = (title, _bars(title, name=name, unit=unit, sides=sides))
    if chapter.lines:
        title = f"{chapter.title}: {chapter.axes[1]} against {chapter.axes[0]}"
        drawn[f"{chapter.name}-curve.svg"] = (title, _curves(chapter, title=title))
    return drawn


def is_ours(series: Series) -> bool:
    """Whether it is of this system, and others are held against it: it says so by its name."""
    return series.name.startswith("ours")


def _compared(chapter: Chapter) -> Iterator[tuple[str, list[Series]]]:
    """The series that figures hold against each other, by their units, each once; ours first."""
    every = [figure.series for figure in chapter.figures if len(figure.series) > 1]
    for unit in dict.fromkeys(series.unit for series in chain(*every)):
        sides = {series.name: series for series in chain(*every) if series.unit == unit}
        if len(sides) > 1:
            yield unit, sorted(sides.values(), key=lambda series: not is_ours(series))


def _bars(title: str, *, name: str, unit: str, sides: list[Series]) -> str:
    chart = pygal.HorizontalBar(height=AROUND + BAR * len(sides), show_legend=False, **_common(title, x=unit, y=""))
    # Values stand beside the bars, where every colour leaves them legible. The chart draws from below.
    chart.x_labels = [f"{series.name}  {short(series.median)}" for series in reversed(sides)]
    colours = [COLOURS[min(place, len(COLOURS) - 1)] for place in range(len(sides))]
    bars = [{"value": series.median, "color": colour} for series, colour in zip(sides, colours, strict=True)]
    chart.add("", bars[::-1])
    return _alone(chart, name)


def _curves(chapter: Chapter, *, title: str) -> str:
    chart = pygal.XY(
        height=CURVE,
        legend_at_bottom=True,
        dots_size=4,
        stroke_style={"width": 2},
        **_common(title, x=chapter.axes[0], y=chapter.axes[1]),
    )
    for name, points in chapter.lines:
        chart.add(name, list(points))
    return _alone(chart, f"{chapter.name}-curve")


def _common(title: str, *, x: str, y: str) -> dict[str, Any]:
    return {
        "title": title,
        "x_title": x,
        "y_title": y,
        "style": STYLE,
        "width": WIDTH,
        "js": (),
        "include_x_axis": True,
        "value_formatter": _tick,
        "x_value_formatter": _tick,
        "truncate_label": -1,
        "truncate_legend": -1,
    }


def _tick(value: float) -> str:
    return f"{value:,.10g}"


def _alone(chart: Any, name: str) -> str:
    """The chart as text, without scripts, notes about its maker, and what only a script would show."""
    chart.uuid = name  # else drawn at random, and every run would change every line
    root = ET.fromstring(chart.render(disable_xml_declaration=True))  # noqa: S314 - drawn a moment ago, by us
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}script", f"{{{SVG}}}desc"):
                parent.remove(child)
    ET.register_namespace("", SVG)
    ET.indent(root, space=" ")
    return ET.tostring(root, encoding="unicode") + "\n"
