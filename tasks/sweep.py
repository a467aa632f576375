"""Find what is due and ring for it: the reason why a lost callback, message, process or Redis costs only latency.

Any number of sweeps may run at once; they skip each other's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from celery import shared_task

from config import policy
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.queries import due, receive
from models.queries.record import NewCase, open_cases
from models.session import transaction
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.job import Job
from tasks.toolbox import Toolbox

log = structlog.get_logger()

HOLE_ADVICE = (
    "No reply to our create was stored: the gateway may hold an invoice that nobody can ask about. "
    "If a customer paid it, ask LigdiCash support with the transaction id; else make a new invoice."
)
POISON_ADVICE = f"Nobody managed to read it in {policy.READING_ATTEMPTS} attempts; it may be what stops the readers."


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep found."""

    callbacks: int
    transactions: int
    parked: int


def sweep(tools: Toolbox, *, inline: bool = False) -> Swept:
    """Claim everything that is due, batch by batch, and ring for it; stop early while the workers have enough waiting.

    With `inline`, a batch that no broker would take is worked here and now: money moves with Redis gone.
    """
    parked = _park_holes(tools)
    callbacks = _drain(tools, _claim_callbacks, lambda ids: _ring_for_callbacks(tools, ids, inline=inline))
    transactions = _drain(tools, _claim_transactions, lambda ids: _ring_for_questions(tools, ids, inline=inline))
    swept = Swept(callbacks=callbacks, transactions=transactions, parked=parked)
    if callbacks or transactions or parked:
        log.info("swept", callbacks=callbacks, transactions=transactions, parked=parked)
    return swept


def _drain(tools: Toolbox, claim: Callable[[Toolbox], list[int]], ring: Callable[[Sequence[int]], None]) -> int:
    """Claim and ring until a claim comes back short, or the queue has no room: what stays unclaimed stays due."""
    total = 0
    while tools.queue.has_room(Lane.SWEEP):
        ids = claim(tools)
        if ids:
            ring(ids)
            total += len(ids)
        if len(ids) < tools.sweep_batch:
            break
    return total


def _claim_callbacks(tools: Toolbox) -> list[int]:
    """Claim callbacks nobody finished reading; those out of attempts go to a person instead."""
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.retry)
        claimed = due.claim_callbacks(step.session, limit=tools.sweep_batch, lease=lease)
        poison = [c.id for c in claimed if c.attempts > policy.READING_ATTEMPTS]
        findings = [receive.Finding(callback_id=i, outcome=Outcome.UNREADABLE, note=POISON_ADVICE) for i in poison]
        receive.finish_callbacks(step.session, findings)
        open_cases(
            step.session, [NewCase(kind=CaseKind.UNREADABLE, detail=POISON_ADVICE, callback_id=i) for i in poison]
        )
    return [c.id for c in claimed]


def _claim_transactions(tools: Toolbox) -> list[int]:
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.lease)
        return due.claim_transactions(step.session, limit=tools.sweep_batch, lease=lease)


def _park_holes(tools: Toolbox) -> int:
    with transaction(tools.sessions) as step:
        holes = due.park_holes(step.session, limit=tools.sweep_batch)
        cases = [NewCase(kind=CaseKind.TOKEN_LOST, detail=HOLE_ADVICE, transaction_pk=pk) for pk in holes]
        open_cases(step.session, cases)
    return len(holes)


def _ring_for_callbacks(tools: Toolbox, ids: Sequence[int], *, inline: bool) -> None:
    if not tools.queue.read_soon(ids) and inline:
        intake(tools, ids)


def _ring_for_questions(tools: Toolbox, ids: Sequence[int], *, inline: bool) -> None:
    if not tools.queue.ask_soon(ids, lane=Lane.SWEEP) and inline:
        confirm(tools, ids, lane=Lane.SWEEP)


@shared_task(bind=True, base=Job, name="reconciler.sweep")
def sweep_once(self: Job) -> None:
    """Message from beat: look what is due."""
    sweep(self.tools)
