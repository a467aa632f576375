"""Deliver notices to the merchant's application, round by round, each at least once.

One run delivers at a time, so that a slow application occupies one worker slot of the fleet at most, and for seconds. Does
not retry: every notice it touches is due again by itself. Promises no order; the numbers tell it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.orm import Session

from config import policy
from models import trace
from models.errors import TryAgain
from models.event import Event
from models.notice import NoticeState
from models.queries import deliver
from models.queries.deliver import ClaimedNotice, Failing, Shift, Tried
from models.queries.events import events_of
from models.queries.stops import is_off
from models.session import transaction
from models.stop import Switch
from tasks.job import Job
from tasks.toolbox import Merchant, Reply, Toolbox

log = structlog.get_logger()

NOT_THE_NOTICES_FAULT = (TryAgain, SoftTimeLimitExceeded)
"""What stops a whole round: the database is gone, or the task's time is over."""

RESEND = "then send again what was given up: `reconciler notices resend --failed`"
CURSOR = "GET /v1/events tells everything meanwhile"
BACK = "The application takes notices again. Send again what was given up: `reconciler notices resend --failed`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A claimed notice with what it tells; nothing in damaged books, where its payment is missing."""

    notice: ClaimedNotice
    event: Event | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One delivery that was tried."""

    notice: ClaimedNotice
    reply: Reply

    @property
    def is_gone(self) -> bool:
        """Whether the application says that nobody takes notices there any more."""
        return self.reply.http_status == HTTPStatus.GONE


def notify(tools: Toolbox) -> int:
    """Deliver what is due until nothing is, or the time of a run is over; how many deliveries were tried.

    Each run delivers what one account is told, that of which a notice has been due for longest; then it is rung for the next.

    1. Take the shift: nobody else delivers to this endpoint meanwhile, and none is taken while it is left alone.
    2. Claim a round: a full one, or a few notices as a probe after a round that failed.
    3. Send all of it at once, with no transaction open.
    4. Record each try, the state of its notice, and how the endpoint does. After a round that failed, end.
    """
    if tools.merchant is None:
        return 0
    began, tried = time.monotonic(), 0
    shift, parcels = _begin(tools)
    if shift is None:
        return 0
    while parcels:
        told = _send(tools.merchant, parcels)
        record(tools, shift, told)
        tried += len(told)
        is_over = time.monotonic() - began > tools.lengths.telling.rounds
        parcels = [] if is_over or not any(not one.reply.trouble for one in told) else _claim(tools, shift.account)
    _end(tools, shift)
    return tried


def _begin(tools: Toolbox) -> tuple[Shift | None, list[Parcel]]:
    """The shift with its first round; no shift where there is nothing to do, and then nothing was written."""
    lease = timedelta(seconds=tools.lengths.telling.lease)
    with transaction(tools.sessions) as step:
        account = None if is_off(step.session, Switch.NOTIFY) else deliver.due_account(step.session)
        if account is None:
            return None, []
        shift = deliver.take_shift(step.session, account, lease=lease)
        if shift is None:
            return None, []
        limit = policy.NOTICES_AS_PROBE if shift.failed_rounds else policy.NOTICES_AT_ONCE
        return shift, _parcels(step.session, account, limit=limit, lease=lease)


def _claim(tools: Toolbox, account: str) -> list[Parcel]:
    """The next round of a run that goes well."""
    lease = timedelta(seconds=tools.lengths.telling.lease)
    with transaction(tools.sessions) as step:
        if is_off(step.session, Switch.NOTIFY):
            return []
        return _parcels(step.session, account, limit=policy.NOTICES_AT_ONCE, lease=lease)


def _parcels(session: Session, account: str, *, limit: int, lease: timedelta) -> list[Parcel]:
    claimed = deliver.claim_notices(session, account, limit=limit, lease=lease)
    events = events_of(session, [notice.id for notice in claimed])
    return [Parcel(notice=notice, event=events.get(notice.id)) for notice in claimed]


def _end(tools: Toolbox, shift: Shift) -> None:
    """Give the shift back. What fell due meanwhile was rung for in vain: ring again."""
    with transaction(tools.sessions) as step:
        deliver.end_shift(step.session, shift)
    with transaction(tools.sessions) as step:
        is_due = deliver.due_account(step.session) and not is_off(step.session, Switch.NOTIFY)
    if is_due:
        tools.queue.deliver_soon()


def _send(merchant: Merchant, parcels: Sequence[Parcel]) -> list[Told]:
    """Send all at once; each takes the time of one delivery at most, so the round does too."""
    with ThreadPoolExecutor(len(parcels), thread_name_prefix="tell") as threads:
        return list(threads.map(lambda parcel: _tell(merchant, parcel), parcels))


def _tell(merchant: Merchant, parcel: Parcel) -> Told:
    if parcel.event is None:
        return Told(notice=parcel.notice, reply=Reply(took=0, trouble="its payment is not in the books; see fsck"))
    try:
        reply = merchant.deliver(parcel.event.id, parcel.event.body())
    except Exception as exc:  # a bug of ours: this notice fails, its round goes on
        log.exception("notice_not_sent", seq=parcel.notice.seq)
        reply = Reply(took=0, trouble=f"it could not be sent ({type(exc).__name__})")
    return Told(notice=parcel.notice, reply=reply)


def record(tools: Toolbox, shift: Shift, told: Sequence[Told]) -> None:
    """Record all of a round together; should that fail, each alone, so that one bad one never fails its round.

    Raises `StoreAway` when the database is gone: then every notice is due again by its lease, and is told twice.
    """
    try:
        _record(tools, shift, told)
    except NOT_THE_NOTICES_FAULT:
        raise
    except Exception:
        log.exception("round_not_recorded", count=len(told))
        for one in told:
            try:
                _record(tools, shift, [one])
            except NOT_THE_NOTICES_FAULT:
                raise
            except Exception:
                log.exception("delivery_left_to_the_lease", seq=one.notice.seq)


def _record(tools: Toolbox, shift: Shift, told: Sequence[Told]) -> None:
    tries = [_tried(one, jitter=tools.draw()) for one in told]
    with transaction(tools.sessions) as step:
        deliver.finish(step.session, tries)
        failing = None
        if any(not one.trouble for one in tries):
            if deliver.endpoint_is_well(step.session, shift.account, outage=policy.ENDPOINT_OUTAGE):
                deliver.reword_case(step.session, shift.account, detail=BACK)
        else:
            asked = max(one.reply.retry_after for one in told)
            rest = timedelta(seconds=policy.rest_in(shift.failed_rounds + 1, asked=asked))
            failing = deliver.endpoint_failed(step.session, shift.account, rest=rest)
        if any(one.is_gone for one in told):
            deliver.endpoint_is_gone(step.session, shift.account)
        _keep_case(step.session, shift.account, told=told, tries=tries, failing=failing)
    _log(told, tries)
    tools.meter.told(
        [one.reply.took for one in told],
        failed=sum(bool(one.trouble) for one in tries),
        stopped=sum(one.state is NoticeState.STOPPED for one in tries),
    )


def _tried(told: Told, *, jitter: float) -> Tried:
    reply, attempts = told.reply, told.notice.attempts + (1 if told.reply.trouble else 0)
    wait = policy.retry_notice_in(attempts, jitter=jitter, asked=reply.retry_after) if reply.trouble else None
    if told.is_gone:
        wait = None
    state = NoticeState.DELIVERED
    if reply.trouble:
        state = NoticeState.STOPPED if wait is None else NoticeState.WAITING
    return Tried(
        notice=told.notice,
        took=reply.took,
        http_status=reply.http_status,
        trouble=reply.trouble,
        state=state,
        attempts=attempts,
        wait=None if wait is None else timedelta(seconds=wait),
    )


def _keep_case(
    session: Session, account: str, *, told: Sequence[Told], tries: Sequence[Tried], failing: Failing | None
) -> None:
    """One case about the endpoint while there is something for a person to do, in the words of the worst of it."""
    given_up = [one for one in tries if one.state is NoticeState.STOPPED]
    if any(one.is_gone for one in told):
        detail = (
            "The application answered 410 (gone), so nothing is pushed to it any more. "
            f"Set NOTICE_URL to where it takes notices now, {RESEND}. {CURSOR}."
        )
    elif given_up:
        one = given_up[0]
        detail = (
            f"Notice {one.notice.seq} was given up after {one.attempts} tries: {one.trouble}. Put it right, {RESEND}."
        )
    elif failing is not None and failing.length >= policy.ENDPOINT_DEAD_AFTER:
        detail = (
            f"The application has taken no notice since {failing.since:%Y-%m-%d %H:%M} UTC: {tries[0].trouble}. "
            f"See that it answers at NOTICE_URL; the tries go on by themselves. {CURSOR}."
        )
    else:
        detail = ""
    if detail:
        deliver.tell_case(session, account, detail=detail)
    elif failing is None:
        deliver.end_case(session, account, resolution="the application takes notices again")


def _log(told: Sequence[Told], tries: Sequence[Tried]) -> None:
    """One line for each round, with the trouble of the first that failed."""
    vain = [one for one in tries if one.trouble]
    level = log.warning if vain else log.info
    level(
        "notices_told",
        delivered=len(tries) - len(vain),
        failed=len(vain),
        stopped=sum(one.state is NoticeState.STOPPED for one in tries),
        slowest=round(max(one.reply.took for one in told), 3),
        trace=trace.of_all(one.notice.trace for one in told),
        **({"trouble": vain[0].trouble} if vain else {}),
    )


@shared_task(bind=True, base=Job, name="reconciler.notify")
def notify_merchant(self: Job) -> None:
    """Message: notices may be due."""
    notify(self.tools)
