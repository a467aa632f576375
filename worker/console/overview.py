"""The first page: whether anything needs a person, what that is, and how the last day went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from models.callback import Outcome
from worker.console.gallery import Gallery
from worker.console.rooms import Page, Room, has_page
from worker.console.visit import Visit, to
from worker.language import N_, _, ngettext, number
from worker.ops.needs import Need, Topic, needs
from worker.ops.status_view import in_our_words, standing

LIVE = "live"
EVERY = 15
"""Seconds after which the page loads itself anew, where somebody wants that."""

GALLERY = Gallery()
"""One for the process, as its figures are: they are told apart by what they are, not by who looks."""

PARTS = {
    "books": N_("what is open, and cases"),
    "stops": N_("switches"),
    "notices": N_("notices"),
    "replays": N_("replays"),
    "learned": N_("how payments were learned of"),
    "queues": N_("queues"),
    "lanes": N_("budget"),
    "breaker": N_("breaker"),
    "accounts": N_("accounts"),
    "audits": N_("what fsck found"),
    "ran": N_("sweep and fsck"),
    "spool": N_("spool"),
}
"""What a situation may not know, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One need on the page; the address is empty where no page of the console is about it."""

    need: Need
    address: str


def overview(visit: Visit) -> Response:
    """Everything at a glance."""
    situation = visit.situation()
    lines = [Line(need=need, address=address_of(need)) for need in needs(situation)]
    unknown = [
        (_(PARTS[part]), in_our_words(why)) for part, why in situation.unknown.items() if why != situation.database
    ]
    is_live = bool(visit.query.one(LIVE))
    return visit.show(
        "overview.html",
        title=_("Overview"),
        sentence=sentence(lines, is_all_known=not situation.unknown),
        lines=lines,
        unknown=unknown,
        # Its bars are a picture here.
        standing=[(label, str(what)) for label, what in standing(situation) if label != _("by age")],
        pictures=GALLERY.of(situation, visit.ask.language),
        as_of=situation.books.now if situation.books else None,
        live=EVERY if is_live else False,
        switch=to("/") if is_live else to("/", **{LIVE: 1}),
    )


def sentence(lines: Sequence[Line], *, is_all_known: bool) -> str:
    """The answer to the only question this page is opened with."""
    if lines:
        told = ngettext("{count} thing needs you", "{count} things need you", len(lines))
        return told.format(count=number(len(lines)))
    return _("Nothing needs you") if is_all_known else _("Nothing that can be seen needs you")


ABOUT: dict[Topic, str] = {
    Topic.CASES: "/cases",
    Topic.SWITCH: "/switches",
    Topic.UNREAD: "/callbacks",
}
"""The page of the console about a topic, where there is one."""

UNREAD = Outcome.RECEIVED.value
"""Of callbacks that page shows by itself those that failed; these have not been read so far."""


def address_of(need: Need) -> str:
    """Where the console shows more of it; empty when it has no page for that."""
    path = ABOUT.get(need.topic, "")
    if not path or not has_page(path):
        return ""
    outcome = UNREAD if need.topic is Topic.UNREAD else None
    return to(path, kind=need.case_kind.value if need.case_kind else None, outcome=outcome)


ROOM: Room = [Page("/", overview, nav=N_("Overview"))]
