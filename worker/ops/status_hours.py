"""Hour by hour and operator by operator: who announced the payments that were settled, and how long they took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rich.cells import cell_len
from rich.text import Text

from models.check import Lane
from models.queries.learned import Learned, Tally, Wait
from worker.language import _, ngettext, number
from worker.ops.screen import bar, few, fitting, percent
from worker.ops.shown import safe, short

HOUR = timedelta(hours=1)

MOST_COLUMNS = 4
"""All together, and the operators that fit beside it."""

CLOCK, NUMBERS, LONGEST_BAR = 6, 11, 20
"""Cells of the hour, of ` 100% 9,999`, and of the widest bar."""

TIME = 9
"""Cells of one length of time."""

MARKS = "#=+"
"""Announced by a callback; found by the sweep; learned in another way: by a person, a replay, an audit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of the picture. No `operators`: all of them."""

    title: str
    operators: frozenset[str] = frozenset()

    def takes(self, tally: Tally) -> bool:
        """Whether this belongs here."""
        return not self.operators or tally.operator in self.operators


def shares(learned: Learned, *, hours: int) -> list[dict[str, object]]:
    """For a machine: of each hour and operator, the payments by how they came to be known; oldest first."""
    found: dict[tuple[datetime, str], Counter[Lane]] = {}
    for tally in of_these(learned, hours=hours):
        found.setdefault((tally.hour, tally.operator), Counter())[tally.learned_by] += tally.count
    return [
        {"hour": hour, "operator": operator, **{lane.value: lanes[lane] for lane in Lane}}
        for (hour, operator), lanes in sorted(found.items())
    ]


def picture(learned: Learned, *, width: int, hours: int) -> list[Text]:
    """A bar for each hour and operator, newest first, with the share that callbacks announced and the number settled."""
    tallies = list(of_these(learned, hours=hours))
    columns = list(_columns(tallies))
    cells = (width - CLOCK) // len(columns) - 1
    longest = max(1, min(cells - NUMBERS, LONGEST_BAR))
    legend = _("# announced by a callback, = found by the sweep, + else; share of #, payments")
    head = " ".join(fitting(column.title, longest + NUMBERS) for column in columns)
    lines = [
        Text(fitting(legend, min(width, cell_len(legend))), style="dim"),
        Text(f"{'UTC':<{CLOCK}}{head}".rstrip(), style="dim"),
    ]
    for hour in hours_of(learned, hours=hours):
        here = [tally for tally in tallies if tally.hour == hour]
        told = " ".join(_cell([t for t in here if column.takes(t)], longest) for column in columns)
        lines.append(Text(f"{hour.astimezone(UTC):%H:%M} {told}".rstrip()))
    return lines


def of_these(learned: Learned, *, hours: int) -> Iterator[Tally]:
    """Only what is to be shown: the books are read back further than that, to know what is usual."""
    first = hours_of(learned, hours=hours)[-1]
    return (tally for tally in learned.tallies if tally.hour >= first)


def hours_of(learned: Learned, *, hours: int) -> list[datetime]:
    """The beginnings of the hours, newest first."""
    this = learned.now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return [this - back * HOUR for back in range(hours)]


def _columns(tallies: Sequence[Tally]) -> Iterator[Column]:
    """All, then the operators with most payments; what has no room is one column together."""
    sizes: Counter[str] = Counter()
    for tally in tallies:
        sizes[tally.operator] += tally.count
    names = [name for name, _count in sizes.most_common()]
    if len(names) <= 1:
        yield Column(title=_title(names[0]) if names else _("together"))
        return
    yield Column(title=_("together"))
    room = MOST_COLUMNS - 1
    alone = names if len(names) <= room else names[: room - 1]
    for name in alone:
        yield Column(title=_title(name), operators=frozenset({name}))
    if others := frozenset(names) - frozenset(alone):
        yield Column(title=_("{count} others").format(count=len(others)), operators=others)


def _title(operator: str) -> str:
    return safe(operator) or _("not named")


def _cell(tallies: Sequence[Tally], longest: int) -> str:
    by_lane: Counter[Lane] = Counter()
    for tally in tallies:
        by_lane[tally.learned_by] += tally.count
    total = by_lane.total()
    if not total:
        return f"{'.':<{longest + NUMBERS}}"
    announced, swept = by_lane[Lane.CALLBACK], by_lane[Lane.SWEEP]
    drawn = bar((announced, swept, total - announced - swept), MARKS, cells=longest)
    return f"{drawn} {percent(announced, total):>4} {few(total):<5}"


def waits(learned: Learned, *, hours: int) -> Iterator[tuple[str, str]]:
    """How long all of these took, in a line each for those that were announced and the others."""
    by_kind = {wait.announced: wait for wait in learned.waits if wait.hour is None}
    label = _("settling")
    if not by_kind:
        yield label, _("nothing since {since} UTC").format(since=f"{hours_of(learned, hours=hours)[-1]:%H:%M}")
    if wait := by_kind.get(True):
        told = ngettext(
            "{count} announced: {times} after the callback", "{count} announced: {times} after the callback", wait.count
        )
        yield label, told.format(count=number(wait.count), times=_times(wait))
    if wait := by_kind.get(False):
        told = ngettext("{count} other: {times} after creation", "{count} others: {times} after creation", wait.count)
        yield "" if True in by_kind else label, told.format(count=number(wait.count), times=_times(wait))


def _times(wait: Wait) -> str:
    return f"p50 {_short(wait.p50)}, p95 {_short(wait.p95)}, p99 {_short(wait.p99)}"


def _short(seconds: float) -> str:
    return short(timedelta(seconds=seconds))


def waits_by_hour(learned: Learned, *, hours: int) -> list[Text]:
    """The same for each hour: three percentiles for the announced, and three for the others."""
    heads = (_("announced: p50, p95, p99"), _("others: p50, p95, p99"))
    lines = [Text(f"{'UTC':<{CLOCK}}" + "  ".join(f"{head:>{3 * TIME}}" for head in heads), style="dim")]
    for hour in hours_of(learned, hours=hours):
        found = {wait.announced: wait for wait in learned.waits if wait.hour == hour}
        told = "  ".join(_three(found.get(announced)) for announced in (True, False))
        lines.append(Text(f"{hour:%H:%M} {told}".rstrip()))
    return lines


def _three(wait: Wait | None) -> str:
    times = ("", ".", "") if wait is None else tuple(_short(seconds) for seconds in (wait.p50, wait.p95, wait.p99))
    return "".join(f"{time:>{TIME}}" for time in times)
