"""When callbacks count as having fallen silent: payments go on, and nothing announces them any more.

Pure functions over plain values, as in `config.policy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

WINDOW = timedelta(minutes=30)
"""How far back "now" reaches when the share of announced payments is held against the hours before."""

BEFORE = timedelta(hours=6)
"""How far back those hours reach, the window included."""

EVERY = timedelta(hours=1)
"""How often beat has somebody listen for it. A hush that goes on is an error in the log this often, not more."""

LEAST = 10
"""Completed payments that it takes to say anything: of fewer, all may have lost their callbacks by chance."""

LEFT = 0.25
"""Part of the usual share at which it counts as collapsed."""

USUAL = 0.3
"""The least share that is taken for usual. So a hush that lasts for hours does not become what is usual, and callbacks that
have never come are seen on the first day."""

AFTER = timedelta(minutes=5)
"""How long no callback may come at all while payments are completed without one. Longer than the gateway takes to send its
twins again, shorter than the window: a sharp end is seen at once, a slow one by its share."""

REACH = timedelta(days=1)
"""How far back the payments may lie that are counted for it, so that a small shop's callbacks are missed too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """So many payments were completed in some time, and so many of them a callback had announced."""

    completed: int = 0
    announced: int = 0

    @property
    def share(self) -> float | None:
        """0 to 1; None when nothing was completed."""
        return self.announced / self.completed if self.completed else None


def usual_share(before: Announced) -> float:
    """The share to be expected after these hours, never less than `USUAL`."""
    known = before.share if before.completed >= LEAST else None
    return max(known or 0.0, USUAL)


def is_hushed(now: Announced, before: Announced, *, unread: int) -> bool:
    """Whether payments go on being completed while the callbacks about them have collapsed.

    `unread` callbacks may announce any of them: a backlog of ours is no silence of theirs.
    """
    most = now.announced + unread
    return now.completed >= LEAST and most <= usual_share(before) * now.completed * LEFT


def is_cut_off(missed: int, *, silent_for: timedelta | None) -> bool:
    """Whether no callback comes at all: so many payments were completed without one since the last, so long ago.

    `silent_for` is None when none has ever come.
    """
    return missed >= LEAST and (silent_for is None or silent_for >= AFTER)
