"""A report as one page: it fetches nothing, runs nothing, and prints well."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from models.report import Report
from worker.language import _
from worker.ops.report import view
from worker.ops.report.picture import picture_of

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(path: Path, report: Report) -> None:
    """Write it. Whatever others named is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    columns = view.shown_columns(report)
    page = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        language=_("en"),
        title=view.title(report),
        headings=[name for name, _way, _by_hand in columns],
        group_heading=view.heading(report.by),
        groups=[(view.group_name(group, report.by), view.cells(group, columns)) for group in report.groups],
        total_name=_("all"),
        total=view.cells(report.total, columns),
        nothing=_("nothing was settled"),
        count=_("count"),
        footer=view.footer(report),
        is_sound=report.is_sound,
        picture=Markup(picture_of(report)),  # noqa: S704 - drawn by pygal, which escapes the names in it
    )
    path.write_text(page, encoding="utf-8")
