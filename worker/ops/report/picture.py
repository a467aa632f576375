"""The picture of a report: bars by day, or by group where there is one day. SVG without a script."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

from models.report import Amount, Group, Report
from models.statement import Direction
from worker.language import _, number
from worker.ops.report.view import group_name

# Its hook for plugins, which we have none of, knows the protocol of Python 3.3 alone: each import that finds nothing would warn.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

SVG = "http://www.w3.org/2000/svg"
WIDTH, HEIGHT, BAR, AROUND = 900, 340, 34, 110
MOST_DAYS = 92
"""Bars side by side; a longer period is drawn by month."""

MOST_GROUPS, MOST_LABELS, LEVEL_LABELS = 20, 16, 8
"""Bars of groups; labels of days, and how many of these stand level side by side."""

STYLE = Style(
    background="#ffffff",
    plot_background="#ffffff",
    foreground="#333333",
    foreground_strong="#111111",
    foreground_subtle="#666666",
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#bbbbbb",
    opacity="1",
    opacity_hover="1",
    transition="0s",
    font_family="sans-serif",
    label_font_size=12,
    major_label_font_size=12,
    legend_font_size=13,
    colors=("#0072B2", "#D55E00"),
)
"""Two colours of Okabe and Ito, told apart by colour-blind eyes, and in grey on paper."""


def picture_of(report: Report) -> str:
    """SVG that can stand in a page; nothing where nothing was settled."""
    if not report.settlements.count:
        return ""
    if report.days.first == report.days.last:
        return _by_group(report)
    return _by_time(report)


def _by_time(report: Report) -> str:
    days = list(report.days)
    months = len(days) > MOST_DAYS
    slots = list(dict.fromkeys(_slot(day, months=months) for day in days))
    sums = {slot: Group(slot) for slot in slots}
    for group in report.daily:
        sums[_slot(date.fromisoformat(group.key), months=months)].add(group)
    rotation = 0 if len(slots) <= LEVEL_LABELS else 45
    chart = pygal.Bar(height=HEIGHT, x_label_rotation=rotation, **_common())
    # Of many labels some are shown: else they would lie on each other.
    step = -(-len(slots) // MOST_LABELS)
    chart.x_labels = [slot if place % step == 0 else "" for place, slot in enumerate(slots)]
    _add(chart, report.total.money, {way: [sums[slot].money[way] for slot in slots] for way in Direction})
    return _alone(chart)


def _slot(day: date, *, months: bool) -> str:
    return f"{day:%Y-%m}" if months else f"{day:%m-%d}" if day else ""


def _by_group(report: Report) -> str:
    groups = sorted(report.groups, key=lambda one: sum(amount.francs for amount in one.money.values()))[-MOST_GROUPS:]
    chart = pygal.HorizontalBar(height=AROUND + BAR * len(groups), **_common())
    chart.x_labels = [group_name(group, report.by) for group in groups]
    _add(chart, report.total.money, {way: [group.money[way] for group in groups] for way in Direction})
    return _alone(chart)


def _add(chart: Any, total: Mapping[Direction, Amount], amounts: Mapping[Direction, list[Amount]]) -> None:
    for way, name in ((Direction.IN, _("money in, XOF")), (Direction.OUT, _("money out, XOF"))):
        if total[way].count:
            chart.add(name, [one.francs for one in amounts[way]])


def _common() -> dict[str, Any]:
    return {
        "style": STYLE,
        "width": WIDTH,
        "js": (),
        "legend_at_bottom": True,
        "include_x_axis": True,
        "max_scale": 8,
        "truncate_label": -1,
        "truncate_legend": -1,
        "margin": 10,
        "value_formatter": lambda value: number(value, ",.0f"),
    }


def _alone(chart: Any) -> str:
    """Without scripts, notes about its maker, and what only a script would show."""
    chart.uuid = "settled"  # else drawn at random, and the same report would be another file each time
    root = ET.fromstring(chart.render(disable_xml_declaration=True))  # noqa: S314 - drawn a moment ago, by us
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}script", f"{{{SVG}}}desc"):
                parent.remove(child)
    ET.register_namespace("", SVG)
    return ET.tostring(root, encoding="unicode")
