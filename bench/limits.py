"""`python -m bench.limits`: what this machine can do at all, step by step. Nothing to reach; the other figures stand on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing

import redis
import requests

from bench import noop
from bench.alone import alone
from bench.books import add_pending
from bench.figures import Chapter, Series, short
from bench.floors import (
    answer_of,
    bare_door,
    commit_of,
    commits_a_second,
    gateway,
    median_of,
    noop_worker,
    push_and_pop_of,
    two_transactions_of,
)
from bench.stage import Program, Stage, until
from bench.traffic import Load, send
from worker.ligdicash.client import CONFIRM_PATH, LigdicashClient

KEYS = {"api_key": "bench-key", "api_token": "bench-token"}
SESSION = "a call through a session of requests"
QUESTION = "a question, read and understood"

CALLS = 200
TASKS = 500
SETTLED = 105
MANY = 16
"""Connections that commit at once."""


def measure(stage: Stage, *, rounds: int, say: Callable[[str], None]) -> Chapter:
    """Each floor once a round, with all programs started beforehand; only one has work at a time."""
    found: dict[str, tuple[str, list[float]]] = {}

    def note(name: str, unit: str, value: float) -> None:
        found.setdefault(name, (unit, []))[1].append(value)

    with stage.database() as url, ExitStack() as stack:
        door = stack.enter_context(bare_door(stage))
        answering = stack.enter_context(gateway(stage, latency=0))
        client = stack.enter_context(redis.Redis.from_url(stage.redis_url))
        workers = {pool: stack.enter_context(noop_worker(stage, pool=pool)) for pool in ("prefork", "threads")}
        noop.celery.conf.broker_url = stage.redis_url
        add_pending(url, first=1, count=SETTLED * rounds)
        for number in range(rounds):
            _door(door, note)
            _servers(stage, url, note, first=1 + SETTLED * number)
            _calls(answering, note)
            for pool, worker in workers.items():
                _tasks(client, worker, pool, note=note)
            say(f"limits, round {number + 1} of {rounds}")
    series = [Series(name=name, unit=unit, samples=samples) for name, (unit, samples) in found.items()]
    medians = {one.name: one.median for one in series}
    return Chapter(
        name="limits",
        title="What this machine can do at all",
        how=(
            "Each step alone, in the shortest way there is, on the same servers (PostgreSQL with fsync on). Times are medians of "
            "one step at a time; `two short transactions` are those that one settlement takes, in plain psycopg."
        ),
        series=series,
        notes=_notes(medians),
    )


Note = Callable[[str, str, float], None]


def _door(port: int, note: Note) -> None:
    send(Load(port=port, first=1, transactions=200))
    note("bare door, answer", "ms", answer_of(port) * 1000)
    note("bare door, 64 connections", "callbacks/s", send(Load(port=port, first=1, transactions=6000)).rate)


def _servers(stage: Stage, url: str, note: Note, *, first: int) -> None:
    note("PostgreSQL, insert and commit", "ms", commit_of(url) * 1000)
    note("PostgreSQL, commits on one connection", "commits/s", commits_a_second(url, connections=1, seconds=0.7))
    note(f"PostgreSQL, commits on {MANY}", "commits/s", commits_a_second(url, connections=MANY, seconds=0.7))
    two = two_transactions_of(url, first=first, count=SETTLED - 5)
    note("PostgreSQL, two short transactions", "ms", two * 1000)
    note("Valkey, push and pop", "ms", push_and_pop_of(stage.redis_url) * 1000)


def _calls(port: int, note: Note) -> None:
    """CPU of this process, in this one thread, over a kept connection to a gateway that answers at once."""
    base = f"http://127.0.0.1:{port}"
    address = base + CONFIRM_PATH
    client = LigdicashClient(base_url=base, connect_timeout=5, answer_timeout=20, pool_size=1, **KEYS)
    with requests.Session() as session, closing(client):
        session.headers.update({"Apikey": KEYS["api_key"], "Authorization": f"Bearer {KEYS['api_token']}"})
        ways: Mapping[str, Callable[[int], object]] = {
            SESSION: lambda n: session.get(address, params={"invoiceToken": f"ORD-{n}~5000"}, timeout=(5, 20)),
            QUESTION: lambda n: client.confirm(f"ORD-{n}~5000"),
        }
        for name, ask in ways.items():
            ask(0)
            began, cpu = time.perf_counter(), time.thread_time()
            for number in range(CALLS):
                ask(number)
            note(f"{name}, CPU", "µs", (time.thread_time() - cpu) / CALLS * 1e6)
            note(f"{name}, one after the other", "calls/s", CALLS / (time.perf_counter() - began))


def _tasks(client: redis.Redis, worker: Program, pool: str, *, note: Note) -> None:
    """One task at a time, and a full queue of them, which appears all at once: sending costs more than running."""

    def there_and_back(_: int) -> None:
        noop.answer.apply_async(queue=pool)
        client.blpop([noop.REPLY])

    note(f"Celery ({pool}), one task sent, run and told", "ms", median_of(60, there_and_back) * 1000)
    for _ in range(TASKS):
        noop.nothing.apply_async(queue="aside")
    began, cpu = time.perf_counter(), worker.cpu()
    client.rename("aside", pool)
    until(lambda: not client.llen(pool) and not client.hlen("unacked"), what="the end of the queue")
    note(f"Celery ({pool}), tasks that do nothing", "tasks/s", TASKS / (time.perf_counter() - began))
    note(f"Celery ({pool}), CPU of such a task", "µs", (worker.cpu() - cpu) / TASKS * 1e6)


def _notes(medians: Mapping[str, float]) -> list[str]:
    call, ours = medians[f"{SESSION}, CPU"], medians[f"{QUESTION}, CPU"]
    costs = f"A question costs {short(ours)} µs of CPU, its answer understood"
    return [
        f"{costs}; a call through a session of `requests` alone costs {short(call)} µs, {short(call / ours)} times as much."
    ]


if __name__ == "__main__":
    alone(measure)
