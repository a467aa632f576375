"""Times and lengths as words in a sentence, in the chosen language."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from worker.language import ngettext

UNITS: tuple[tuple[int, Callable[[int], str], Callable[[int], str]], ...] = (
    (86_400, lambda n: ngettext("{n} day", "{n} days", n), lambda n: ngettext("every day", "every {n} days", n)),
    (3600, lambda n: ngettext("{n} hour", "{n} hours", n), lambda n: ngettext("every hour", "every {n} hours", n)),
    (
        60,
        lambda n: ngettext("{n} minute", "{n} minutes", n),
        lambda n: ngettext("every minute", "every {n} minutes", n),
    ),
    (1, lambda n: ngettext("{n} second", "{n} seconds", n), lambda n: ngettext("every second", "every {n} seconds", n)),
)
"""Seconds of a unit, so many of it, and the interval of so many."""


def in_words(length: timedelta) -> str:
    """`42 seconds`, `90 minutes`, `3 days`: whole units, the biggest of which it has two, or is an exact one."""
    seconds = max(0, round(length.total_seconds()))
    size, words, _ = _unit(seconds)
    return words(seconds // size).format(n=seconds // size)


def each(length: timedelta) -> str:
    """`every minute`, `every 10 minutes`."""
    seconds = round(length.total_seconds())
    size, _, words = _unit(seconds)
    return words(seconds // size).format(n=seconds // size)


def at(moment: datetime, *, now: datetime) -> str:
    """`12:03:10 UTC`; of another day than today with its date."""
    here = moment.astimezone(UTC)
    is_today = here.date() == now.astimezone(UTC).date()
    return f"{here:%H:%M:%S} UTC" if is_today else f"{here:%Y-%m-%d %H:%M} UTC"


def _unit(seconds: int) -> tuple[int, Callable[[int], str], Callable[[int], str]]:
    for unit in UNITS:
        size = unit[0]
        if seconds >= 2 * size or (seconds and seconds % size == 0):
            return unit
    return UNITS[-1]
