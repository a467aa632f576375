"""The trouble of each alert: what is done to the fleet until the alert must fire, and what ends it.

Each is a generator. It causes the trouble, yields while it lasts, and then ends it the way it ends in production.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.alerts.stage import Stage

Trouble = Callable[[Stage], Iterator[None]]

TROUBLES: dict[str, Trouble] = {}
"""By the name of the alert."""


def trouble(alert: str) -> Callable[[Trouble], Trouble]:
    """This generator causes what the alert is about."""

    def keep(cause: Trouble) -> Trouble:
        assert alert not in TROUBLES, f"{alert} has two troubles"
        TROUBLES[alert] = cause
        return cause

    return keep
