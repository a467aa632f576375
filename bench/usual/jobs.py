"""Its Celery app: `celery -A bench.usual.jobs worker`. Late acknowledgement and automatic retries, as the manual has them."""

from __future__ import annotations

from functools import cache
from typing import Any

import redis
from celery import Celery
from sqlalchemy.exc import OperationalError

from bench.usual.books import Books
from config.celery_settings import celery_settings
from config.settings import Settings, load_settings
from models.account import DEFAULT
from models.answers import Said
from worker.bootstrap import build_gateway, known_accounts

LOCK_LIFE = 60
"""Seconds."""


class NotYet(Exception):
    """The gateway has no final answer, or none at all."""


@cache
def settings() -> Settings:
    """Of this process."""
    return load_settings()


@cache
def books() -> Books:
    """Of this process; made after the fork, on first use."""
    return Books(settings().database_url.get_secret_value())


@cache
def gateway() -> Any:
    """The same client that ours uses."""
    return build_gateway(settings(), known_accounts(settings()).now()[DEFAULT])


@cache
def store() -> redis.Redis:
    """For locks and for what was seen."""
    return redis.Redis.from_url(settings().redis_url.get_secret_value(), socket_timeout=5)


def make_app() -> Celery:
    """Our broker options, which know the traps of Redis, and one queue."""
    app = Celery("usual")
    options = celery_settings(settings())
    unwanted = ("beat_schedule", "task_queues", "task_routes", "task_default_queue", "task_create_missing_queues")
    app.conf.update({name: value for name, value in options.items() if name not in unwanted})
    return app


celery = make_app()


@celery.task(
    name="usual.process_callback",
    acks_late=True,
    autoretry_for=(NotYet, OperationalError, redis.RedisError, redis.exceptions.LockError),
    retry_backoff=2,
    retry_backoff_max=60,
    retry_jitter=True,
    max_retries=10,
)
def process_callback(transaction_id: str) -> None:
    """Ask the gateway, and believe what it says."""
    with store().lock(f"usual:lock:{transaction_id}", timeout=LOCK_LIFE, blocking_timeout=5):
        invoice = books().find(transaction_id)
        if invoice is None:
            raise NotYet("the invoice is not stored yet")
        if invoice["status"] != "pending":
            return
        answer = gateway().confirm(invoice["token"])
        match answer.said:
            case Said.COMPLETED if answer.amount == invoice["amount"]:
                books().close(transaction_id, status="completed", amount=answer.amount)
            case Said.COMPLETED:
                books().close(transaction_id, status="mismatch")
            case Said.NOTCOMPLETED:
                books().close(transaction_id, status="notcompleted")
            case _:
                raise NotYet(f"the gateway says {answer.said}")
