"""The doorbell: Celery messages that carry row ids. None of them is needed; each saves a few seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog
from celery import Celery
from kombu.exceptions import KombuError, OperationalError
from kombu.pools import producers

from config.celery_settings import (
    ASK,
    CALLBACKS,
    CONTROL,
    ECHO,
    FRESH,
    NOTICES,
    NOTIFY,
    READ,
    RECHECK,
    REPLAY,
    SEND,
)
from config.policy import ASK_BATCH, READ_BATCH
from models.check import Lane
from tasks.toolbox import in_batches

log = structlog.get_logger()

ROOM = 50
"""Messages that may wait in a queue the sweep rings in. More would only be rung for again when their lease ends."""

READ_ROOM = 200
"""The same for callbacks: each door rings up to fifty times a second, and most messages find what they name read already."""

LEAST_ROOM = 8
"""The same for long messages: every worker still finds one."""

ECHO_FOR = 600.0
"""Seconds after which a worker throws an echo away. Long against clocks that differ, for the doctor has to hear of those."""

REST = 5.0
"""Seconds without another try after the broker failed: a frozen broker costs each try its whole timeout."""

PATIENCE = {"socket_timeout": 2, "socket_connect_timeout": 2, "retry_on_timeout": False, "max_retries": 0}
"""Over the broker's own options: whoever takes messages waits long for a broker that does not answer, whoever rings not."""

TROUBLE = (KombuError, OperationalError, OSError, TimeoutError)


class CeleryQueue:
    """Publishes through the app. Never raises for trouble of the broker; says False, and the sweep rings later."""

    def __init__(self, app: Celery, *, recheck_batch: int = ASK_BATCH) -> None:
        """`recheck_batch` is how many of the sweep's questions one message carries.

        Each message is waited for to its last answer: a short one leaves the gateway's connections idle much of the time.
        """
        self._app = app
        self._recheck_batch = recheck_batch
        self._connection = app.connection_for_write(transport_options=PATIENCE)
        # What the driver itself raises comes through bare where kombu only counts.
        bare = (*self._connection.connection_errors, *self._connection.channel_errors)
        self._trouble: tuple[type[BaseException], ...] = (*TROUBLE, *bare)
        self._resting_until = 0.0

    def read_soon(self, callback_ids: Sequence[int]) -> bool:
        """Ring for stored callbacks."""
        sent = [self._send(READ, [list(ids)], queue=CALLBACKS) for ids in in_batches(callback_ids, size=READ_BATCH)]
        return all(sent)

    def ask_soon(self, transaction_ids: Sequence[int], *, lane: Lane) -> bool:
        """Ring for questions; those nobody waits for go to a queue of their own."""
        fresh = lane in (Lane.CALLBACK, Lane.PERSON)
        queue, size = (FRESH, ASK_BATCH) if fresh else (RECHECK, self._recheck_batch)
        sent = [self._send(ASK, [list(ids), lane.value], queue=queue) for ids in in_batches(transaction_ids, size=size)]
        return all(sent)

    def deliver_soon(self) -> bool:
        """Ring for whatever notices are due."""
        return self._send(NOTIFY, [], queue=NOTICES)

    def replay_soon(self, plan_id: int) -> bool:
        """Ring for a replay plan, where the sweep's questions stand: nobody waits for it."""
        return self._send(REPLAY, [plan_id], queue=RECHECK)

    def send_soon(self, transaction_pk: int) -> bool:
        """Ring for one payout, where the sweep's questions stand: nobody waits for it any more."""
        return self._send(SEND, [transaction_pk], queue=RECHECK)

    def room_to_read(self) -> bool:
        """Whether few callbacks wait to be read."""
        return self._is_short(CALLBACKS, room=READ_ROOM)

    def room_to_ask(self) -> bool:
        """Whether few of the sweep's questions wait. Replays stand in the same queue and count too."""
        return self._is_short(RECHECK, room=max(LEAST_ROOM, ROOM * ASK_BATCH // self._recheck_batch))

    def echo(self, name: str) -> list[str]:
        """Send an echo through every queue there is; it is worth nothing later on, and expires."""
        queues = [queue.name for queue in self._app.conf.task_queues]
        return [q for q in queues if self._send(ECHO, [f"{name}:{q}"], queue=q, expires=ECHO_FOR)]

    def room_to_deliver(self) -> bool:
        """Whether few messages wait to have notices delivered."""
        return self._is_short(NOTICES)

    def waiting(self) -> dict[str, int] | None:
        """How many messages wait in each queue."""
        return self._count(CALLBACKS, FRESH, RECHECK, NOTICES, CONTROL)

    def _is_short(self, queue: str, *, room: int = ROOM) -> bool:
        """Whether there is room. With the broker gone there is: the caller works inline, or rings in vain."""
        counted = self._count(queue)
        return counted is None or counted[queue] < room

    def _count(self, *queues: str) -> dict[str, int] | None:
        if self._is_resting():
            return None
        try:
            with producers[self._connection].acquire(block=True, timeout=REST) as producer:
                channel: Any = producer.channel
                return {name: int(channel.queue_declare(name, durable=True).message_count) for name in queues}
        except self._trouble as exc:
            self._rest(exc)
            return None

    def _send(self, task: str, args: list[object], *, queue: str, expires: float | None = None) -> bool:
        if self._is_resting():
            return False
        try:
            with producers[self._connection].acquire(block=True, timeout=REST) as producer:
                self._app.send_task(task, args=args, retry=False, queue=queue, expires=expires, producer=producer)
        except self._trouble as exc:
            self._rest(exc)
            return False
        return True

    def _rest(self, exc: BaseException) -> None:
        self._resting_until = time.monotonic() + REST
        log.warning("broker_away", error=type(exc).__name__)

    def _is_resting(self) -> bool:
        return time.monotonic() < self._resting_until
