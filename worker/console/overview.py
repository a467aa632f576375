"""The first page: whether anything needs a person, what that is, and how the last day went."""

from __future__ import annotations

from starlette.responses import Response

from worker.console.rooms import Page, Room
from worker.console.visit import Visit
from worker.language import N_, _


def overview(visit: Visit) -> Response:
    """Everything at a glance."""
    return visit.show("overview.html", title=_("Overview"))


ROOM: Room = [Page("/", overview, nav=N_("Overview"))]
