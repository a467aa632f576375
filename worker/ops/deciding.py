"""Deciding a case for a person: ask the gateway first, the workers' own way, and only then go by the person's word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from models.case import CaseKind
from models.errors import Invalid, NotFound, Refused, TryAgain
from models.queries.cases import CaseFacts, Signature, find_cases
from models.queries.history import CheckLine
from models.queries.overrides import is_held_back
from models.queries.stops import StopLine, off_now
from models.session import transaction
from models.stop import Switch
from models.transaction import FOUND_OUT_MOVES, LEGAL_MOVES, Kind, Status
from tasks import cases
from tasks.toolbox import Toolbox
from worker.language import _
from worker.ops.asking import Inquiry, ask_patiently
from worker.ops.shown import francs


class End(StrEnum):
    """What came of wanting to end or decide one case."""

    ENDED = "ended"
    """Nothing but the case: no status was changed."""
    AGREED = "agreed"
    """The gateway's answer agrees, and did what answers do; then the case was ended."""
    OVERRIDDEN = "overridden"
    """The status was changed by hand."""
    DISAGREED = "disagreed"
    """The gateway does not say so. Nothing was changed."""
    OTHERWISE = "otherwise"
    """The gateway's answer moved it elsewhere. The case is as it was."""
    HELD_BACK = "held_back"
    """The gateway's answer would move it, and settling is switched off. Nothing was changed, also not by hand."""
    TOO_LATE = "too_late"
    """Somebody else was quicker, or the case ended by itself."""
    HELD_OPEN = "held_open"
    """It keeps an open invoice in view, so that it cannot just be ended."""
    FAILED = "failed"
    """It could not be tried: `unasked` says why. Others were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person says became of an invoice. `amount` is whole francs received; None for what is plain from the books."""

    status: Status
    amount: int | None
    override: bool
    by: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What came of it, with the case as it is now."""

    end: End
    case: CaseFacts
    check: CheckLine | None = None
    """The answer that was asked for."""
    unasked: str = ""
    """Why there was no fresh answer, in one sentence."""
    override_id: int | None = None
    stop: StopLine | None = None
    """Settling is switched off: answers are held back."""

    @property
    def is_done(self) -> bool:
        """Whether the person got what they wanted."""
        return self.end in (End.ENDED, End.AGREED, End.OVERRIDDEN)


def find(tools: Toolbox, ids: list[int], *, or_none: bool = False) -> list[CaseFacts]:
    """All of these cases, by id. Raises `NotFound` when one is unknown; with `or_none` it says that none was touched."""
    with transaction(tools.sessions) as step:
        found = find_cases(step.session, ids)
    known = {case.id for case in found}
    if unknown := [str(number) for number in sorted(set(ids) - known)]:
        told = _("there is no case {ids}; nothing was changed") if or_none else _("there is no case {ids}")
        raise NotFound(told.format(ids=", ".join(unknown)))
    return found


def end_plainly(tools: Toolbox, ids: list[int], by: Signature) -> list[Decision]:
    """End these cases and change nothing else. Raises `NotFound` when one is unknown: then none was ended."""
    find(tools, ids, or_none=True)
    ended = cases.end(tools, ids, by)
    return [
        Decision(end=End.ENDED if case.id in ended else _why_it_stays(case), case=case) for case in find(tools, ids)
    ]


def decide_all(tools: Toolbox, ids: list[int], wanted: Wanted) -> list[Decision]:
    """Decide each of these so, one after the other. Raises `NotFound` when one is unknown: then none was touched.

    What keeps one from being decided is told in its place, and raised where it is the only one.
    """
    find(tools, ids, or_none=True)
    return [_decide_one(tools, number, wanted, is_alone=len(ids) == 1) for number in ids]


def _decide_one(tools: Toolbox, number: int, wanted: Wanted, *, is_alone: bool) -> Decision:
    [case] = find(tools, [number])  # as it is by now: the one before may have been about the same invoice
    try:
        return decide(tools, case, wanted)
    except (Refused, TryAgain) as exc:
        if is_alone:
            raise
        return Decision(end=End.FAILED, case=case, unasked=str(exc))


def decide(tools: Toolbox, case: CaseFacts, wanted: Wanted) -> Decision:
    """Have one case decided so.

    1. Refuse what no answer and no override could do, before anybody is asked.
    2. Ask, unless the books say it already. An answer that agrees settles, or closes, by evidence like any other.
    3. Stop where the gateway's last word would move it and a stop holds it back: by hand it would be settled on a name where
       there is evidence, or closed against it.
    4. Otherwise change it by hand, if `override` is wanted, and only from the status that the person saw.

    Raises `Invalid`, and `TryAgain` when no question can go out and nothing else is wanted.
    """
    if case.resolved_at is not None:
        return Decision(end=End.TOO_LATE, case=case)
    _refuse_the_impossible(case, wanted)
    if case.status is wanted.status:
        return _end_agreed(tools, case, wanted, since=case.now, told=Decision(end=End.ENDED, case=case))
    inquiry, unasked = _ask(tools, case, wanted)
    [now] = find(tools, [case.id])
    check = inquiry.check if inquiry else None
    stop, is_held = _look_for_a_stop(tools, now)
    told = Decision(end=End.DISAGREED, case=now, check=check, unasked=unasked, stop=stop)
    if now.status is wanted.status:
        return _end_agreed(tools, now, wanted, since=case.now, told=told)
    if now.status is not case.status:
        # A person who was quicker is named; an answer that moved it elsewhere leaves the case open.
        return replace(told, end=End.TOO_LATE if now.resolved_by else End.OTHERWISE)
    if is_held:
        return replace(told, end=End.HELD_BACK)
    return _override(tools, now, wanted, told=told) if wanted.override else told


def _ask(tools: Toolbox, case: CaseFacts, wanted: Wanted) -> tuple[Inquiry | None, str]:
    """The answer, or why there is none."""
    if not case.has_token or case.transaction_id is None:
        return None, _("it has no token to ask with")
    try:
        inquiry = ask_patiently(tools, case.transaction_id)
    except TryAgain as exc:
        if not wanted.override:
            raise
        return None, str(exc)
    return inquiry, inquiry.why_not


def _look_for_a_stop(tools: Toolbox, case: CaseFacts) -> tuple[StopLine | None, bool]:
    """The stop of settling, and whether it holds back what the gateway said last."""
    with transaction(tools.sessions) as step:
        stop = next((one for one in off_now(step.session) if one.switch is Switch.SETTLE), None)
        pk = case.transaction_pk
        return stop, stop is not None and pk is not None and is_held_back(step.session, pk)


def _end_agreed(tools: Toolbox, case: CaseFacts, wanted: Wanted, *, since: datetime, told: Decision) -> Decision:
    """The books say by now what the person says: end the case with their words, also if the answer itself ended it."""
    if wanted.amount is not None and case.settled_amount not in (None, wanted.amount):
        raise Invalid(
            _(
                "{transaction} is settled over {settled}, not over {amount}, and a settlement is final: the case stays open"
            ).format(
                transaction=case.transaction_id, settled=francs(case.settled_amount or 0), amount=francs(wanted.amount)
            )
        )
    ended = cases.end(tools, [case.id], wanted.by, since=since)
    [now] = find(tools, [case.id])
    done = End.ENDED if told.end is End.ENDED else End.AGREED
    return replace(told, end=done if ended else End.TOO_LATE, case=now)


def _override(tools: Toolbox, case: CaseFacts, wanted: Wanted, *, told: Decision) -> Decision:
    amount = _received(case, wanted, told.check) if wanted.status is Status.COMPLETED else 0
    made = cases.override(tools, cases.ByHand(case=case, new=wanted.status, amount=amount), wanted.by)
    [now] = find(tools, [case.id])
    end = End.TOO_LATE if made is None else End.OVERRIDDEN
    return replace(told, end=end, case=now, override_id=made)


def _received(case: CaseFacts, wanted: Wanted, check: CheckLine | None) -> int:
    """How much a person says came in, or went out. Whoever leaves it out means our amount, unless the gateway names another."""
    ours = case.amount or 0
    if wanted.amount is not None:
        return wanted.amount
    said = check.amount if check is not None and check.said.value == "completed" else None
    said = said or (case.said_amount if case.said == "completed" else None)
    if said not in (None, ours):
        asked = _(
            "the gateway says that {theirs} were paid, and the invoice is over {ours}: say with --amount what was"
            " really received"
        )
        if case.about is Kind.PAYOUT:
            asked = _(
                "the gateway says that {theirs} went out, and the payout is over {ours}: say with --amount what really"
                " went out"
            )
        raise Invalid(asked.format(theirs=francs(said or 0), ours=francs(ours)))
    return ours


def _why_it_stays(case: CaseFacts) -> End:
    return End.HELD_OPEN if case.resolved_at is None and case.is_held_open else End.TOO_LATE


def _refuse_the_impossible(case: CaseFacts, wanted: Wanted) -> None:
    if case.status is None:
        raise Invalid(_("case {id} is about no invoice or payout: end it without --as").format(id=case.id))
    is_held = case.kind is CaseKind.APPROVAL and case.status is Status.CREATED
    if not is_held and (case.status is wanted.status or (case.status, wanted.status) in moves_of(case)):
        return
    if is_held:
        raise Invalid(
            _("{transaction} waits for approval: `reconciler payouts approve` or `reconciler payouts reject`").format(
                transaction=case.transaction_id
            )
        )
    told = _impossible_payout(case) if case.about is Kind.PAYOUT else _impossible(case.status)
    raise Invalid(told.format(transaction=case.transaction_id, status=case.status.value))


def moves_of(case: CaseFacts) -> frozenset[tuple[Status, Status]]:
    """What may be made of it by hand. A payout that was sent is not called refused: its order could be sent again."""
    if case.about is Kind.PAYOUT and case.sent_at is not None:
        return FOUND_OUT_MOVES - {(Status.CREATED, Status.REFUSED)}
    return FOUND_OUT_MOVES if case.has_no_page else LEGAL_MOVES


def _impossible_payout(case: CaseFacts) -> str:
    """Of money that goes out, and no more of it than the books know."""
    match case.status:
        case Status.COMPLETED:
            return _(
                "{transaction} is completed, and what is settled stays settled: correct it outside these books, and end the"
                " case without --as"
            )
        case Status.PENDING:
            return _("{transaction} is pending, so the gateway took it: --as completed or --as notcompleted")
        case Status.CREATED if case.sent_at is not None:
            return _("{transaction} was sent, and the money may have gone out: --as completed or --as notcompleted")
        case Status.CREATED:
            return _(
                "{transaction} was not sent, so no money went out: send its order again, or take it back with `reconciler payouts"
                " reject` where it waits"
            )
        case Status.REFUSED | Status.NOTCOMPLETED | None:
            return _impossible(case.status or Status.REFUSED)


def _impossible(status: Status) -> str:
    reasons: dict[Status, Callable[[], str]] = {
        Status.COMPLETED: lambda: _(
            "{transaction} is completed, and what is settled stays settled: refund outside these books, and end the case"
            " without --as"
        ),
        Status.NOTCOMPLETED: lambda: _(
            "{transaction} is notcompleted: it can become completed, or stay so; end the case without --as"
        ),
        Status.PENDING: lambda: _(
            "{transaction} is pending, so the gateway did create it: --as completed or --as notcompleted"
        ),
        Status.CREATED: lambda: _(
            "{transaction} has no token to ask with, and nobody can have paid it, for its page was never shown: --as refused"
            " closes it"
        ),
        Status.REFUSED: lambda: _("{transaction} was refused by the gateway: end the case without --as"),
    }
    return reasons[status]()
