"""How facts look to a person and to a machine: text made safe, times, amounts, and JSON. Knows no command."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import typer
from rich.console import Console

from config.logs import MASK
from worker.language import _, number

TENTHS_MATTER, MINUTE, HOUR, DAY = 10, 60, 3600, 86_400


def console() -> Console:
    """Writes to stdout: no markup in what others wrote, no colours and 80 columns without a terminal."""
    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


UNBROKEN = "\N{NO-BREAK SPACE}"
"""Holds the figures of an amount together in some languages, and steers nothing."""


def safe(text: str) -> str:
    """The same text with everything escaped that could steer a terminal or hide in it. Callbacks are written by anybody."""
    return "".join(c if c.isprintable() or c == UNBROKEN else c.encode("unicode_escape").decode("ascii") for c in text)


def francs(amount: int) -> str:
    """`5,000 XOF`."""
    return f"{number(amount)} XOF"


def stamp(at: datetime) -> str:
    """Date and time in UTC, to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def brief_stamp(at: datetime, *, now: datetime, seconds: bool = True) -> str:
    """Date and time in UTC for a narrow column; of another year than this one, the date alone."""
    here = at.astimezone(UTC)
    if here.year != now.astimezone(UTC).year:
        return f"{here:%Y-%m-%d}"
    return f"{here:{'%m-%d %H:%M:%S' if seconds else '%m-%d %H:%M'}}"


def short(length: timedelta) -> str:
    """A length in at most seven characters: `0.4s`, `42s`, `3m20s`, `2h05m`, `12d04h`."""
    seconds = abs(length.total_seconds())
    sign = "-" if length < timedelta(0) else ""
    whole = round(seconds)
    if whole < TENTHS_MATTER:
        return f"{sign}{number(seconds, '.1f')}s"
    if whole < MINUTE:
        return f"{sign}{whole}s"
    if whole < HOUR:
        return f"{sign}{whole // MINUTE}m{whole % MINUTE:02}s"
    if whole < DAY:
        return f"{sign}{whole // HOUR}h{whole % HOUR // MINUTE:02}m"
    return sign + _("{days}d{hours:02}h").format(days=whole // DAY, hours=whole % DAY // HOUR)


def masked_address(url: str) -> str:
    """The server of a payment address and nothing more: the gateway puts the token somewhere behind it."""
    if not url:
        return ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/{MASK}"


def print_json(value: object) -> None:
    """Print one JSON document to stdout. ASCII only, so that it survives any terminal and any pipe."""
    typer.echo(json.dumps(value, indent=2, default=_as_json))


def _as_json(value: object) -> object:
    """What JSON does not know by itself: times become ISO 8601 in UTC, facts become objects."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} has no form in JSON")
