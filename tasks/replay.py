"""Work a replay plan off, batch by batch: callbacks are read again, transactions asked about, and it is told what came of each.

Settles nothing itself: each question goes the way of all questions. A killed worker, a lost message or an emptied Redis only
delays: claimed items are free again when their lease is over, and the sweep rings for plans that nobody is at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from config import policy
from models import trace
from models.check import Lane
from models.errors import TryAgain
from models.foresight import came_to
from models.queries.replay import draft, work
from models.queries.replay.work import Claim, Claimed
from models.replay import Upshot
from models.session import transaction
from tasks.confirm import confirm
from tasks.foresee import by_the_books, questions_to_ask
from tasks.intake import Sorted, read_again
from tasks.job import Job
from tasks.toolbox import Toolbox

log = structlog.get_logger()


class Start(Enum):
    """What came of wanting to run a plan."""

    STARTED = auto()
    CHANGED = auto()
    """Its items are not those it was frozen with."""
    NOT_READY = auto()
    """Somebody was quicker, or it expired."""


def start(tools: Toolbox, plan_id: int, *, digest: bytes, author: str, reason: str) -> Start:
    """Approve a plan with this hash, if its items still have it, and ring for it."""
    with transaction(tools.sessions) as step:
        if draft.digest_of(step.session, plan_id) != digest:
            return Start.CHANGED
        started = work.start(step.session, plan_id, author=author, reason=reason, digest=digest)
    if started:
        log.info("plan_started", plan_id=plan_id, author=author, reason=reason)
    return Start.STARTED if started else Start.NOT_READY


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What reading a callback again came to; no upshot where only the gateway knows."""

    about_pk: int | None
    upshot: Upshot | None


def work_batch(tools: Toolbox, plan_id: int) -> int:
    """Work the next batch; how many items were taken up. With 0 there is nothing to do now, or for good: then it is done.

    1. Claim no more items than could be asked about now, so that what has to wait waits in the plan.
    2. Read the callbacks among them again, and finish those that need no question, or have their answer since they were
       first taken up: whoever did so may have died right behind it.
    3. Ask about the others, as about anything else, and finish those that came to something. The rest is tried again.
    """
    limit = min(policy.REPLAY_BATCH, questions_to_ask(tools))
    items = _claim(tools, plan_id, limit=limit) if limit > 0 else []
    if items:
        readings = _read(tools, plan_id, items)
        left = _finish(tools, plan_id, items, readings=readings)
        if to_ask := sorted({pk for item in left if (pk := _about(item, readings)) is not None}):
            confirm(tools, to_ask, lane=Lane.REPLAY)
        if left := _finish(tools, plan_id, left, readings=readings):
            _put_off(tools, plan_id, left)
        log.info("plan_worked", plan_id=plan_id, items=len(items), put_off=len(left))
    with transaction(tools.sessions) as step:
        if work.end_if_over(step.session, plan_id):
            log.info("plan_done", plan_id=plan_id)
    return len(items)


def _claim(tools: Toolbox, plan_id: int, *, limit: int) -> list[Claimed]:
    how = Claim(
        most=policy.REPLAY_UNDER_WAY,
        lease=timedelta(seconds=tools.lengths.lease),
        shy=policy.ATTEMPTS_TOGETHER,
    )
    with transaction(tools.sessions) as step:
        items = work.claim(step.session, plan_id, limit=limit, how=how)
        return items or work.claim(step.session, plan_id, limit=1, how=how, alone=True)


def _about(item: Claimed, readings: Mapping[int, _Reading]) -> int | None:
    return readings[item.position].about_pk if item.position in readings else item.about_pk


def _read(tools: Toolbox, plan_id: int, items: Sequence[Claimed]) -> dict[int, _Reading]:
    """Read the callbacks among these again, together or, should one of them break the reading, each alone; by position."""
    callbacks = {item.callback_id: item for item in items if item.callback_id is not None}
    readable = [i for i, item in callbacks.items() if item.lost < policy.READING_ATTEMPTS]
    try:
        done = read_again(tools, readable) if readable else []
    except (TryAgain, SoftTimeLimitExceeded):
        raise
    except Exception:
        log.exception("batch_not_read_again", count=len(readable))
        done = [one for i in readable for one in _read_alone(tools, i)]
    readings = {
        callbacks[one.finding.callback_id].position: _Reading(
            about_pk=one.finding.transaction_pk, upshot=by_the_books(one)
        )
        for one in done
    }
    for item in items:  # what broke its reader, or killed it time and again
        if item.callback_id is not None and item.position not in readings:
            readings[item.position] = _Reading(about_pk=None, upshot=Upshot.UNREADABLE)
    with transaction(tools.sessions) as step:
        work.found(step.session, plan_id, {position: one.about_pk for position, one in readings.items()})
    return readings


def _read_alone(tools: Toolbox, callback_id: int) -> list[Sorted]:
    try:
        return read_again(tools, [callback_id])
    except (TryAgain, SoftTimeLimitExceeded):
        raise
    except Exception:
        log.exception("callback_not_read_again", trace=[trace.of_callback(callback_id)])
        return []


def _finish(
    tools: Toolbox, plan_id: int, items: Sequence[Claimed], *, readings: Mapping[int, _Reading]
) -> list[Claimed]:
    """Write down what came of these, by the books as they are now; those of which nothing came yet."""
    abouts = {item.position: pk for item in items if (pk := _about(item, readings)) is not None}
    actuals: dict[int, Upshot] = {}
    with transaction(tools.sessions) as step:
        after = work.aftermaths(step.session, plan_id, abouts)
        for item in items:
            read = readings[item.position].upshot if item.position in readings else None
            came = came_to(after[item.position]) if item.position in after else None
            if actual := came or read:
                actuals[item.position] = actual
        work.finish(step.session, plan_id, actuals)
    return [item for item in items if item.position not in actuals]


def _put_off(tools: Toolbox, plan_id: int, items: Sequence[Claimed]) -> None:
    with transaction(tools.sessions) as step:
        tries = work.tries(step.session, plan_id, [item.position for item in items])
        work.put_off(step.session, plan_id, {at: policy.replay_again_in(count) for at, count in tries.items()})


def ring_for_plans(tools: Toolbox, *, inline: bool) -> int:
    """Ring for every running plan that nobody is at; how many. With `inline`, work a batch here where no broker would take it."""
    with transaction(tools.sessions) as step:
        plans = work.left_alone(step.session)
    for plan_id in plans:
        if not tools.queue.replay_soon(plan_id) and inline:
            work_batch(tools, plan_id)
    return len(plans)


@shared_task(bind=True, base=Job, name="reconciler.replay")
def replay(self: Job, plan_id: int) -> None:
    """Message: it is time for the next batch of this plan."""
    if work_batch(self.tools, plan_id):
        self.tools.queue.replay_soon(plan_id)
