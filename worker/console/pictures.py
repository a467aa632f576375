"""Pictures of how things go: drawn on the server, coloured by our stylesheet, each with the figures as a table.

pygal draws them, with a style and a script of its own that our policy refuses: only its shapes are kept, and their classes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from xml.etree.ElementTree import Element, tostring

import pygal
from markupsafe import Markup

from config.policy import AGE_TIERS
from models.check import Lane
from models.queries.learned import Learned, Tally
from models.queries.status import BooksStatus
from worker.console.watchtower import HOURS
from worker.language import _, ngettext, number
from worker.ops.screen import few, percent
from worker.ops.shown import TENTHS_MATTER, short
from worker.ops.status_hours import hours_of, of_these
from worker.ops.status_view import round_length

# Its hook for plugins we have none of would be asked at every import of the process, and is of a kind that Python gave up.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

WIDTH, HEIGHT = 360, 210
"""Units of the drawing: on the narrowest phone letters then still have nine tenths of their size."""

EVERY_SO_MANY = 6
"""Hours between two that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture and all it says. `told` says in a sentence what one would see."""

    title: str
    told: str
    drawing: Markup
    legend: Sequence[str]
    """Names of the series, in the order of their colours; empty where there is but one."""
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    """The figures; the first of each names its row."""


def by_age(books: BooksStatus) -> Picture:
    """How many are open, by how old they are."""
    names = [f"< {round_length(tier.until)}" for tier in AGE_TIERS] + [_("older")]
    counts = list(books.open_by_age)
    total = sum(counts)
    told = ngettext("{count} payment is open.", "{count} payments are open.", total).format(count=number(total))
    title = _("Open payments by age")
    chart = _chart(pygal.Bar, names, most=max(counts), print_values=True, print_values_position="top")
    chart.formatter = lambda value: few(round(value)) if value else ""
    chart.add(title, counts)
    rows = [(name, number(count)) for name, count in zip(names, counts, strict=True)]
    heads = (_("age"), _("open"))
    return Picture(title=title, told=told, drawing=_draw(chart, title, told), legend=(), heads=heads, rows=rows)


def by_hour(learned: Learned) -> Picture:
    """How the payments of each hour came to be known."""
    hours = hours_of(learned, hours=HOURS)[::-1]
    tallies = list(of_these(learned, hours=HOURS))
    kinds: list[tuple[str, Callable[[Lane], bool]]] = [
        (_("announced by a callback"), lambda lane: lane is Lane.CALLBACK),
        (_("found by the sweep"), lambda lane: lane is Lane.SWEEP),
        (_("otherwise"), lambda lane: lane not in (Lane.CALLBACK, Lane.SWEEP)),
    ]
    series = [[_count([t for t in tallies if t.hour == hour], takes) for hour in hours] for _name, takes in kinds]
    announced, total = sum(series[0]), sum(map(sum, series))
    told = ngettext(
        "{count} payment was settled in the last 24 hours; a callback announced {share}.",
        "{count} payments were settled in the last 24 hours; callbacks announced {share}.",
        total,
    ).format(count=number(total), share=percent(announced, total) if total else number(0))
    title = _("Callbacks against the sweep")
    chart = _chart(pygal.StackedBar, _named(hours), most=max(map(sum, zip(*series, strict=True))))
    for (name, _takes), counts in zip(kinds, series, strict=True):
        chart.add(name, counts)
    rows = [(f"{hour:%H:%M}", *(number(counts[place]) for counts in series)) for place, hour in enumerate(hours)]
    legend = [name for name, _takes in kinds]
    return Picture(
        title=title,
        told=told,
        drawing=_draw(chart, title, told),
        legend=legend,
        heads=(_("hour (UTC)"), *legend),
        rows=rows[::-1],
    )


def by_wait(learned: Learned) -> Picture:
    """How soon after its callback a payment was settled."""
    hours = hours_of(learned, hours=HOURS)[::-1]
    waits = {(wait.hour, wait.announced): wait for wait in learned.waits}
    heard = [waits.get((hour, True)) for hour in hours]
    others = [waits.get((hour, False)) for hour in hours]
    whole = waits.get((None, True))
    if whole is None:
        told = _("No payment of the last 24 hours was announced by a callback.")
    else:
        told = _(
            "Of the payments of the last 24 hours half were settled within {p50} of their callback, 95% within {p95}."
        )
        told = told.format(p50=_short(whole.p50), p95=_short(whole.p95))
    title = _("From callback to settled")
    most = max((wait.p95 for wait in heard if wait), default=0)
    chart = _chart(pygal.Line, _named(hours), most=most, told=_whole, dots_size=2.5)
    legend = (_("half of them within"), _("95% within"))
    chart.add(legend[0], [wait and wait.p50 for wait in heard])
    chart.add(legend[1], [wait and wait.p95 for wait in heard])
    rows = [
        (
            f"{hour:%H:%M}",
            *((_short(a.p50), _short(a.p95)) if a else ("", "")),
            *((_short(b.p50), _short(b.p95)) if b else ("", "")),
        )
        for hour, a, b in zip(hours, heard, others, strict=True)
    ]
    heads = (_("hour (UTC)"), *legend, _("others, from creation: half within"), _("others: 95% within"))
    return Picture(
        title=title, told=told, drawing=_draw(chart, title, told), legend=legend, heads=heads, rows=rows[::-1]
    )


def _count(tallies: Sequence[Tally], takes: Callable[[Lane], bool]) -> int:
    return sum(tally.count for tally in tallies if takes(tally.learned_by))


def _short(seconds: float | None) -> str:
    return "" if seconds is None else short(timedelta(seconds=seconds))


def _whole(seconds: float) -> str:
    """A step of the axis, which has no tenths."""
    return _short(seconds) if seconds >= TENTHS_MATTER else f"{seconds:.0f}s"


def _named(hours: Sequence[object]) -> list[str]:
    """A name for every sixth hour, and none for the others: there is no room for all."""
    last = len(hours) - 1
    return [f"{hour:%H:%M}" if (last - place) % EVERY_SO_MANY == 0 else "" for place, hour in enumerate(hours)]


def _chart(
    kind: type[pygal.Graph],
    labels: Sequence[str],
    *,
    most: float,
    told: Callable[[float], str] = lambda count: few(round(count)),
    **options: object,
) -> pygal.Graph:
    """An empty one whose upright axis reaches from nothing to `most`, in a few round steps that are told so."""
    steps = _steps(most)
    chart = kind(
        width=WIDTH,
        height=HEIGHT,
        margin=4,
        margin_top=14,
        margin_right=14,
        js=[],
        css=[],
        show_legend=False,
        truncate_label=-1,
        spacing=6,
        style=_SIZES,
        range=(0, max(most, steps[-1])),
        value_formatter=told,
        no_data_text=_("none so far"),
        **options,
    )
    chart.x_labels = labels
    chart.y_labels = steps
    return chart


def _steps(most: float) -> list[int]:
    """Round numbers from 0 up to about `most`, five at the most: whole ones, for there is no half payment."""
    unit = next(each * 10**power for power in range(16) for each in (1, 2, 5) if each * 10**power * 4 >= most)
    return [unit * place for place in range(max(1, int(most // unit)) + 1)]


_SIZES = pygal.style.Style(label_font_size=12, major_label_font_size=12, value_font_size=12)
"""What pygal reckons with when it leaves room for words; the stylesheet says the same."""


def _draw(chart: pygal.Graph, title: str, told: str) -> Markup:
    """The shapes alone: no style, no script, no comment, nothing that would lead to another host."""
    drawn = chart.render_tree()
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "class": "drawing", "role": "img"})
    svg.set("aria-label", f"{title}. {told}")
    svg.extend(_shapes(drawn))
    return Markup(tostring(svg, encoding="unicode"))  # noqa: S704 - every text in it was escaped by the writer


def _shapes(drawn: Element) -> list[Element]:
    kept = []
    for element in drawn:
        if not isinstance(element.tag, str) or element.tag.rpartition("}")[2] not in KEPT:
            continue
        copy = Element(
            element.tag.rpartition("}")[2],
            {name: element.get(name, "") for name in ATTRIBUTES.intersection(element.keys())},
        )
        copy.text = element.text
        copy.extend(_shapes(element))
        kept.append(copy)
    return kept


KEPT = frozenset({"g", "rect", "path", "text", "circle", "line", "tspan"})
ATTRIBUTES = frozenset(
    {"class", "d", "x", "y", "width", "height", "cx", "cy", "r", "transform", "points", "x1", "x2", "y1", "y2"}
)
