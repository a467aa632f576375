"""What is counted, and how two counts are held against each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

ADVICE = """\
This is counted, not timed: no machine is to blame. A higher figure needs a reason in the commit. A lower one is welcome: put it in.
The new entry for tests/counted/table.py:
"""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Work that was done. The order is that of the report."""

    sql: Mapping[str, int]
    """Statements by name: `MODULE.NAME` of `models.queries`, or verb and table where SQLAlchemy words them."""
    commits: int
    postgres_round_trips: int
    redis: Mapping[str, int]
    """Commands by name, those that came over a connection: what a script does inside the server is not in it."""
    redis_round_trips: int
    messages: Mapping[str, int]
    """Celery messages published, by queue."""
    message_bytes: int
    """Of all of them together, as they lie in Redis."""
    questions: int
    """Calls of the gateway."""


def differences(name: str, expected: Counts, counted: Counts) -> str:
    """Both side by side, and the new entry of that name for the table; empty when they agree."""
    if expected == counted:
        return ""
    rows = [("", "expected", "counted", "")]
    for one in fields(Counts):
        rows += _rows(one.name, getattr(expected, one.name), getattr(counted, one.name))
    lines = [f"  {name:50}{was:>10}{now:>10}{mark}" for name, was, now, mark in rows]
    return "\n".join(["The work has changed.", *lines, "", f"{ADVICE}\n{name} = {as_code(counted)}"])


def _rows(name: str, was: Any, now: Any) -> list[tuple[str, str, str, str]]:
    if not isinstance(was, Mapping):
        mark = "" if was == now else "  lower" if now < was else "  HIGHER"
        return [(name, f"{was:,}", f"{now:,}", mark)]
    rows = _rows(f"{name}, all together", sum(was.values()), sum(now.values()))
    for key in sorted({*was, *now}):
        rows += _rows(f"    {key}", was.get(key, 0), now.get(key, 0))
    return rows


def as_code(counts: Counts) -> str:
    """It as it stands in the table."""
    lines = []
    for one in fields(Counts):
        value = getattr(counts, one.name)
        if isinstance(value, Mapping):
            entries = [f'        "{name}": {number},' for name, number in sorted(value.items())]
            lines += [f"    {one.name}={{", *entries, "    },"] if entries else [f"    {one.name}={{}},"]
        else:
            lines.append(f"    {one.name}={value:_},")
    return "\n".join(["Counts(", *lines, ")"])
