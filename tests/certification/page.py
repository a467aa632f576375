"""The page `docs/crash-points.md`, written from the step table: `python -m tests.certification.page` after a change to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from config.policy import Lengths
from tests.certification.revisions import revisions
from tests.certification.steps import OUT_OF_QUEUE, Left, Step
from tests.certification.table import CHAPTERS
from tests.fakes import settings_for

PAGE = Path(__file__).parents[2] / "docs" / "crash-points.md"

HEAD = """\
# Crash points

Every step between receipt and notice, and what happens when the process dies right there. Written from
`tests/certification/table.py` by `python -m tests.certification.page`; do not edit it by hand. How the processes are killed is in
[decision 11](decisions/0011-crash-points.md).

`tests/certification/test_crash_points.py` plays every row: a real door, a worker and a beat, each under the supervisor, on a
database and a Redis of their own. The process sends itself SIGKILL at the step, once. Before that it looks, over other
connections, at what it leaves behind. Then nobody helps but those who would help anyway: the supervisor that starts it again,
the broker, beat, and a merchant who orders again. The customer pays once and one callback is sent, not the usual
two, so that no twin heals what a lost one leaves. A row passes when

* the process is dead and left just what the row says: committed rows, lock, messages;
* the invoice is completed with one settlement, one notice and its proof, every callback is matched, and no case is open;
* the merchant's application has every notice in the end, by the ids of their events, and all count as delivered;
* the one named under "healed by" did it, as far as the books tell: by the lane of the question that decided, and when;
* the books balance in the time given; then no message is left in the broker, no lock would outlive its life, and `reconciler
  fsck` finds nothing.

"In how long" is the bound that the test holds each run to, from the death on. It follows from the settings of the test: gateway
timeouts of 0.5 s and 1 s, hence a lease of 26.5 s on a question; a first check 20 s after creation; a sweep every 2 s. With the
default settings the lease is {lease:.1f} s and the first check comes after 120 s.
"""

TABLE = """\
| step | the process dies when | process | invoice | callback | lock | to read | to ask | healed by | in how long |
|---|---|---|---|---|---|---|---|---|---|
"""

RECEIVED = """\
What stands under "invoice" is the payout here. "told the gateway" counts on the gateway's side how often the payout came in
there: by the death, and in the end. {again}
"""

AT_ONCE = """\
After each death the same order comes three times more, all at once,
from a merchant who loses patience."""
ONCE_IT_IS_OUT = """\
It is ordered while sending is switched off, and then
sending goes on. The last two the gateway refuses. When it has gone out by itself, or is over, the same order comes three times
more, all at once."""

MOVING = "moving"

NOTES = """\
"pending, within 20 s" means: the sweep asks about it by itself within 20 s. "to read" and "to ask" count the messages
about callbacks and about questions that wait in the broker or are taken and not acknowledged; `moving` stands where another
process works on them that very moment.
The order that is left `created` is looked at after 120 s, and so is a claimed payout; the test moves that date instead of waiting.
"""

MIGRATIONS = """\
## Migrations

The migrator dies when all statements of a revision are run and its version is not written yet. Whoever runs `reconciler migrate`
next goes on from there: `tests/certification/test_migrator.py`, and the tables are then those the code declares.

| step | left | healed by |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_head(), *_chapters(), NOTES, MIGRATIONS + "".join(_migrations())])


def _head() -> str:
    lengths = Lengths.from_settings(settings_for("postgresql://nobody@localhost/nothing"))
    return HEAD.format(lease=lengths.lease)


def _chapters() -> Iterator[str]:
    for title, steps in CHAPTERS.items():
        rows = "".join(_row(step) for step in steps)
        if any(step.received for step in steps):
            again = ONCE_IT_IS_OUT if any(step.scene in OUT_OF_QUEUE for step in steps) else AT_ONCE
            yield f"## {title}\n\n{RECEIVED.format(again=again)}\n{_wider(TABLE)}{rows}"
        else:
            yield f"## {title}\n\n{TABLE}{rows}"


def _wider(table: str) -> str:
    heading, line, *_ = table.splitlines()
    return f"{heading} told the gateway |\n{line}---|\n"


def _row(step: Step) -> str:
    process = f"{step.program}, all of it" if step.takes_parent else str(step.program)
    cells = (step.name, step.says, process, *_left(step.left), step.healer, f"≤ {step.within:g} s")
    told = (f"{step.received[0]}, in the end {step.received[1]}",) if step.received else ()
    return f"| {' | '.join((*cells, *told))} |\n"


def _left(left: Left) -> tuple[str, ...]:
    lock = MOVING if left.is_moving else "held" if left.is_locked else "free"
    return left.invoice, left.callback, lock, _number(left.to_read), _number(left.to_ask)


def _number(messages: int | None) -> str:
    return MOVING if messages is None else str(messages)


def _migrations() -> Iterator[str]:
    before = "nothing"
    for revision in revisions():
        yield f"| {revision} | version {before}, and what {revision} commits by itself | the next run |\n"
        before = revision


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
