"""Draft a replay plan: choose its items, say of each what would happen, and freeze it. Nothing moves by it.

The books alone can say what is unreadable, unmatched or told already. Of the rest only the gateway knows, and is asked where
that is wanted: in the replay lane, with the spacing kept, and its answers are used for the prediction and not recorded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import structlog

from config import policy
from models.answers import CallbackContent
from models.callback import Outcome
from models.check import Lane
from models.errors import Conflict, NotFound
from models.foresight import foresee
from models.queries.ask import Question
from models.queries.receive import refuse_erased
from models.queries.replay import aside, choice, draft, look
from models.queries.replay.choice import CallbackChoice, Choice, ChosenCallback, TransactionChoice
from models.queries.replay.draft import Draft, Foretold, NewItem
from models.replay import Upshot
from models.session import transaction
from models.transaction import Status
from tasks.confirm import SPACING, Ear
from tasks.intake import Sorted, content_of, sort_all
from tasks.record import Answered
from tasks.round import Round
from tasks.strangers import by_account
from tasks.toolbox import Account, Toolbox

log = structlog.get_logger()

PAUSE = 0.2
"""Seconds between two looks for a turn."""

RENEW_EVERY = policy.DRAFT_LEASE.total_seconds() / 4
"""Seconds after which somebody who waits for a turn says that they are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """Progress: so many rows looked at and items chosen; of `to_ask` transactions `asked` were asked about. `why` it waits."""

    plan_id: int
    looked: int = 0
    items: int = 0
    to_ask: int = 0
    asked: int = 0
    why: str = ""


Told = Callable[[Drafted], object]


def draft_plan(tools: Toolbox, wanted: Choice, *, author: str, ask: bool, life: timedelta, told: Told) -> int:
    """Make a plan and finish drafting it; its id. One that chose nothing ends as cancelled. `told` is called with the progress, first once the plan exists.

    Raises `NotFound` for ids nobody knows, and `Conflict` for a callback that was erased, before there is a plan. A draft that is cut short waits for `go_on`.
    """
    with transaction(tools.sessions) as step:
        if unknown := choice.unknown(step.session, wanted):
            raise NotFound(f"there is no such thing as {', '.join(unknown)}; no plan was made")
        if isinstance(wanted, CallbackChoice):
            refuse_erased(step.session, wanted.ids)
        begun = draft.begin(step.session, wanted, author=author, asked=ask, life=life, lease=policy.DRAFT_LEASE)
    return _finish(tools, begun, told)


def go_on(tools: Toolbox, plan_id: int, *, told: Told) -> int:
    """Finish a draft that was cut short, from where it got. Raises `NotFound`, or `Conflict` when it is nobody's to finish."""
    with transaction(tools.sessions) as step:
        begun = draft.take_up(step.session, plan_id, lease=policy.DRAFT_LEASE)
        plan = look.find_plan(step.session, plan_id)
    if plan is None:
        raise NotFound(f"there is no plan {plan_id}")
    if begun is None:
        why = "somebody is drafting it right now" if plan.is_being_drafted else f"it is {plan.state.value}"
        raise Conflict(f"plan {plan_id} cannot be drafted on: {why}")
    return _finish(tools, begun, told)


def _finish(tools: Toolbox, mine: Draft, told: Told) -> int:
    told(Drafted(plan_id=mine.plan_id, items=mine.items))
    mine = _choose(tools, mine, told)
    if mine.asked:
        mine = _Asking(tools, told).ask(mine)
    if not mine.items:
        with transaction(tools.sessions) as step:
            draft.drop(step.session, mine)
        return mine.plan_id
    with transaction(tools.sessions) as step:
        digest = draft.digest_of(step.session, mine.plan_id)
        draft.freeze(step.session, mine, digest)
    log.info("plan_drafted", plan_id=mine.plan_id, items=mine.items, asked=mine.asked)
    return mine.plan_id


def _choose(tools: Toolbox, mine: Draft, told: Told) -> Draft:
    """Slice by slice, each in a transaction that also says how far it got."""
    looked = 0
    while not mine.is_chosen:
        step_of = _choose_callbacks if isinstance(mine.choice, CallbackChoice) else _choose_transactions
        mine, rows = step_of(tools, mine)
        looked += rows
        told(Drafted(plan_id=mine.plan_id, looked=looked, items=mine.items))
    return mine


