"""The stop switches: what is off, switching one off with a reason and a length, and on again."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from models.errors import Invalid, NotFound
from models.queries import stops
from models.queries.browse import Page as Slice
from models.queries.stops import PastStop
from models.session import transaction
from models.stop import Switch
from worker.console.lists import ROWS, place_of
from worker.console.rooms import Action, Page, Room
from worker.console.visit import Visit
from worker.language import N_, _
from worker.ops.switch_view import MEANWHILE, describe, going_on

LENGTHS: dict[str, tuple[timedelta, str]] = {
    "30m": (timedelta(minutes=30), N_("30 minutes")),
    "1h": (timedelta(hours=1), N_("1 hour")),
    "2h": (timedelta(hours=2), N_("2 hours")),
    "8h": (timedelta(hours=8), N_("8 hours")),
    "1d": (timedelta(days=1), N_("1 day")),
    "7d": (timedelta(days=7), N_("7 days")),
}
"""How long a switch may be off from here; the longest is the longest there is."""

WHAT = {
    Switch.SETTLE: N_("Settling"),
    Switch.SWEEP: N_("The sweep"),
    Switch.NOTIFY: N_("Notices to your application"),
    Switch.REPLAY: N_("Replay plans"),
    Switch.SEND: N_("Sending payouts"),
}


def show(visit: Visit) -> Response:
    """Each switch as it stands, and the stops there were."""
    here = place_of(visit, "/switches")
    with transaction(visit.tools.sessions) as step:
        off = {stop.switch: stop for stop in stops.off_now(step.session)}
        past = stops.history(step.session, limit=ROWS + 1, before=here.below)
    page: Slice[PastStop] = Slice(items=tuple(past[:ROWS]), next=past[ROWS - 1].id if len(past) > ROWS else None)
    return visit.show(
        "switches.html",
        title=_("Switches"),
        switches=[(switch, _(WHAT[switch]), _(MEANWHILE[switch]), off.get(switch)) for switch in Switch],
        lengths=[(key, _(name)) for key, (_length, name) in LENGTHS.items()],
        describe=describe,
        page=page,
        place=here,
    )


def off(visit: Visit) -> Response:
    """Switch one off. A form that was sent twice, or after somebody else's, changes nothing."""
    switch = _switch(visit)
    reason = visit.form.words("reason")
    chosen = LENGTHS.get(visit.form.one("length"))
    if chosen is None:
        raise Invalid(_("say for how long"))
    with transaction(visit.tools.sessions) as step:
        before = stops.off_now_alone(step.session, switch)
        stop = before or stops.switch_off(step.session, switch, author=visit.person, reason=reason, length=chosen[0])
    told = describe(stop) if before else f"{describe(stop)}. {_(MEANWHILE[switch])}"
    if before:
        told = _("Nothing was changed: {stop}").format(stop=told)
    return visit.go_to("/switches", told=told, done=before is None)


def on(visit: Visit) -> Response:
    """Let it go on before its time is up."""
    switch = _switch(visit)
    with transaction(visit.tools.sessions) as step:
        was_off = stops.switch_on(step.session, switch, author=visit.person)
    return visit.go_to("/switches", told=going_on(switch, was_off=was_off).replace("\n", ". "), done=was_off)


def _switch(visit: Visit) -> Switch:
    name = visit.text("switch")
    if name not in set(Switch):
        raise NotFound(_("there is no such switch; there are {names}").format(names=", ".join(Switch)))
    return Switch(name)


ROOM: Room = [
    Page("/switches", show, nav=N_("Switches")),
    Action("/switches/{switch}/off", off),
    Action("/switches/{switch}/on", on),
]
