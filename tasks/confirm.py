"""Ask the gateway about a batch of transactions, and have each answer recorded.

Does not decide: `models.decisions` does. Does not retry: every row it touches is due again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import structlog
from celery import shared_task

from config import policy
from models.check import Lane
from models.queries import ask as asking
from models.queries.ask import Question
from models.session import transaction
from tasks.job import Job
from tasks.record import Answered, record
from tasks.toolbox import Toolbox

log = structlog.get_logger()

SPACING = timedelta(seconds=policy.SPACING)

ANYWAY = (Lane.PERSON, Lane.REPLAY)
"""Lanes in which somebody wants to know, also about what is final or parked."""


def confirm(tools: Toolbox, transaction_ids: Sequence[int], *, lane: Lane) -> int:
    """Ask about those of these that may be asked about now; how many answers were recorded.

    1. Take the locks that are free: whoever holds one is asking already, and sees the mark a callback leaves in the row.
    2. Begin: a conditional update gives leave to ask and keeps the spacing, whatever became of the locks.
    3. Ask, many at once, with no transaction open; record each handful of answers as it comes, so that one slow
       answer keeps nobody else waiting.
    """
    held = tools.locks.take(sorted(set(transaction_ids)))
    try:
        questions = _begin(tools, sorted(held.ids), anyway=lane in ANYWAY)
        recorded = 0
        with closing(_ask(tools, questions)) as handfuls:
            for handful in handfuls:
                record(tools, handful, lane=lane)
                held.release([answered.question.transaction_pk for answered in handful])
                recorded += len(handful)
    finally:
        held.release(held.ids)
    log.info("asked", lane=lane.value, given=len(transaction_ids), held=len(held.ids), recorded=recorded)
    return recorded


def _begin(tools: Toolbox, ids: Sequence[int], *, anyway: bool) -> list[Question]:
    if not ids:
        return []
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.lease)
        return asking.begin_questions(step.session, ids, spacing=SPACING, lease=lease, anyway=anyway)


def _ask(tools: Toolbox, questions: Sequence[Question]) -> Generator[list[Answered]]:
    """Yield answers by handfuls: all that came while the last handful was being recorded."""
    started = time.monotonic()
    waiting = {tools.asking.submit(_question, tools, question, started): question for question in questions}
    unasked: list[Question] = []
    try:
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            handful = []
            for future in done:
                question = waiting.pop(future)
                if error := future.exception():  # a bug of ours: this one is due again by its lease, the others go on
                    log.error("question_failed", transaction_pk=question.transaction_pk, exc_info=error)
                elif answered := future.result():
                    handful.append(answered)
                else:
                    unasked.append(question)
            if handful:
                yield handful
    finally:
        for future in waiting:  # nobody will record these: what has not gone out yet must not
            future.cancel()
    if unasked:
        with transaction(tools.sessions) as step:
            asking.give_back(step.session, unasked)


def _question(tools: Toolbox, question: Question, started: float) -> Answered | None:
    """One question; None when the batch has run out of time before its turn came.

    It may have waited for its turn, so its time is corrected: the spacing, and what counts as later, go by when it went out.
    """
    waited = time.monotonic() - started
    if waited > tools.lengths.batch:
        return None
    answer = tools.gateway.confirm(question.token)
    return Answered(question=replace(question, asked_at=question.asked_at + timedelta(seconds=waited)), answer=answer)


@shared_task(bind=True, base=Job, name="reconciler.ask")
def ask(self: Job, transaction_ids: list[int], lane: str) -> None:
    """Message: it is time to ask about these."""
    confirm(self.tools, transaction_ids, lane=Lane(lane))
