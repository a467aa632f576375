"""Which days a statement is held against: those the user names, else those it is about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import typer

from models.report import Days
from models.statement import Line, Terms
from worker.language import _


def terms_of(lines: Sequence[Line], days: Days | None, *, account: str, tolerance: timedelta) -> Terms:
    """The terms. Raises Typer's complaint where nothing says which days are meant.

    A statement that goes beyond the days that are reconciled has what happened around them: nothing is at an edge then.
    """
    moments = [line.at for line in lines if line.at is not None]
    spanned = Days(_day(min(moments)), _day(max(moments))) if moments else None
    days = days or spanned
    if days is None:
        raise typer.BadParameter(_("no line has a date: say which days these are, with --from and --to"))
    return Terms(
        account=account,
        start=days.start,
        end=days.end,
        covered_from=min(days.start, spanned.start) if spanned else days.start,
        covered_until=max(days.end, spanned.end) if spanned else days.end,
        tolerance=tolerance,
    )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
