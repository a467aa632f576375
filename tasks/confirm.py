"""Ask the gateway about a batch of transactions, and have each answer recorded.

Does not decide: `models.decisions` does. Does not retry: every row it touches is due again by itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from datetime import timedelta

import structlog
from celery import shared_task

from config import policy
from models.answers import Answer
from models.check import Lane
from models.queries import ask as asking
from models.queries.ask import Question
from models.session import transaction
from tasks.job import Job
from tasks.record import Answered, record
from tasks.toolbox import Toolbox

log = structlog.get_logger()

SPACING = timedelta(seconds=policy.SPACING)


def confirm(tools: Toolbox, transaction_ids: Sequence[int], *, lane: Lane) -> int:
    """Ask about those of these that may be asked about now; how many answers were recorded.

    1. Take the locks that are free: whoever holds one is asking already, and sees the mark a callback leaves in the row.
    2. Begin: a conditional update gives leave to ask and keeps the spacing, whatever became of the locks.
    3. Ask, many at once, with no transaction open; record each handful of answers as it comes, so that one slow
       answer keeps nobody else waiting.
    """
    held = tools.locks.take(sorted(set(transaction_ids)))
    try:
        questions = _begin(tools, sorted(held.ids))
        recorded = 0
        for handful in _ask(tools, questions):
            record(tools, handful, lane=lane)
            held.release([answered.question.transaction_pk for answered in handful])
            recorded += len(handful)
    finally:
        held.release(held.ids)
    log.info("asked", lane=lane.value, given=len(transaction_ids), held=len(held.ids), recorded=recorded)
    return recorded


def _begin(tools: Toolbox, ids: Sequence[int]) -> list[Question]:
    if not ids:
        return []
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.lease)
        return asking.begin_questions(step.session, ids, spacing=SPACING, lease=lease)


def _ask(tools: Toolbox, questions: Sequence[Question]) -> Iterator[list[Answered]]:
    """Yield answers by handfuls: all that came while the last handful was being recorded."""
    started = time.monotonic()
    waiting = {tools.asking.submit(_question, tools, question, started): question for question in questions}
    unasked: list[int] = []
    while waiting:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        handful = []
        for future in done:
            question = waiting.pop(future)
            if error := future.exception():  # a bug of ours: this one is due again by its lease, the others go on
                log.error("question_failed", transaction_pk=question.transaction_pk, exc_info=error)
            elif answer := future.result():
                handful.append(Answered(question=question, answer=answer))
            else:
                unasked.append(question.transaction_pk)
        if handful:
            yield handful
    if unasked:
        with transaction(tools.sessions) as step:
            asking.give_back(step.session, unasked)


def _question(tools: Toolbox, question: Question, started: float) -> Answer | None:
    """One question; None when the batch has run out of time before its turn came."""
    if time.monotonic() - started > tools.lengths.batch:
        return None
    return tools.gateway.confirm(question.token)


@shared_task(bind=True, base=Job, name="reconciler.ask")
def ask(self: Job, transaction_ids: list[int], lane: str) -> None:
    """Message: it is time to ask about these."""
    confirm(self.tools, transaction_ids, lane=Lane(lane))
