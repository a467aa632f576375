"""Stored callbacks: read each, find whom it is about, and see to it that the gateway is asked.

Believes nothing: a callback only chooses which question is asked. How it is asked is a matter of `tasks.confirm`.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy.orm import Session

from config import policy
from models import trace
from models.answers import CallbackContent, Said
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.errors import TryAgain, Unreadable
from models.queries import receive
from models.queries.receive import Finding, KnownTransaction, StoredCallback
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Status
from tasks.confirm import confirm
from tasks.job import Job
from tasks.toolbox import Toolbox, Wire

log = structlog.get_logger()

ALREADY_SAID = {Status.COMPLETED: Said.COMPLETED, Status.NOTCOMPLETED: Said.NOTCOMPLETED}
"""The claim that tells a final transaction nothing new. Any other claim is worth a question, even then."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """One callback, sorted: what becomes of it, and the claim its transaction is to be asked about, if any."""

    finding: Finding
    claims: Said | None = None
    about: KnownTransaction | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of reading: how many callbacks were read, and the transactions that are to be asked about."""

    count: int = 0
    to_ask: list[int] = field(default_factory=list)


def intake(tools: Toolbox, callback_ids: Sequence[int]) -> int:
    """Read these callbacks and ring for what is to be asked; how many were read."""
    reading = read(tools, callback_ids)
    _ring(tools, reading.to_ask)
    return reading.count


def read_and_ask(tools: Toolbox, callback_ids: Sequence[int]) -> int:
    """Read these callbacks, and others that wait unread, and ask about them here and now; how many were read.

    While all workers ask, callbacks pile up; whoever is done first takes what waits. So batches grow with the load by
    themselves, and a callback that comes alone is not kept waiting for company. What is too much for one batch of
    questions is rung for, and so is everything if the reading took so long that the questions might outlast the task.
    """
    began = time.monotonic()
    reading = read(tools, callback_ids, most=policy.READ_BATCH)
    is_slow = time.monotonic() - began > tools.lengths.reading
    here = [] if is_slow else reading.to_ask[: policy.ASK_BATCH]
    _ring(tools, reading.to_ask[len(here) :])
    if here:
        confirm(tools, here, lane=Lane.CALLBACK)
    return reading.count


def _ring(tools: Toolbox, to_ask: Sequence[int]) -> None:
    if to_ask:
        tools.queue.ask_soon(to_ask, lane=Lane.CALLBACK)


def read(tools: Toolbox, callback_ids: Sequence[int], *, most: int = 0) -> Reading:
    """Read these callbacks, in one transaction, and others along with them if that makes no more than `most`.

    A callback somebody else reads at the same time is left to them. What is to be asked about carries a mark in its row
    when this returns, so that whoever dies before asking costs seconds. Should one of them break the reading, each is
    read alone: anybody can send us anything, and it must not keep its neighbours unread.
    """
    with transaction(tools.sessions) as step:
        waiting = receive.set_out(step.session, callback_ids, grace=policy.INTAKE_GRACE, most=most)
    if not waiting:
        return Reading()
    try:
        reading = _read(tools, waiting)
    except (TryAgain, SoftTimeLimitExceeded):
        raise
    except Exception:
        log.exception("batch_not_read", count=len(waiting))
        reading = _sum([_read_alone(tools, callback_id) for callback_id in waiting])
    log.info("callbacks_read", read=reading.count, given=len(callback_ids))
    return reading


def read_again(tools: Toolbox, callback_ids: Sequence[int]) -> list[Sorted]:
    """Open these again and read them, whatever became of them, in one transaction; what each is now.

    What is to be asked about carries its mark, and nobody is rung for: the caller asks, in a lane of its choice, and the
    sweep should the caller die. Raises whatever breaks the reading, with nothing changed.
    """
    with transaction(tools.sessions) as step:
        receive.reopen_callbacks(step.session, callback_ids)
        return _read_all(tools, step.session, callback_ids)


def _read_alone(tools: Toolbox, callback_id: int) -> Reading:
    try:
        return _read(tools, [callback_id])
    except (TryAgain, SoftTimeLimitExceeded):
        raise
    except Exception:
        # Due again by itself; the sweep gives it to a person when its attempts are used up.
        log.exception("callback_not_read", trace=[trace.of_callback(callback_id)])
        return Reading()


def _sum(readings: Sequence[Reading]) -> Reading:
    return Reading(
        count=sum(reading.count for reading in readings),
        to_ask=sorted({pk for reading in readings for pk in reading.to_ask}),
    )


def _read(tools: Toolbox, callback_ids: Sequence[int]) -> Reading:
    with transaction(tools.sessions) as step:
        done = _read_all(tools, step.session, callback_ids)
    _tell(done)
    tools.meter.read(Counter(one.finding.outcome for one in done))
    return Reading(count=len(done), to_ask=sorted(_claims(done)))