def _choose_transactions(tools: Toolbox, mine: Draft) -> tuple[Draft, int]:
    if not isinstance(mine.choice, TransactionChoice):
        raise TypeError(mine.choice)
    with transaction(tools.sessions) as step:
        added = choice.add_transactions(
            step.session,
            mine.choice,
            plan_id=mine.plan_id,
            drafted_at=mine.drafted_at,
            items=mine.items,
            after=mine.drafted_to,
            size=policy.DRAFT_SLICE,
        )
        mine = draft.advance(step.session, mine, items=added.items, to=added.upto, lease=policy.DRAFT_LEASE)
    return mine, added.looked


def _choose_callbacks(tools: Toolbox, mine: Draft) -> tuple[Draft, int]:
    if not isinstance(mine.choice, CallbackChoice):
        raise TypeError(mine.choice)
    with transaction(tools.sessions) as step:
        rows = choice.callbacks(
            step.session,
            mine.choice,
            drafted_at=mine.drafted_at,
            deadline=policy.CALLBACK_DEADLINE,
            after=mine.drafted_to,
            size=policy.DRAFT_SLICE,
        )
        contents = {one.callback.id: content_of(tools.wire, one.callback) for one in rows.chosen}
        wanted = _of_operator(rows.chosen, contents, mine.choice.operator.casefold())
        done = sort_all(step.session, [one.callback for one in wanted], contents)
        draft.add_items(step.session, mine, [_new_item(one) for one in done])
        mine = draft.advance(step.session, mine, items=len(done), to=rows.upto, lease=policy.DRAFT_LEASE)
    return mine, rows.looked


def _of_operator(
    chosen: Sequence[ChosenCallback], contents: Mapping[int, CallbackContent | str], operator: str
) -> list[ChosenCallback]:
    """Those of this operator, by the transaction or, failing that, by what the callback claims; all without an operator."""

    def fits(one: ChosenCallback) -> bool:
        content = contents[one.callback.id]
        claimed = (content.operator_id, content.operator_name) if isinstance(content, CallbackContent) else ()
        return operator in {*one.operators, *(name.casefold() for name in claimed)}

    return [one for one in chosen if not operator or fits(one)]


def _new_item(one: Sorted) -> NewItem:
    finding = one.finding
    prediction = by_the_books(one) or Upshot.TO_ASK
    return NewItem(callback_id=finding.callback_id, transaction_pk=finding.transaction_pk, prediction=prediction)


def by_the_books(one: Sorted) -> Upshot | None:
    """What reading this callback alone comes to; None where only the gateway knows."""
    if one.finding.outcome is Outcome.UNREADABLE:
        return Upshot.UNREADABLE
    if one.about is None:
        return Upshot.UNMATCHED
    if one.about.status in (Status.CREATED, Status.REFUSED):
        return Upshot.UNASKABLE
    return Upshot.NOTHING_NEW if one.claims is None else None


class _Asking:
    """Asks about everything of a draft of which only the gateway knows, page by page, in up to so many rounds."""

    def __init__(self, tools: Toolbox, told: Told) -> None:
        self._tools = tools
        self._told = told
        self._asked = 0
        self._to_ask = 0

    def ask(self, mine: Draft) -> Draft:
        """All of it; what has no answer at the end stays open."""
        for turn in range(policy.DRAFT_ROUNDS):
            with transaction(self._tools.sessions) as step:
                left = draft.count_to_ask(step.session, mine.plan_id)
            if not left:
                break
            self._to_ask = self._to_ask or left
            if turn:
                time.sleep(policy.SPACING)
            mine = self._round(mine)
        return mine

    def _round(self, mine: Draft) -> Draft:
        after = 0
        while True:
            mine, limit = self._wait_for_turns(mine)
            with transaction(self._tools.sessions) as step:
                page = draft.to_ask(step.session, mine, after=after, limit=limit)
            if not page:
                return mine
            heard = ask_aside(self._tools, sorted({pk for _, pk in page}))
            with transaction(self._tools.sessions) as step:
                draft.foretell(step.session, mine, heard)
                mine = draft.advance(step.session, mine, to=None, lease=policy.DRAFT_LEASE)
            after = page[-1][0]
            self._asked += len(heard)
            self._tell(mine)

    def _wait_for_turns(self, mine: Draft) -> tuple[Draft, int]:
        """How many may be asked about now, at least one; until then, say from time to time that we are there."""
        renewed_at = time.monotonic()
        while not (limit := min(policy.REPLAY_BATCH, questions_to_ask(self._tools))):
            is_open = any(one.breaker.room() is not None for one in self._tools.all_accounts)
            self._tell(mine, why="the breaker is open: the gateway refuses us or is silent" if is_open else "")
            if time.monotonic() - renewed_at > RENEW_EVERY:
                with transaction(self._tools.sessions) as step:
                    mine = draft.advance(step.session, mine, to=None, lease=policy.DRAFT_LEASE)
                renewed_at = time.monotonic()
            time.sleep(PAUSE)
        return mine, limit

    def _tell(self, mine: Draft, *, why: str = "") -> None:
        to_ask = max(self._to_ask, self._asked)
        self._told(Drafted(plan_id=mine.plan_id, items=mine.items, to_ask=to_ask, asked=self._asked, why=why))


