"""Replay plans: what was predicted, running one, how far it is, and prediction against actual."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from models.errors import Conflict, NotFound
from models.queries.browse import Paging
from models.queries.replay import look, work
from models.queries.replay.choice import from_words
from models.queries.replay.look import Pair, PlanLine
from models.queries.stops import off_now
from models.replay import PlanState, Upshot
from models.session import transaction
from models.stop import Switch
from tasks.replay import Start, start
from tasks.toolbox import Toolbox
from worker.console.drafting import drafted, gone_on
from worker.console.lists import ROWS, place_of
from worker.console.plan_tables import matrix_of, predictions_of
from worker.console.reception import BY_ITSELF
from worker.console.rooms import Action, Page, Room
from worker.console.transactions import address_of
from worker.console.visit import Visit, to
from worker.language import N_, _, ngettext, number
from worker.ops.replay_choice import as_options
from worker.ops.replay_view import FORETOLD, NAMES, STATES, about, minutes
from worker.ops.replay_watch import held_back, not_asked, put_off
from worker.ops.shown import francs, safe
from worker.ops.switch_view import describe

LOOK_EVERY = 2
"""Seconds after which the page of a plan that goes on loads itself anew."""

HOW = {
    Upshot.SETTLED: "good",
    Upshot.CLOSED: "warn",
    Upshot.MISMATCH: "bad",
    Upshot.CONTRADICTION: "bad",
}


def plans(visit: Visit) -> Response:
    """One page of plans, the newest first."""
    place = place_of(visit, "/replays")
    with transaction(visit.tools.sessions) as step:
        page = look.list_plans(step.session, Paging(limit=ROWS, after=place.after))
    return visit.show(
        "plans.html", title=_("Replays"), page=page, place=place, state_of=state_of, filters_of=filters_of
    )


def plan(visit: Visit) -> Response:
    """One plan as far as it got."""
    found = _find(visit)
    every_item = visit.query.one("items") == "all" or found.state in (PlanState.READY, PlanState.DRAFTING)
    place = place_of(visit, f"/replays/{found.id}", items=visit.query.one("items"))
    with transaction(visit.tools.sessions) as step:
        pairs = look.pairs(step.session, found.id)
        questions = look.questions(step.session, found.id)
        paging = Paging(limit=ROWS, after=place.after, oldest_first=True)
        items = look.items(step.session, found.id, paging, differing=not every_item)
        at = look.progress(step.session, found.id)
    was_run = any(pair.actual for pair in pairs)
    is_under_way = found.state is PlanState.RUNNING or found.is_being_drafted
    goes_on = is_under_way and place.is_first and not visit.query.one("still")  # whoever types needs a page that stays
    return visit.show(
        "plan.html",
        title=_("Replay plan {id}").format(id=found.id),
        plan=found,
        state=state_of(found),
        filters=filters_of(found),
        at=at,
        word=_word(visit.tools, at) if found.state is PlanState.RUNNING else "",
        predictions=predictions_of(pairs),
        matrix=matrix_of(pairs) if was_run else None,
        predicted=sum(pair.predicted_amount for pair in pairs),
        sums=_sums(pairs),
        questions=_questions(questions, rate=visit.settings.ligdicash_rate),
        items=items,
        every_item=every_item,
        place=place,
        foretold=lambda upshot: _(FORETOLD.get(upshot, NAMES[upshot])),
        came=lambda upshot: _(NAMES[upshot]),
        how=lambda upshot: HOW.get(upshot, "quiet"),
        address_of=address_of,
        live=f"{LOOK_EVERY}; url={to(f'/replays/{found.id}', **{BY_ITSELF: 1})}" if goes_on else False,
    )


def run(visit: Visit) -> Response:
    """Run it as it was reviewed: with the hash of the page it was sent from, and once."""
    found = _find(visit)
    reason = visit.form.words("reason")
    if not found.hash or visit.form.one("hash") != found.hash:
        raise Conflict(_("plan {id} is not the one that was reviewed: look at it again").format(id=found.id))
    if found.is_expired:
        raise Conflict(_("plan {id} expired: make a new one").format(id=found.id))
    digest = bytes.fromhex(found.hash)
    started = start(visit.tools, found.id, digest=digest, author=visit.person, reason=reason)
    if started is Start.CHANGED:
        raise Conflict(_("the items of plan {id} are not those it was frozen with: make a new one").format(id=found.id))
    if started is Start.NOT_READY:
        now = _find(visit)
        told = _("Nothing was done: the plan is {state} already, by {who}.")
        who = safe(now.cancelled_by or now.run_by or now.author)
        return _back(found, visit, told.format(state=state_of(now), who=who), done=False)
    if visit.tools.queue.replay_soon(found.id):
        return _back(found, visit, _("The plan runs. This page shows how far it is."))
    return _back(found, visit, _("The plan runs. No broker takes messages, so the sweep works it off."))


def cancel(visit: Visit) -> Response:
    """End it: what is under way is finished, the rest never worked."""
    found = _find(visit)
    reason = visit.form.words("reason")
    with transaction(visit.tools.sessions) as step:
        done = work.cancel(step.session, found.id, author=visit.person, reason=reason)
    now = _find(visit)
    if not done:
        told = _("plan {id} is over already ({state}): there is nothing to cancel")
        return _back(found, visit, told.format(id=found.id, state=state_of(now)), done=False)
    told = _("plan {id} is cancelled: {done} of {items} items were worked")
    return _back(found, visit, told.format(id=found.id, done=f"{now.done:,}", items=f"{now.items:,}"))


def resume(visit: Visit) -> Response:
    """Go on with a draft that was cut short."""
    return gone_on(visit, _find(visit).id)


def again(visit: Visit) -> Response:
    """A new plan by the same filters: for one that expired, or was cancelled halfway."""
    found = _find(visit)
    return drafted(visit, from_words(found.filters), ask=bool(visit.form.one("ask")))


def state_of(found: PlanLine) -> str:
    """How far it got, in a word."""
    return _("expired") if found.is_expired else _(STATES[found.state])


def filters_of(found: PlanLine) -> str:
    """What it was chosen by, as the command takes it."""
    return safe(as_options(found.filters))


def _sums(pairs: Sequence[Pair]) -> str:
    """The money of both sides, and whether all came as predicted, in two sentences."""
    predicted, settled = (
        sum(each) for each in ((p.predicted_amount for p in pairs), (p.settled_amount for p in pairs))
    )
    differing = sum(pair.items for pair in pairs if pair.differs)
    money = _("predicted {predicted}, settled {settled}").format(predicted=francs(predicted), settled=francs(settled))
    came = _("all that was predicted and worked came as predicted")
    if differing:
        came = ngettext("{count} item came out otherwise", "{count} items came out otherwise", differing)
    return f"{_sentence(money)} {_sentence(came.format(count=number(differing)))}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _word(tools: Toolbox, at: look.Progress) -> str:
    """What holds a running plan up; empty while it gets on."""
    with transaction(tools.sessions) as step:
        stops = {line.switch: line for line in off_now(step.session)}
    if Switch.REPLAY in stops:
        return held_back(stops[Switch.REPLAY])
    if Switch.SETTLE in stops:
        return describe(stops[Switch.SETTLE])
    if why := not_asked(tools) or put_off(at):
        return why
    return "" if at.under_way else _("waiting for a worker to take it up")


def _questions(count: int, *, rate: float) -> str:
    if not count:
        return ""
    told = ngettext(
        "{count} question: about {alone} min when nothing else is asked, {busy} min at worst",
        "{count} questions: about {alone} min when nothing else is asked, {busy} min at worst",
        count,
    )
    alone, busy = minutes(count, rate=rate)
    return told.format(count=f"{count:,}", alone=about(alone), busy=about(busy))


def _back(found: PlanLine, visit: Visit, told: str, *, done: bool = True) -> Response:
    return visit.go_to(f"/replays/{found.id}", told=_sentence(told.rstrip(".")), done=done)


def _find(visit: Visit) -> PlanLine:
    number = visit.number("plan")
    with transaction(visit.tools.sessions) as step:
        found = look.find_plan(step.session, number)
    if found is None:
        raise NotFound(_("there is no plan {id}").format(id=number))
    return found


ROOM: Room = [
    Page("/replays", plans, nav=N_("Replays")),
    Page("/replays/{plan:int}", plan),
    Action("/replays/{plan:int}/run", run),
    Action("/replays/{plan:int}/cancel", cancel),
    Action("/replays/{plan:int}/resume", resume),
    Action("/replays/{plan:int}/again", again),
]
