"""Looks at what a process would leave behind if it vanished now, over connections of its own: committed rows, locks, messages."""

from __future__ import annotations

import json
import os

import psycopg
import redis

from config.celery_settings import CALLBACKS, FRESH, RECHECK
from tests.certification.steps import Left
from tests.servers import libpq
from worker.locks import PREFIX

OURS = "reconciler:"
"""What Celery puts before every key, see `global_keyprefix`."""

TIMES = (5, 20, 26.5, 30, 36.5, 120)
"""Seconds ahead at which rows are set to be looked at here: after a mark, at the first check, after a question's lease, at a
payout's first check, after a callback's lease, after an order without a reply."""

INVOICE = """
    SELECT id, status, extract(epoch FROM next_check_at - clock_timestamp())::float8
    FROM transactions WHERE transaction_id = %s
"""
CALLBACK = """
    SELECT outcome, extract(epoch FROM next_try_at - clock_timestamp())::float8
    FROM callbacks WHERE position(convert_to(%s, 'UTF8') IN body) > 0 ORDER BY id DESC LIMIT 1
"""


def look(transaction_id: str) -> Left:
    """What is left of this invoice, by the servers in the environment."""
    with psycopg.connect(libpq(os.environ["DATABASE_URL"])) as connection:
        invoice = connection.execute(INVOICE, (transaction_id,)).fetchone()
        callback = connection.execute(CALLBACK, (transaction_id,)).fetchone()
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        return Left(
            invoice=_stands(*invoice[1:]) if invoice else "none",
            callback=_stands(*callback) if callback else "none",
            is_locked=bool(invoice and client.exists(f"{PREFIX}{invoice[0]}")),
            to_read=count_messages(client, CALLBACKS),
            to_ask=count_messages(client, FRESH, RECHECK),
        )


def _stands(status: str, seconds: float | None) -> str:
    if seconds is None:
        return status
    return f"{status}, within {next(each for each in TIMES if seconds <= each):g} s"


def count_messages(client: redis.Redis, *queues: str) -> int:
    """Messages of these queues: waiting, or taken and not acknowledged."""
    waiting = sum(client.llen(OURS + queue) for queue in queues)
    taken = [json.loads(value)[2] for value in client.hvals(f"{OURS}unacked")]
    return waiting + sum(key in queues for key in taken)