def questions_to_ask(tools: Toolbox) -> int:
    """How many questions a replay may bring about now, of all accounts together.

    Of each what the budget has for it, and one at most while a probe is due.
    """
    return sum(account.questions(Lane.REPLAY) for account in tools.all_accounts)


def ask_aside(tools: Toolbox, ids: Sequence[int]) -> dict[int, Foretold]:
    """What the gateway says about these, as far as it may be asked and answers; nothing is recorded, nothing moves.

    The same locks, spacing, budget and breaker as for every question; only the row's spacing is written.
    """
    told: dict[int, Foretold] = {}
    for name, ours in by_account(tools, ids):
        if account := tools.accounts.find(name):
            told |= _ask_account_aside(tools, account, ours)
    return told


def _ask_account_aside(tools: Toolbox, account: Account, ids: Sequence[int]) -> dict[int, Foretold]:
    held = tools.locks.take(ids)
    try:
        answers = _ask_aside(tools, account, sorted(held.ids)) if held.ids else []
        with transaction(tools.sessions) as step:
            aside.end_aside(step.session, {one.question.transaction_pk: one.over_at for one in answers})
    finally:
        held.release(held.ids)
    with transaction(tools.sessions) as step:
        books = aside.books_of(step.session, [one.question.transaction_pk for one in answers])
    told: dict[int, Foretold] = {}
    for one in answers:
        ours = books[one.question.transaction_pk]
        upshot = foresee(ours, one.answer, asked_at=one.question.asked_at)
        if upshot is not Upshot.TO_ASK:
            amount = ours.amount if upshot is Upshot.SETTLED else 0
            told[one.question.transaction_pk] = Foretold(upshot=upshot, amount=amount)
    return told


def _ask_aside(tools: Toolbox, account: Account, ids: Sequence[int]) -> list[Answered]:
    leave = account.breaker.leave(len(ids))
    if leave.wait:
        return []
    ear = Ear(account.breaker, probe=leave.probe)
    answers: list[Answered] = []
    try:
        questions, began = _begin_aside(tools, account, ids, is_probe=bool(leave.probe))
        out = Round(tools, account, lane=Lane.REPLAY, began=began, aside=True)
        with closing(out.ask(questions)) as handfuls:
            for handful in handfuls:
                out.stop(ear.hear(handful))
                answers += handful
    finally:
        ear.tell()
    return answers


def _begin_aside(
    tools: Toolbox, account: Account, ids: Sequence[int], *, is_probe: bool
) -> tuple[list[Question], float]:
    with transaction(tools.sessions) as step:
        questions = aside.begin_aside(step.session, ids, spacing=SPACING, young=policy.TOKEN_IS_YOUNG)
        began = time.monotonic()  # before the commit: what that takes is part of the wait until a question goes out
        foreign = [question for question in questions if question.account != account.name]
        questions = [question for question in questions if question.account == account.name]
        aside.give_back_aside(step.session, [*foreign, *questions[1:]] if is_probe else foreign)
        if is_probe:
            del questions[1:]
    return questions, began
