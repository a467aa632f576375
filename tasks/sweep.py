"""Find what is due and ring for it: the reason why a lost callback, message, process or Redis costs only latency.

Any number of sweeps may run at once; they skip each other's rows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from celery import shared_task

from config import policy
from models import trace
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.queries import accounts as books
from models.queries import deliver, due, receive, stops
from models.queries.due import ClaimedCallback
from models.queries.payouts import take_unsent
from models.queries.record import NewCase, open_cases
from models.queries.stops import is_off
from models.session import transaction
from models.stop import Switch
from tasks.confirm import confirm
from tasks.holes import HOLES
from tasks.intake import intake
from tasks.job import Job
from tasks.notify import notify
from tasks.queued import send_queued
from tasks.replay import ring_for_plans
from tasks.strangers import WAIT, missed
from tasks.toolbox import Account, Toolbox

log = structlog.get_logger()

POISON_ADVICE = f"Nobody managed to read it in {policy.READING_ATTEMPTS} attempts; it may be what stops the readers."


SWEPT = "swept"
"""The sign a sweep leaves that beat rang for."""

SWEPT_LIFE = policy.DAY
"""Seconds that sign stays: long enough to tell since when nobody rings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep found."""

    callbacks: int
    transactions: int
    parked: int
    is_off: bool = False
    """Whether asking about what nobody called back about is switched off."""


def sweep(tools: Toolbox, *, inline: bool = False) -> Swept:
    """Claim what is due, batch by batch, and ring for it; stop early while the workers have enough waiting.

    No more questions are claimed than could be asked now: a row that has to wait is better left due than moved about.

    With `inline`, a batch that no broker would take is worked here and now: money moves with Redis gone. Only what was
    due at the start is looked at, so that a sweep ends even while the gateway keeps its questions from being answered.

    While it is switched off, it goes on reading callbacks and asks only about what a callback came about: that question
    is owed, and its message may have been lost.
    """
    parked, until, is_off = _look_after_created(tools, inline=inline)
    callbacks = _Pile(tools, tools.queue.room_to_read, lambda n: _callbacks(tools, until, limit=n, inline=inline))
    transactions = _piles_of_questions(tools, until, inline=inline)
    # By turns: a long pile of questions worked inline must not keep the callbacks unread, nor another account waiting.
    while sum(pile.take() for pile in (callbacks, *transactions)):
        pass
    _ring_for_notices(tools, inline=inline)
    if tools.queue.room_to_ask():
        ring_for_plans(tools, inline=inline)
    asked = sum(pile.total for pile in transactions)
    swept = Swept(callbacks=callbacks.total, transactions=asked, parked=parked, is_off=is_off)
    tools.meter.swept(callbacks=swept.callbacks, transactions=swept.transactions, parked=swept.parked)
    if swept.callbacks or swept.transactions or swept.parked:
        log.info("swept", callbacks=swept.callbacks, transactions=swept.transactions, parked=swept.parked)
    return swept


@dataclass(slots=True)
class _Pile:
    """One kind of due rows: taken batch by batch until one comes back short, is not wanted, or the queue has no room.

    What stays unclaimed stays due.
    """

    tools: Toolbox
    has_room: Callable[[], bool]
    """Whether the queue it rings in takes more."""
    work: Callable[[int], tuple[int, bool]]
    """Claims a batch of at most so many and rings for it: how many rows, and whether anybody took them."""
    left: int = sys.maxsize
    """Rows this sweep may still take."""
    total: int = 0
    is_done: bool = False

    def take(self) -> bool:
        """Take one batch; whether there may be more."""
        if self.is_done or not self.left or not self.has_room():
            return False
        limit = min(self.tools.sweep_batch, self.left)
        count, taken = self.work(limit)
        self.total += count
        self.left -= count
        self.is_done = count < limit or not taken
        return not self.is_done


def _piles_of_questions(tools: Toolbox, until: datetime, *, inline: bool) -> list[_Pile]:
    """A pile for each account, as high as it may be asked now; with one account all that is due is on its pile."""
    accounts = tools.all_accounts
    if len(accounts) > 1:
        _look_after_strangers(tools, until)

    def pile(account: Account, name: str | None) -> _Pile:
        return _Pile(
            tools,
            tools.queue.room_to_ask,
            lambda n: _transactions(tools, until, limit=n, inline=inline, account=name),
            left=account.questions(Lane.SWEEP),
        )

    return [pile(account, account.name if len(accounts) > 1 else None) for account in accounts]


def _look_after_strangers(tools: Toolbox, until: datetime) -> None:
    """Put off what is due and belongs to no account here, with a case; end the cases of accounts that are back."""
    names = tools.accounts.names
    with transaction(tools.sessions) as step:
        books.no_longer_missed(step.session, names)
        put_off = books.set_aside_strangers(step.session, names, until=until, limit=tools.sweep_batch, wait=WAIT)
        missed(step.session, set(put_off))


def _callbacks(tools: Toolbox, until: datetime, *, limit: int, inline: bool) -> tuple[int, bool]:
    claimed = _claim_callbacks(tools, until, limit=limit)
    # What was tried in vain more than once may be what kills its readers: rung for alone, it takes no neighbour along.
    together = [c.id for c in claimed if c.attempts <= policy.ATTEMPTS_TOGETHER]
    alone = [[c.id] for c in claimed if policy.ATTEMPTS_TOGETHER < c.attempts < policy.READING_ATTEMPTS]
    rung = [_ring_for_callbacks(tools, ids, inline=inline) for ids in [together, *alone] if ids]
    return len(claimed), all(rung)


def _transactions(
    tools: Toolbox, until: datetime, *, limit: int, inline: bool, account: str | None
) -> tuple[int, bool]:
    ids = _claim_transactions(tools, until, limit=limit, account=account)
    return len(ids), not ids or _ring_for_questions(tools, ids, inline=inline)


def _claim_callbacks(tools: Toolbox, until: datetime, *, limit: int) -> list[ClaimedCallback]:
    """Claim callbacks nobody finished reading; those out of attempts go to a person instead."""
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.retry)
        claimed = due.claim_callbacks(step.session, until=until, limit=limit, lease=lease)
        poison = [c.id for c in claimed if c.attempts >= policy.READING_ATTEMPTS]
        findings = [receive.Finding(callback_id=i, outcome=Outcome.UNREADABLE, note=POISON_ADVICE) for i in poison]
        receive.finish_callbacks(step.session, findings)
        open_cases(
            step.session, [NewCase(kind=CaseKind.UNREADABLE, detail=POISON_ADVICE, callback_id=i) for i in poison]
        )
    return claimed


def _claim_transactions(tools: Toolbox, until: datetime, *, limit: int, account: str | None) -> list[int]:
    with transaction(tools.sessions) as step:
        lease = timedelta(seconds=tools.lengths.lease)
        is_off = stops.is_off(step.session, Switch.SWEEP)
        return due.claim_transactions(
            step.session, until=until, limit=limit, lease=lease, called_back=is_off, account=account
        )


def _look_after_created(tools: Toolbox, *, inline: bool) -> tuple[int, datetime, bool]:
    """Park what waits in vain for a reply to its create, and have sent what waited for sending to go on.

    How many were parked, the time by the database's clock, and whether the sweep is switched off.
    """
    with transaction(tools.sessions) as step:
        until = due.now(step.session)
        holes = due.park_holes(step.session, limit=tools.sweep_batch)
        cases = [NewCase(kind=CaseKind.TOKEN_LOST, detail=HOLES[kind], transaction_pk=pk) for pk, kind in holes.items()]
        open_cases(step.session, cases)
        unsent = take_unsent(step.session, limit=policy.SEND_BATCH, lease=policy.CREATE_GRACE)
        is_off = stops.is_off(step.session, Switch.SWEEP)
    if unsent.refused:
        log.warning("payouts_never_sent", trace=trace.of_all(map(trace.of_transaction, unsent.refused)))
    _have_sent(tools, unsent.to_send, inline=inline)
    return len(holes), until, is_off


def _have_sent(tools: Toolbox, pks: Sequence[int], *, inline: bool) -> None:
    """Ring for payouts that waited in the queue; while as much waits as the workers can take, their lease brings them back."""
    if not pks or not tools.queue.room_to_ask():
        return
    for pk in pks:
        if not tools.queue.send_soon(pk) and inline:
            send_queued(tools, pk)


def _ring_for_callbacks(tools: Toolbox, ids: Sequence[int], *, inline: bool) -> bool:
    rung = tools.queue.read_soon(ids)
    if not rung and inline:
        intake(tools, ids)
    return rung or inline


def _ring_for_questions(tools: Toolbox, ids: Sequence[int], *, inline: bool) -> bool:
    rung = tools.queue.ask_soon(ids, lane=Lane.SWEEP)
    if not rung and inline:
        confirm(tools, ids, lane=Lane.SWEEP)
    return rung or inline


def _ring_for_notices(tools: Toolbox, *, inline: bool) -> None:
    """Ring once for all notices that are due, whatever their number: whoever is rung for takes round after round."""
    if tools.merchant is None or not tools.queue.room_to_deliver():
        return
    with transaction(tools.sessions) as step:
        due_now = deliver.due_account(step.session) and not is_off(step.session, Switch.NOTIFY)
    if due_now and not tools.queue.deliver_soon() and inline:
        notify(tools)


@shared_task(bind=True, base=Job, name="reconciler.sweep")
def sweep_once(self: Job) -> None:
    """Message from beat: look what is due. The sign it leaves shows that beat rings and somebody hears."""
    self.tools.signs.leave(SWEPT, life=SWEPT_LIFE)
    sweep(self.tools)
