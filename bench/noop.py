"""A Celery task that does nothing, and one that only says that it ran: what a message costs before any work. `celery -A bench.noop`."""

from __future__ import annotations

import os

import redis
from celery import Celery

celery = Celery("noop", broker=os.environ.get("REDIS_URL", "memory://"))
celery.conf.update(
    task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True
)

REPLY = "noop-reply"
"""Where `answer` says that it ran."""


@celery.task(name="noop.nothing")
def nothing() -> None:
    """Nothing."""


@celery.task(name="noop.answer")
def answer() -> None:
    """Push one entry, over a connection that is kept."""
    _replies().rpush(REPLY, b"1")


_kept: list[redis.Redis] = []


def _replies() -> redis.Redis:
    if not _kept:
        _kept.append(redis.Redis.from_url(os.environ["REDIS_URL"]))
    return _kept[0]
