"""Time that nobody sets: how long whoever is about to send money stood still since they wrote down that they would."""

from __future__ import annotations

import time

from config import policy
from models.errors import NotSent

# A suspended machine stops CLOCK_MONOTONIC, and not this one. Only Linux has it.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime() -> float:
    """Seconds, from no beginning in particular. Goes on while the machine sleeps, where it has a clock that does."""
    return time.clock_gettime(CLOCK)


def check_prompt(waited: float, *, what: str) -> None:
    """Raise `NotSent` when this many seconds since it was written down are too many: a person may have decided meanwhile."""
    if waited > policy.SEND_WITHIN.total_seconds():
        raise NotSent(f"The {what} was not sent: whoever was to send it stood still for {waited:.0f} s.")
