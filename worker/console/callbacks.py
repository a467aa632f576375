"""Callbacks: those nobody could use first, one as it came, and choosing what is to be replayed."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from config.policy import CALLBACK_DEADLINE
from models.callback import Outcome
from models.errors import Invalid, NotFound
from models.queries.browse import find_callback
from models.queries.replay.choice import CallbackChoice
from models.queries.search import list_callbacks_of
from models.session import transaction
from worker.console.drafting import drafted
from worker.console.lists import ROWS, place_of
from worker.console.rooms import Action, Page, Room
from worker.console.transactions import address_of
from worker.console.visit import Visit
from worker.language import N_, _
from worker.ops.body import readable
from worker.ops.callback_view import erased_line, facts_of, header_lines
from worker.ops.sentences import told
from worker.ops.shown import safe

FAILED, ALL = "failed", "all"

SINCE: dict[str, tuple[timedelta, str]] = {
    "1h": (timedelta(hours=1), N_("the last hour")),
    "1d": (timedelta(days=1), N_("the last day")),
    "7d": (timedelta(days=7), N_("the last 7 days")),
    "30d": (timedelta(days=30), N_("the last 30 days")),
}


def callbacks(visit: Visit) -> Response:
    """One page, by outcome and age, with a box to tick beside each."""
    chosen, since = _filters(visit.query.one("outcome"), visit.query.one("since"))
    place = place_of(visit, "/callbacks", outcome=chosen, since=since)
    with transaction(visit.tools.sessions) as step:
        page = list_callbacks_of(
            step.session,
            _outcomes(chosen),
            since=SINCE[since][0] if since else None,
            deadline=CALLBACK_DEADLINE,
            limit=ROWS,
            before=place.below,
        )
    return visit.show(
        "callbacks.html",
        title=_("Callbacks"),
        page=page,
        place=place,
        chosen=chosen,
        since=since,
        outcomes=[
            (FAILED, _("that nobody could use")),
            *((one.value, _(one.value)) for one in Outcome),
            (ALL, _("all")),
        ],
        ages=[(key, _(name)) for key, (_length, name) in SINCE.items()],
        told=lambda note: told(safe(note)),
        address_of=address_of,
    )


def callback(visit: Visit) -> Response:
    """One as it was received, with its tokens masked."""
    number = visit.number("callback")
    with transaction(visit.tools.sessions) as step:
        found = find_callback(step.session, number)
    if found is None:
        raise NotFound(_("there is no callback {callback_id}").format(callback_id=number))
    erased_at = found.line.erased_at
    return visit.show(
        "callback.html",
        title=_("Callback {id}").format(id=number),
        found=found,
        facts=[(name, value) for name, value in facts_of(found) if value],
        source=safe(found.line.source) or (_("a source that was erased") if erased_at else _("nowhere known")),
        erased=erased_line(erased_at, digest=found.digest) if erased_at else "",
        headers="\n".join(header_lines(found)),
        body="\n".join(readable(found.body, secrets=found.secrets)),
        address_of=address_of,
    )


def plan(visit: Visit) -> Response:
    """Draft a replay plan of those that were ticked, or of all that fit the filters."""
    chosen, since = _filters(visit.form.one("outcome"), visit.form.one("since"))
    if visit.form.one("which") == ALL:
        outcomes = _outcomes(chosen)
        choice = CallbackChoice(
            failed=outcomes is None,
            outcomes=tuple(outcomes or ()),
            operator=visit.form.one("operator"),
            since=SINCE[since][0] if since else None,
        )
    else:
        choice = CallbackChoice(ids=_ticked(visit))
    return drafted(visit, choice, ask=bool(visit.form.one("ask")))


def _ticked(visit: Visit) -> tuple[int, ...]:
    ids = visit.form.all("callback")
    if not ids:
        raise Invalid(_("tick the callbacks that are to be replayed, or take all that fit the filters"))
    if not all(one.isascii() and one.isdecimal() and 0 < int(one) < 2**63 for one in ids):
        raise NotFound(_("there is no callback {callback_id}").format(callback_id=", ".join(ids)[:100]))
    return tuple(sorted({int(one) for one in ids}))


def _filters(outcome: str, since: str) -> tuple[str, str]:
    """Those that were chosen. What there is not counts as not chosen."""
    known = outcome in (ALL, *Outcome)
    return (outcome if known else FAILED), (since if since in SINCE else "")


def _outcomes(chosen: str) -> list[Outcome] | None:
    """None for those that count as failed."""
    if chosen == FAILED:
        return None
    return list(Outcome) if chosen == ALL else [Outcome(chosen)]


ROOM: Room = [
    Page("/callbacks", callbacks, nav=N_("Callbacks")),
    Page("/callbacks/{callback:int}", callback),
    Action("/callbacks/plan", plan),
]
