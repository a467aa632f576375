"""What the console consists of: pages that read, actions that act, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from worker.console.visit import Visit

Handler = Callable[[Visit], Response]


@dataclass(frozen=True, slots=True)
class Page:
    """A page that is read, by GET, and changes nothing."""

    path: str
    """Below /console, as `/cases/{case:int}`."""
    handler: Handler
    nav: str = ""
    """Its name in the navigation, marked by `N_`; empty where it is not there."""


@dataclass(frozen=True, slots=True)
class Action:
    """What a form does, by POST. Goes on to a page, so that nobody sends it twice by going back."""

    path: str
    handler: Handler


Room = Sequence[Page | Action]


def all_rooms() -> list[Room]:
    """Every room, in the order of the navigation."""
    from worker.console import callbacks, cases, evidence, overview, plans, search, switches, transactions

    looking = [overview.ROOM, search.ROOM, evidence.ROOM, transactions.ROOM]  # a path that is more exact comes first
    return [*looking, cases.ROOM, callbacks.ROOM, plans.ROOM, switches.ROOM]


def has_page(path: str) -> bool:
    """Whether some room has a page at just this path."""
    return any(each.path == path for room in all_rooms() for each in room if isinstance(each, Page))
