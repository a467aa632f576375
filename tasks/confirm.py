"""Ask the gateway about a batch of transactions, and have each answer recorded.

Does not decide: `models.decisions` does. Does not retry: every row it touches is due again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from contextlib import closing
from datetime import timedelta

import structlog
from celery import shared_task

from config import policy
from models import trace
from models.answers import Said
from models.check import Lane
from models.errors import TryAgain
from models.queries import ask as asking
from models.queries.ask import Question
from models.session import transaction
from tasks.job import Job
from tasks.meter import Why
from tasks.record import Answered, record
from tasks.round import Round
from tasks.strangers import by_account, set_aside, strangers
from tasks.toolbox import Account, Breaker, Heard, Held, Leave, Toolbox

log = structlog.get_logger()

SPACING = timedelta(seconds=policy.SPACING)

ANYWAY = (Lane.PERSON, Lane.REPLAY, Lane.AUDIT)
"""Lanes in which somebody wants to know, also about what is final or parked."""

TELL_EVERY = 1.0
"""Seconds after which the breaker hears of answers, too: others may be counting silences meanwhile."""


def confirm(tools: Toolbox, transaction_ids: Sequence[int], *, lane: Lane) -> int:
    """Ask about those of these that may be asked about now; how many answers were recorded.

    1. Take the locks that are free: whoever holds one is asking already, and sees the mark a callback leaves in the row.
    2. Ask the breaker: while it is open nothing goes out, and the rows are put off.
    3. Begin: a conditional update gives leave to ask and keeps the spacing, whatever became of the locks.
    4. Ask, many at once and each in its turn by the budget, with no transaction open; record each handful of answers as
       it comes, so that one slow answer keeps nobody else waiting. What got no turn is put off, uncounted.

    One account is asked at a time: those of others are rung for, and asked here only where nobody takes the message.
    Raises `TryAgain` for a person whose question cannot go out now, and `Invalid` when its account is not set up.
    """
    ours, *others = by_account(tools, transaction_ids)
    not_rung_for = [(name, ids) for name, ids in others if not tools.queue.ask_soon(ids, lane=lane)]
    return sum(_confirm(tools, name, ids, lane=lane) for name, ids in (ours, *not_rung_for))


def _confirm(tools: Toolbox, name: str, ids: Sequence[int], *, lane: Lane) -> int:
    account = tools.accounts.find(name)
    if account is None:
        set_aside(tools, {name: ids}, lane=lane)
        return 0
    held = tools.locks.take(sorted(set(ids)))
    try:
        recorded = _work(tools, account, held, lane=lane) if held.ids else 0
    finally:
        held.release(held.ids)
    log.info("asked", account=name, lane=lane.value, given=len(ids), held=len(held.ids), recorded=recorded)
    return recorded


def _work(tools: Toolbox, account: Account, held: Held, *, lane: Lane) -> int:
    leave = account.breaker.leave(len(held.ids))
    if leave.wait:
        _put_off(tools, account, held.ids, leave=leave, lane=lane)
        return 0
    ear = Ear(account.breaker, probe=leave.probe)
    recorded = 0
    try:
        questions, began = _begin(tools, account, sorted(held.ids), lane=lane, is_probe=bool(leave.probe))
        out = Round(tools, account, lane=lane, began=began)
        with closing(out.ask(questions)) as handfuls:
            for handful in handfuls:
                out.stop(ear.hear(handful))
                tools.meter.answered(account.name, lane, [answered.answer for answered in handful])
                record(tools, handful, lane=lane)
                held.release([answered.question.transaction_pk for answered in handful])
                recorded += len(handful)
    finally:
        ear.tell()
    if out.unasked:
        why = Why.BREAKER if out.is_stopped else Why.BUDGET
        tools.meter.put_off(account.name, lane, why=why, count=len(out.unasked))
    if out.unasked and lane is Lane.PERSON:
        raise TryAgain("there was no turn for this question: the call budget is used up; try again in a few seconds")
    return recorded


def _put_off(tools: Toolbox, account: Account, ids: Collection[int], *, leave: Leave, lane: Lane) -> None:
    if lane is Lane.PERSON:
        raise TryAgain(leave.why)
    with transaction(tools.sessions) as step:
        spread = timedelta(seconds=policy.PUT_OFF_SPREAD)
        asking.put_off(step.session, ids, wait=timedelta(seconds=leave.wait), spread=spread)
    tools.meter.put_off(account.name, lane, why=Why.BREAKER, count=len(ids))
    log.info(
        "questions_put_off",
        lane=lane.value,
        reason=leave.why,
        trace=trace.of_all(map(trace.of_transaction, sorted(ids))),
    )


def _begin(
    tools: Toolbox, account: Account, ids: Sequence[int], *, lane: Lane, is_probe: bool
) -> tuple[list[Question], float]:
    """Leave to ask about these, and when it was given; as a probe about one of them, and the others come after it.

    What a callback names is the probe only if it is trusted: anybody can send one, again and again, about a payment that
    alone is in trouble. The sweep takes each in its turn.
    """
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.lease)
        questions = asking.begin_questions(
            step.session,
            ids,
            spacing=SPACING,
            lease=lease,
            young=policy.TOKEN_IS_YOUNG,
            anyway=lane in ANYWAY,
        )
        began = time.monotonic()  # before the commit: what that takes is part of the wait until a question goes out
        if foreign := [q for q in questions if q.account != account.name]:
            strangers(tools, step.session, foreign, lane=lane)
            questions = [q for q in questions if q.account == account.name]
        if is_probe:
            probe = [q for q in questions if q.is_trusted or lane is not Lane.CALLBACK][:1]
            others = [q for q in questions if q not in probe]
            asking.give_back(step.session, others, spread=timedelta(seconds=policy.PUT_OFF_SPREAD))
            questions = probe
    return questions, began


class Ear:
    """Tells the breaker what was heard: trouble at once, answers now and then, and at the end whatever is left."""

    def __init__(self, breaker: Breaker, *, probe: str) -> None:
        self._breaker = breaker
        self._probe = probe
        self._untold: list[Answered] = []
        self._told_at = time.monotonic()
        self._pause = 0.0

    def hear(self, handful: Sequence[Answered]) -> float:
        """Take these in; seconds for which nothing more may be asked."""
        self._untold += handful
        is_time = time.monotonic() - self._told_at > TELL_EVERY
        if is_time or not all(a.answer.said.is_an_answer for a in self._untold):
            self._pause = self.tell()
        return self._pause  # what the breaker said last holds until it is told again

    def tell(self) -> float:
        """Tell it all now. A probe that asked nothing is handed back."""
        if not self._untold and not self._probe:
            return 0.0
        pause = self._breaker.report(_heard(self._untold), probe=self._probe)
        self._untold, self._probe, self._told_at = [], "", time.monotonic()
        return pause


def _heard(answered: Sequence[Answered]) -> Heard:
    """What it says about the gateway. A refusal that may be about the payment alone says nothing."""
    refusals = [a.answer for a in answered if a.answer.said is Said.REFUSED and a.question.is_trusted]
    silences = [a.answer for a in answered if a.answer.said is Said.SILENCE]
    trouble = (refusals or silences)[-1:]
    return Heard(
        answers=sum(a.answer.said.is_an_answer for a in answered),
        silences=len(silences),
        refusals=len(refusals),
        reason=trouble[0].trouble or trouble[0].text if trouble else "",
    )


@shared_task(bind=True, base=Job, name="reconciler.ask")
def ask(self: Job, transaction_ids: list[int], lane: str) -> None:
    """Message: it is time to ask about these."""
    confirm(self.tools, transaction_ids, lane=Lane(lane))