def _tell(done: Sequence[Sorted]) -> None:
    """One line for all that came to the same: twins, as a rule. It leads from the callbacks to their transaction."""
    together: dict[tuple[int | None, Outcome, str], list[int]] = defaultdict(list)
    for one in done:
        together[one.finding.transaction_pk, one.finding.outcome, one.finding.note].append(one.finding.callback_id)
    for (pk, outcome, note), ids in together.items():
        about = [trace.of_callback(i) for i in ids] if pk is None else trace.of_transaction(pk, ids)
        log.info("callback_read", outcome=outcome.value, note=note, trace=about)


def _read_all(tools: Toolbox, session: Session, callback_ids: Sequence[int]) -> list[Sorted]:
    callbacks = receive.take_callbacks(session, callback_ids)
    contents = {callback.id: content_of(tools.wire, callback) for callback in callbacks}
    done = sort_all(session, callbacks, contents)
    receive.finish_callbacks(session, [s.finding for s in done])
    receive.nudge(session, _claims(done), grace=policy.INTAKE_GRACE)
    open_cases(session, [case for s in done if (case := _case(s.finding))])
    return done


def sort_all(
    session: Session, callbacks: Sequence[StoredCallback], contents: Mapping[int, CallbackContent | str]
) -> list[Sorted]:
    """What becomes of each of these, by what it says and what the books hold. Changes nothing."""
    read = [content for content in contents.values() if isinstance(content, CallbackContent)]
    known = receive.find_transactions(session, (reference for content in read for reference in content.references))
    return [_sort(callback, contents[callback.id], known) for callback in callbacks]


def content_of(wire: Wire, callback: StoredCallback) -> CallbackContent | str:
    """What the callback claims, or one sentence on why that cannot be told."""
    try:
        return wire.read_callback(callback.content_type, callback.body)
    except Unreadable as exc:
        return str(exc)


def _sort(callback: StoredCallback, content: CallbackContent | str, known: Mapping[str, KnownTransaction]) -> Sorted:
    if isinstance(content, str):
        return Sorted(Finding(callback_id=callback.id, outcome=Outcome.UNREADABLE, note=content))
    about = next((known[reference] for reference in content.references if reference in known), None)
    if about is None:
        return Sorted(_stranger(callback, content))
    if about.status is Status.REFUSED:
        note = (
            f"claims {content.claims.value} about an order the gateway refused to create: there is no token to ask with"
        )
        finding = Finding(callback_id=callback.id, outcome=Outcome.ORPHAN, note=note, transaction_pk=about.id)
        return Sorted(finding, about=about)
    nothing_new = ALREADY_SAID.get(about.status) is content.claims
    if about.status in ALREADY_SAID and not about.has_token and not nothing_new:
        note = f"claims {content.claims.value} about a payment that a person decided: there is no token to ask with"
        finding = Finding(callback_id=callback.id, outcome=Outcome.ORPHAN, note=note, transaction_pk=about.id)
        return Sorted(finding, about=about)
    note = f"claims {content.claims.value}" + (", as the books already say" if nothing_new else "")
    finding = Finding(callback_id=callback.id, outcome=Outcome.MATCHED, note=note, transaction_pk=about.id)
    return Sorted(finding, claims=None if nothing_new else content.claims, about=about)


def _claims(done: Sequence[Sorted]) -> dict[int, Said]:
    """What is claimed about each transaction to be asked about; UNKNOWN where two callbacks of one batch disagree."""
    claims: dict[int, Said] = {}
    for one in done:
        pk = one.finding.transaction_pk
        if pk is not None and one.claims is not None:
            claims[pk] = one.claims if claims.get(pk, one.claims) is one.claims else Said.UNKNOWN
    return claims


def _stranger(callback: StoredCallback, content: CallbackContent) -> Finding:
    """A callback about nothing we know: our own create reply may still be on its way, so look again for a while."""
    if not content.references:
        return Finding(callback_id=callback.id, outcome=Outcome.ORPHAN, note="names no transaction at all")
    again = policy.look_again_in(max(callback.attempts, 1))
    names = ", ".join(content.references)[:300]
    if again is None:
        return Finding(callback_id=callback.id, outcome=Outcome.ORPHAN, note=f"no transaction is known as {names}")
    return Finding(
        callback_id=callback.id,
        outcome=Outcome.UNMATCHED,
        note=f"no transaction is known as {names} yet",
        look_again_in=timedelta(seconds=again),
    )


def _case(finding: Finding) -> NewCase | None:
    kind = {Outcome.ORPHAN: CaseKind.ORPHAN, Outcome.UNREADABLE: CaseKind.UNREADABLE}.get(finding.outcome)
    if kind is None:
        return None
    pk = finding.transaction_pk
    kind = kind if pk is None else CaseKind.CALLED_BACK
    return NewCase(kind=kind, detail=finding.note, callback_id=finding.callback_id, transaction_pk=pk)


@shared_task(bind=True, base=Job, name="reconciler.read_callbacks")
def read_callbacks(self: Job, callback_ids: list[int]) -> None:
    """Message: these callbacks were stored."""
    read_and_ask(self.tools, callback_ids)
