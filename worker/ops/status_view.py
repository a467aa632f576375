"""The situation, told to a person: a line or two for each part."""

from __future__ import annotations

from datetime import datetime

from rich.table import Table
from rich.text import Text

from config.policy import AGE_TIERS
from models.queries.status import BooksStatus
from tasks.toolbox import BreakerState, BreakerView
from worker.ops.shown import console, safe, short, stamp
from worker.ops.status import Situation


def print_situation(situation: Situation) -> None:
    """One screen."""
    screen = Table.grid(padding=(0, 2))
    screen.add_column(style="dim", no_wrap=True, min_width=len("callbacks"))
    screen.add_column(overflow="fold")
    screen.add_row("database", _health(situation.database))
    screen.add_row("redis", _health(situation.redis))
    if situation.queues is not None:
        screen.add_row("queues", _counts(situation.queues))
    if situation.books is not None:
        for name, count in _books(situation.books):
            screen.add_row(name, count)
    for name, what in _gateway(situation):
        screen.add_row(name, what)
    console().print(screen)


def _health(trouble: str) -> Text:
    return Text(safe(trouble), style="red") if trouble else Text("ok", style="green")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _books(books: BooksStatus) -> list[tuple[str, str]]:
    names = [f"under {_age(tier.until)}" for tier in AGE_TIERS] + ["older"]
    ages = {name: count for name, count in zip(names, books.open_by_age, strict=True) if count}
    open_now = sum(books.open_by_age)
    return [
        ("invoices", f"{open_now:,} open" + (f": {_counts(ages)}" if ages else "")),
        ("", f"{books.overdue:,} overdue{_longest(books.most_overdue_at, books.now)}; {books.parked:,} parked"),
        ("callbacks", f"{books.unread:,} unread{_longest(books.oldest_unread_at, books.now)}"),
        ("cases", _counts({kind.value: count for kind, count in books.open_cases.items()})),
    ]


def _age(seconds: float) -> str:
    """A bound of an age class: `5m`, `6h`, `30d`."""
    whole = int(seconds)
    for size, letter in ((86_400, "d"), (3600, "h"), (60, "m")):
        if whole % size == 0:
            return f"{whole // size}{letter}"
    return f"{whole}s"


def _longest(at: datetime | None, now: datetime) -> str:
    return "" if at is None else f", the longest for {short(now - at)}"


def _gateway(situation: Situation) -> list[tuple[str, str | Text]]:
    if situation.redis:
        return [("budget", "unknown: Redis holds it"), ("breaker", "unknown: Redis holds it")]
    lines: list[tuple[str, str | Text]] = [("budget", f"{situation.rate:g} questions a second")]
    lines += [
        ("", f"{level.lane.value:<9} room for {level.room:>5,} now, {level.granted:>6,} granted in the last minute")
        for level in situation.lanes
    ]
    return [*lines, ("breaker", _breaker(situation.breaker))]


def _breaker(view: BreakerView) -> Text:
    if view.state is BreakerState.CLOSED or view.since is None or view.until is None:
        return Text(view.state.value, style="green")
    return Text(
        f"{view.state.value} since {stamp(view.since)} UTC, next probe {view.until:%H:%M:%S} UTC\n"
        f"{view.held_back:,} questions held back\n{safe(view.reason)}",
        style="red",
    )
