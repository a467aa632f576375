"""`status --watch`: the same screen again and again, cut to what the terminal holds, until Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from worker.language import _, number
from worker.ops.screen import cut
from worker.ops.shown import console
from worker.ops.situation import Lookout
from worker.ops.status_view import screen

PATIENCE = 5.0
"""Seconds one look may hold up the next screen. What has not answered by then is unknown on it."""


def watch(lookout: Lookout, *, hours: int, every: float) -> None:
    """Show a screen every so many seconds until Ctrl-C, and leave the last one behind. Whatever goes away may come back."""
    out = console()
    last: list[Text] = []
    with _ended_politely():
        try:
            with _showing(out) as show:
                if out.is_terminal:
                    show([_head(every=every), Text(_("looking ..."))])
                while True:
                    began = time.monotonic()
                    situation = lookout.look(within=PATIENCE)
                    last = [_head(every=every), *screen(situation, width=out.width, hours=hours)]
                    show(last)
                    time.sleep(max(0.0, began + every - time.monotonic()))
        except KeyboardInterrupt:
            if out.is_terminal:  # the live screen is gone with all that stood on it
                _print(out, last)


class _Show:
    """Shows lines: drawn over the last ones on a terminal, printed below them elsewhere."""

    def __init__(self, out: Console, live: Live | None) -> None:
        self._out = out
        self._live = live

    def __call__(self, lines: list[Text]) -> None:
        """These, now."""
        if self._live is None:
            _print(self._out, [*lines, Text("")])
        else:
            note = _("... {count} more lines; `reconciler status`, or a taller window, shows them")
            shown = cut(lines, height=self._out.height, note=note)
            for line in shown:  # one that the terminal breaks would push the last ones out
                line.truncate(self._out.width)
            self._live.update(Group(*shown), refresh=True)


@contextmanager
def _showing(out: Console) -> Iterator[_Show]:
    if not out.is_terminal:
        yield _Show(out, None)
        return
    with Live(console=out, screen=True, auto_refresh=False) as live:
        yield _Show(out, live)


@contextmanager
def _ended_politely() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does: whoever sends it should find the terminal as it was."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _head(*, every: float) -> Text:
    told = _("reconciler status at {time} UTC, every {seconds} s; Ctrl-C leaves")
    return Text(told.format(time=f"{datetime.now(UTC):%H:%M:%S}", seconds=number(every, "g")), style="bold")


def _print(out: Console, lines: list[Text]) -> None:
    for line in lines:
        out.print(line)
