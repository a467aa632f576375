"""Every step between receipt and notice at which a process can die, as data: where it is, what it leaves, who heals it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from config.celery_settings import READ
from models.check import Lane
from tests.certification.orders import FIRST_CHECK, ORDERS, PAYOUTS, QUEUE
from tests.certification.steps import Healer, Left, Program, Scene, Step, When, web_step, worker_step

MARKED = "pending, within 5 s"
LEASED = "pending, within 26.5 s"
COMPLETED = "completed"
UNREAD = "received, within 5 s"
CLAIMED = "received, within 36.5 s"
MATCHED = "matched"

LOCKED = Left(invoice=MARKED, callback=MATCHED, is_locked=True, to_read=1)
"""The lock is taken, no question begun."""
ASKING = Left(invoice=LEASED, callback=MATCHED, is_locked=True, to_read=1)
"""A question is begun. Nothing of its answer is committed."""
DONE = Left(invoice=COMPLETED, callback=MATCHED, to_read=1)
"""Settled, and the message not acknowledged."""


def _is_read(*called: Any) -> bool:
    return bool(called[-1].task_name == READ)


def _carries_read(message: Any, *_: Any) -> bool:
    return bool(message.headers["task"] == READ)


def _by_sweep(*_: Any, lane: Lane) -> bool:
    return lane is Lane.SWEEP


DOOR = (
    web_step(
        "received",
        "the callback's body is read, nothing stored",
        when=When.BEFORE,
        where="worker.web.writer:Writer.take",
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.SWEEP_ASKS,
        within=30,
    ),
    web_step(
        "inserted",
        "the callback is inserted, not committed",
        when=When.AFTER,
        where="worker.web.store:store_callbacks",
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.SWEEP_ASKS,
        within=30,
    ),
    web_step(
        "stored",
        "the callback is committed, the gateway not answered",
        when=When.BEFORE,
        where="worker.web.writer:Writer._release",
        left=Left(invoice=FIRST_CHECK, callback=UNREAD),
        healer=Healer.SWEEP_READS,
        within=20,
    ),
    web_step(
        "answered",
        "the 200 is on its way, nobody was rung for",
        when=When.BEFORE,
        where="worker.queue:CeleryQueue.read_soon",
        left=Left(invoice=FIRST_CHECK, callback=UNREAD),
        healer=Healer.SWEEP_READS,
        within=20,
    ),
    web_step(
        "published",
        "the message for the callback is in the broker",
        when=When.AFTER,
        where="worker.queue:CeleryQueue.read_soon",
        keeps_still=True,
        left=Left(invoice=FIRST_CHECK, callback=UNREAD, to_read=1),
        healer=Healer.MESSAGE,
        within=10,
    ),
)

SPOOL = (
    web_step(
        "spooled",
        "the callback is fsynced in the spool, the gateway not answered",
        when=When.AFTER,
        where="worker.web.spool.folder:Spool.append",
        scene=Scene.AWAY,
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.DRAINER,
        within=20,
    ),
    web_step(
        "drained",
        "the callback is committed, the spool does not know it: it will be stored twice",
        when=When.BEFORE,
        where="worker.web.spool.drain_file:DrainFile.advance",
        scene=Scene.BACK,
        left=Left(invoice=FIRST_CHECK, callback=UNREAD),
        healer=Healer.DRAINER,
        within=20,
    ),
)

INTAKE = (
    worker_step(
        "taken",
        "the worker has the message, no child works on it yet",
        when=When.BEFORE,
        where="celery.worker.worker:WorkController._process_task",
        aimed=_is_read,
        left=Left(invoice=FIRST_CHECK, callback=UNREAD, to_read=1),
        healer=Healer.SWEEP_READS,
        within=20,
    ),
    worker_step(
        "counted",
        "the attempt to read it is noted, nothing read",
        when=When.BEFORE,
        where="tasks.intake:_read",
        left=Left(invoice=FIRST_CHECK, callback=UNREAD, to_read=1),
        healer=Healer.READ_AGAIN,
        within=20,
    ),
    worker_step(
        "read",
        "the callback's row is locked and read",
        when=When.AFTER,
        where="models.queries.receive:take_callbacks",
        left=Left(invoice=FIRST_CHECK, callback=UNREAD, to_read=1),
        healer=Healer.READ_AGAIN,
        within=20,
    ),
    worker_step(
        "marked",
        "the invoice carries the callback's mark, not committed",
        when=When.AFTER,
        where="models.queries.receive:nudge",
        left=Left(invoice=FIRST_CHECK, callback=UNREAD, to_read=1),
        healer=Healer.READ_AGAIN,
        within=20,
    ),
    worker_step(
        "matched",
        "the callback is matched and the mark committed, nothing asked",
        when=When.BEFORE,
        where="tasks.intake:confirm",
        left=Left(invoice=MARKED, callback=MATCHED, to_read=1),
        healer=Healer.SWEEP_ASKS,
        within=20,
    ),
)


def _confirm(name: str, says: str, where: str, *, when: When = When.AFTER, **more: Any) -> Step:
    left, healer, within = ASKING, Healer.SWEEP_ASKS, 50
    return worker_step(name, says, when=when, where=where, **{"left": left, "healer": healer, "within": within, **more})


QUESTION = (
    _confirm(
        "locked",
        "the lock is taken",
        "worker.locks:RedisLocks.take",
        left=LOCKED,
    ),
    _confirm("let through", "the breaker lets the question through", "worker.breaker:FleetBreaker.leave", left=LOCKED),
    _confirm("begun", "leave to ask is committed", "tasks.confirm:_begin"),
    _confirm("in turn", "the call budget gives the question its turn", "worker.budget:FleetBudget.take"),
    _confirm(
        "asked",
        "the question is sent, its answer not read",
        "worker.ligdicash.line:read_reply",
        when=When.BEFORE,
    ),
    _confirm("heard", "the answer is in hand", "worker.ligdicash.client:LigdicashClient.confirm"),
    _confirm("evidenced", "the answer is inserted, not committed", "models.queries.record:record_checks"),
    _confirm("moved", "the status is moved, not committed", "models.queries.record:move"),
    _confirm("settled", "the settlement is inserted, not committed", "models.queries.record:settle"),
    _confirm("noticed", "the notice is inserted, not committed", "models.queries.record:add_notices"),
    _confirm(
        "recorded",
        "all of it is committed, the lock still held",
        "tasks.confirm:record",
        left=replace(DONE, is_locked=True),
        healer=Healer.NOBODY,
        within=10,
    ),
    _confirm(
        "released",
        "the lock is released, the message not acknowledged",
        "worker.locks:RedisHeld.release",
        left=DONE,
        healer=Healer.NOBODY,
        within=10,
    ),
    _confirm(
        "worked",
        "the child is done, the worker has not acknowledged the message",
        "celery.worker.request:Request.acknowledge",
        when=When.BEFORE,
        aimed=_is_read,
        left=DONE,
        healer=Healer.NOBODY,
        within=10,
    ),
    _confirm(
        "acknowledged",
        "the message is acknowledged",
        "kombu.message:Message.ack_log_error",
        aimed=_carries_read,
        left=replace(DONE, to_read=0),
        healer=Healer.NOBODY,
        within=10,
    ),
    _confirm(
        "worker gone",
        "the whole worker dies while a question is out",
        "worker.ligdicash.line:read_reply",
        when=When.BEFORE,
        takes_parent=True,
    ),
)

SETTLED = replace(DONE, to_read=None)
"""Settled; the message for the callback may not be acknowledged yet."""


def _notify(name: str, says: str, where: str, *, when: When = When.AFTER, **more: Any) -> Step:
    return worker_step(name, says, when=when, where=where, **{"left": SETTLED, "within": 50, **more})


TELLING = (
    _notify(
        "notice claimed",
        "a notice is claimed, nothing sent",
        "tasks.notify:_send",
        when=When.BEFORE,
        healer=Healer.TOLD_AGAIN,
    ),
    _notify(
        "notice sent",
        "the merchant's application has the notice, nothing recorded: it will be told twice, by the same id",
        "worker.merchant:HttpMerchant.deliver",
        healer=Healer.TOLD_AGAIN,
    ),
    _notify(
        "notice recorded",
        "the notice is delivered, the shift not given back",
        "tasks.notify:record",
        healer=Healer.NOBODY,
        within=10,
    ),
)

SWEEP = (
    worker_step(
        "swept",
        "a sweep begins, nothing claimed",
        when=When.BEFORE,
        where="tasks.sweep:sweep",
        scene=Scene.UNTOLD,
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.SWEEP_ASKS,
        within=30,
    ),
    worker_step(
        "callbacks claimed",
        "unread callbacks are claimed, nobody was rung for",
        when=When.BEFORE,
        where="worker.queue:CeleryQueue.read_soon",
        scene=Scene.UNRUNG,
        left=Left(invoice=FIRST_CHECK, callback=CLAIMED),
        healer=Healer.SWEEP_ASKS,
        within=50,
    ),
    worker_step(
        "invoices claimed",
        "due invoices are claimed, nobody was rung for",
        when=When.BEFORE,
        where="worker.queue:CeleryQueue.ask_soon",
        aimed=_by_sweep,
        scene=Scene.UNTOLD,
        left=Left(invoice=LEASED),
        healer=Healer.SWEEP_ASKS,
        within=50,
    ),
    worker_step(
        "sweep rung",
        "the sweep has rung for due invoices and is not done",
        when=When.AFTER,
        where="worker.queue:CeleryQueue.ask_soon",
        aimed=_by_sweep,
        scene=Scene.UNTOLD,
        left=Left(invoice="pending", to_ask=None),
        healer=Healer.SWEEP_ASKS,
        within=10,
    ),
    Step(
        name="beat gone",
        says="beat dies as it is about to ring for a sweep",
        program=Program.BEAT,
        when=When.BEFORE,
        where="celery.beat:Scheduler.apply_entry",
        scene=Scene.UNTOLD,
        left=Left(invoice=FIRST_CHECK),
        healer=Healer.SWEEP_ASKS,
        within=30,
    ),
)

CHAPTERS: Mapping[str, tuple[Step, ...]] = {
    "An order": ORDERS,
    "A payout": PAYOUTS,
    "A payout out of the queue": QUEUE,
    "At the door": DOOR,
    "At the door, with the database away": SPOOL,
    "Reading a callback": INTAKE,
    "A question and its answer": QUESTION,
    "Telling the merchant's application": TELLING,
    "The sweep": SWEEP,
}
STEPS: Mapping[str, Step] = {step.name: step for steps in CHAPTERS.values() for step in steps}
