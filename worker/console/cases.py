"""Cases: what a person must look at, the evidence of both sides, and ending or deciding one with a name and a reason."""

from __future__ import annotations

from starlette.responses import Response

from models.case import CALLBACK_KINDS, CaseKind
from models.errors import Invalid
from models.queries.browse import Paging
from models.queries.cases import CaseFacts, Signature, list_cases, most_urgent, total_open
from models.queries.history import find_history
from models.session import transaction
from models.transaction import Status
from tasks.payouts import approve as approve_payout
from tasks.payouts import reject as reject_payout
from worker.console.lists import ROWS, place_of
from worker.console.rooms import Action, Page, Room
from worker.console.transactions import address_of
from worker.console.visit import Visit
from worker.language import N_, _
from worker.ops.case_actions import action_for, commands_for
from worker.ops.case_list_view import about, to_do
from worker.ops.case_story import story
from worker.ops.case_view import facts_of, standing_of
from worker.ops.deciding import Decision, End, Wanted, decide, end_plainly, find, moves_of
from worker.ops.deciding_view import outcome_of
from worker.ops.shown import francs, safe
from worker.ops.timeline import describe, gathered, timeline

RECENT = 10
"""Moments of the invoice's history that stand beside its case."""

BECAME = {
    Status.COMPLETED: N_("completed: the money moved"),
    Status.NOTCOMPLETED: N_("notcompleted: no money moved"),
    Status.REFUSED: N_("refused: it never came into being at the gateway"),
}


def cases(visit: Visit) -> Response:
    """Open ones: about money first, the oldest day first, and of one day the largest sum. Or one kind, or also the ended."""
    name = visit.query.one("kind")
    kind = CaseKind(name) if name in set(CaseKind) else None
    also_ended = visit.query.one("all") == "1"
    kinds = [kind] if kind else [one for one in CaseKind if also_ended or one not in CALLBACK_KINDS]
    place = place_of(visit, "/cases", kind=kind.value if kind else "", all="1" if also_ended else "")
    paging = Paging(limit=ROWS, after=place.after)
    with transaction(visit.tools.sessions) as step:
        totals = total_open(step.session)
        if also_ended or kind in CALLBACK_KINDS:
            page = list_cases(step.session, paging, kinds=kinds, ended=also_ended)
        else:
            page = most_urgent(step.session, paging, kinds=kinds)
    return visit.show(
        "cases.html",
        title=_("Cases"),
        totals=totals,
        callback_kinds=CALLBACK_KINDS,
        kind=kind,
        also_ended=also_ended,
        page=page,
        place=place,
        about=about,
        to_do=to_do,
        address_of=address_of,
    )


def case(visit: Visit) -> Response:
    """One: what happened, what each side says, and what can be done about it."""
    [found] = find(visit.tools, [visit.number("case")])
    history = None
    if found.transaction_id:
        with transaction(visit.tools.sessions) as step:
            history = find_history(step.session, found.transaction_id)
    moments = list(gathered(timeline(history))) if history else []
    is_held = found.kind is CaseKind.APPROVAL and found.status is Status.CREATED
    return visit.show(
        "case.html",
        title=_("Case {id}").format(id=found.id),
        case=found,
        standing=standing_of(found),
        story=story(found),
        facts=[(name, value) for name, value in facts_of(found, history) if value],
        moments=moments[-RECENT:],
        earlier=max(0, len(moments) - RECENT),
        what=_(action_for(found).what),
        commands=commands_for(found),
        is_held=is_held,
        choices=[] if is_held else _choices(found),
        received=_received(found),
        address_of=address_of,
    )


def end(visit: Visit) -> Response:
    """End it and change nothing else."""
    number = visit.number("case")
    [decision] = end_plainly(visit.tools, [number], _by(visit))
    return _told(visit, decision)


def settle(visit: Visit) -> Response:
    """Say what became of its transaction. The gateway is asked first; against its answer only in one's own name."""
    [found] = find(visit.tools, [visit.number("case")])
    name = visit.form.one("became")
    if name not in {status.value for status in BECAME}:
        raise Invalid(_("say what became of it"))
    status = Status(name)
    override = bool(visit.form.one("override"))
    if override and visit.form.one("confirm") != str(found.id):
        raise Invalid(_("to change it by hand, type the number of the case; nothing was done"))
    amount = visit.form.whole("amount", least=1) if status is Status.COMPLETED else None
    wanted = Wanted(status=status, amount=amount, override=override, by=_by(visit))
    return _told(visit, decide(visit.tools, found, wanted))


def approve(visit: Visit) -> Response:
    """Let a payout go, and send it, once."""
    [found] = find(visit.tools, [visit.number("case")])
    booked = approve_payout(visit.tools, _held(found), _by(visit))
    return visit.go_to(
        f"/cases/{found.id}",
        told=_("{transaction} is approved and was handed to the gateway: {amount}.").format(
            transaction=safe(booked.payout.transaction_id), amount=francs(booked.payout.amount)
        ),
    )


def reject(visit: Visit) -> Response:
    """Close a payout that waits: it is not sent."""
    [found] = find(visit.tools, [visit.number("case")])
    payout = reject_payout(visit.tools, _held(found), _by(visit))
    told = _("{transaction} is rejected, and is not sent.").format(transaction=safe(payout.transaction_id))
    return visit.go_to(f"/cases/{found.id}", told=told)


def _held(found: CaseFacts) -> str:
    """The payout of a case about an approval."""
    if found.kind is not CaseKind.APPROVAL or found.transaction_id is None:
        raise Invalid(_("case {id} is about no payout that waits for approval").format(id=found.id))
    return found.transaction_id


def _by(visit: Visit) -> Signature:
    return Signature(author=visit.person, reason=visit.form.words("reason"))


def _told(visit: Visit, decision: Decision) -> Response:
    """Back to the case, which says what came of it."""
    lines = []
    if decision.check is not None:
        lines.append(_("the gateway says: {answer}").format(answer=describe(decision.check)))
    elif decision.unasked:
        lines.append(_("not asked: {why}").format(why=safe(decision.unasked)))
    outcome = _disagreed() if decision.end is End.DISAGREED else safe(outcome_of(decision))
    lines.append(_("case {id}: {outcome}").format(id=decision.case.id, outcome=outcome))
    sentence = "".join(f"{line[:1].upper()}{line[1:]}. " for line in lines).strip()
    return visit.go_to(f"/cases/{decision.case.id}", told=sentence, done=decision.is_done)


def _disagreed() -> str:
    return _("nothing was changed: the gateway does not say so. By hand it goes in your name, with the box below")


def _choices(found: CaseFacts) -> list[tuple[str, str]]:
    """What may have become of its transaction, as far as the books allow it."""
    if found.status is None or found.resolved_at is not None:
        return []
    return [(new.value, _(words)) for new, words in BECAME.items() if (found.status, new) in moves_of(found)]


def _received(found: CaseFacts) -> int | None:
    return found.said_amount if found.said == "completed" and found.said_amount else found.amount


ROOM: Room = [
    Page("/cases", cases, nav=N_("Cases")),
    Page("/cases/{case:int}", case),
    Action("/cases/{case:int}/end", end),
    Action("/cases/{case:int}/settle", settle),
    Action("/cases/{case:int}/approve", approve),
    Action("/cases/{case:int}/reject", reject),
]
