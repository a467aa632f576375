"""Books full of pending invoices that are all due, and a sweep that works them off: the ground of `sweep` and `workers`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
import redis

from bench.books import add_pending
from bench.floors import answered_by, gateway
from bench.stage import Stage, until
from tests.servers import libpq

LATENCY = 0.2
"""Seconds the gateway takes to say that a payment is pending."""

# So old that each is asked about once in an hour: none comes twice in one measurement.
AGE = "UPDATE transactions SET created_at = clock_timestamp() - interval '2 days'"


@dataclass(frozen=True)
class Pending:
    """The books, the gateway, and beat, which rings for the sweep; the workers are started by whoever measures."""

    stage: Stage
    url: str
    gateway_port: int

    def environment(self, **more: str) -> dict[str, str]:
        """Settings of a worker: a budget that is never in the way, and what else is wanted."""
        address = f"http://127.0.0.1:{self.gateway_port}"
        return self.stage.environment(self.url, gateway=address, LIGDICASH_RATE="100000", **more)

    def listening(self) -> int:
        """How many workers wait for messages."""
        with redis.Redis.from_url(self.stage.redis_url) as client:
            return sum(entry["cmd"] == "brpop" for entry in client.client_list())

    def wait_for_questions(self) -> None:
        """Until the sweep has been rung for, and questions go out."""
        before = answered_by(self.gateway_port)
        until(lambda: answered_by(self.gateway_port) > before, every=0.1, what="the first answer")

    def asked_in(self, seconds: float) -> tuple[float, float]:
        """How many questions were answered in about so many seconds, and in how many exactly."""
        began, before = time.perf_counter(), answered_by(self.gateway_port)
        time.sleep(seconds)
        return answered_by(self.gateway_port) - before, time.perf_counter() - began


@contextmanager
def pending(stage: Stage, *, count: int, settings: Mapping[str, str] | None = None) -> Iterator[Pending]:
    """So many invoices, all due. They stay pending, whatever is asked."""
    with stage.database() as url, gateway(stage, latency=LATENCY, status="pending") as port:
        add_pending(url, first=1, count=count, due_in=-60)
        with psycopg.connect(libpq(url), autocommit=True) as connection:
            connection.execute(AGE)
            connection.execute("VACUUM ANALYZE transactions")
        found = Pending(stage, url, port)
        with stage.run_child(stage.ours(found.environment(**(settings or {})))["beat"]):
            yield found
