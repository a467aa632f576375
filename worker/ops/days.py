"""Which days a person means: words, a month, a day, or the first and the last one. UTC, and both ends included."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import typer

from models.report import Days
from worker.language import _

DAY, MONTH = re.compile(r"\d{4}-\d\d-\d\d"), re.compile(r"\d{4}-\d\d")
WORDS = ("yesterday", "today", "last-month", "this-month")
LONGEST = 366 * 5
"""Days of one period."""

FromOption = Annotated[
    str, typer.Option("--from", metavar="DAY", help="The first day, as 2026-11-01, UTC.", show_default=False)
]
ToOption = Annotated[
    str, typer.Option("--to", metavar="DAY", help="The last day, included; else the first one.", show_default=False)
]


def days_of(period: str, first: str, last: str, *, today: date | None = None) -> Days:
    """The days these three words name; yesterday where they name none. Raises Typer's complaint about what cannot be."""
    today = today or datetime.now(UTC).date()
    if period and (first or last):
        raise typer.BadParameter(_("name a period, or its days with --from and --to, not both"))
    days = between(first, last) if first or last else _named(period or WORDS[0], today)
    if (days.last - days.first).days >= LONGEST:
        raise typer.BadParameter(_("a period may have {count} days at most").format(count=LONGEST))
    return days


def between(first: str, last: str) -> Days:
    """From this day to that one; a day by itself when there is one alone. Raises Typer's complaint about what cannot be."""
    if not first:
        raise typer.BadParameter(_("--to needs --from: which is the first day?"))
    days = Days(_day(first), _day(last or first))
    if days.last < days.first:
        raise typer.BadParameter(
            _("the last day, {last}, is before the first one, {first}").format(first=days.first, last=days.last)
        )
    return days


def _named(period: str, today: date) -> Days:
    this_month = today.replace(day=1)
    match period:
        case "yesterday":
            return Days(today - timedelta(days=1), today - timedelta(days=1))
        case "today":
            return Days(today, today)
        case "this-month":
            return Days(this_month, today)
        case "last-month":
            end = this_month - timedelta(days=1)
            return Days(end.replace(day=1), end)
        case _ if MONTH.fullmatch(period):
            start = _day(f"{period}-01")
            after = (start + timedelta(days=31)).replace(day=1)
            return Days(start, after - timedelta(days=1))
        case _ if DAY.fullmatch(period):
            return Days(_day(period), _day(period))
    raise typer.BadParameter(
        _("{period} is no period: {words}, a month as 2026-11, or a day as 2026-11-26").format(
            period=repr(period), words=", ".join(WORDS)
        )
    )


def _day(written: str) -> date:
    try:
        if DAY.fullmatch(written):
            return date.fromisoformat(written)
    except ValueError:
        pass
    raise typer.BadParameter(_("{written} is no day: write it as 2026-11-26").format(written=repr(written)))
