"""The floors of this machine: what each step costs that nobody can leave out, done alone and in the shortest way.

Each function returns seconds of one step, the median of many. They stand below whatever is built on them.
"""

from __future__ import annotations

import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import redis
import requests

from bench.stage import Program, Stage
from bench.traffic import Load, callback, send
from tests.servers import free_port, libpq

RECEIPT = """
    INSERT INTO callbacks (body, content_type, headers, source, digest, next_try_at)
    VALUES (%s, 'application/json', '{}', '127.0.0.1', '', clock_timestamp() + interval '1 hour') RETURNING id
"""

# What has to be written before a question goes out: what became of the callback, and that its transaction is asked about.
ASK = (
    "SELECT id FROM callbacks WHERE id = %(callback)s FOR NO KEY UPDATE SKIP LOCKED",
    "UPDATE callbacks SET outcome = 'matched', transaction_pk = %(pk)s, next_try_at = NULL WHERE id = %(callback)s",
    """UPDATE transactions SET nudged_at = clock_timestamp(), last_asked_at = clock_timestamp(), asked = asked + 1,
        next_check_at = clock_timestamp() + interval '39 s' WHERE id = %(pk)s""",
)

# What has to be written when the answer is there: the evidence, the move, the settlement and the notice with its number.
SETTLE = (
    "SELECT status FROM transactions WHERE id = %(pk)s FOR NO KEY UPDATE",
    """INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, http_status, body)
        VALUES (%(pk)s, 'callback', clock_timestamp(), 50, 'completed', 5000, %(reference)s, 200, %(body)s)""",
    """UPDATE transactions SET status = 'completed', final_at = clock_timestamp(), next_check_at = NULL,
        answered = answered + 1, decided_asked_at = clock_timestamp() WHERE id = %(pk)s AND status = 'pending'""",
    """INSERT INTO settlements (transaction_pk, check_id, account, amount)
        SELECT transaction_pk, max(id), 'default', 5000 FROM checks WHERE transaction_pk = %(pk)s GROUP BY 1""",
    """INSERT INTO notice_counters AS c (account, last_seq) VALUES ('default', 1)
        ON CONFLICT (account) DO UPDATE SET last_seq = c.last_seq + 1""",
    """INSERT INTO notices (account, seq, transaction_pk, kind)
        SELECT 'default', last_seq, %(pk)s, 'completed' FROM notice_counters""",
)


def median_of(count: int, step: Callable[[int], object]) -> float:
    """Seconds of the middle one of so many steps, after a few that warm it up."""
    times = []
    for number in range(count + 5):
        began = time.perf_counter()
        step(number)
        times.append(time.perf_counter() - began)
    return statistics.median(times[5:])


@contextmanager
def bare_door(stage: Stage) -> Iterator[int]:
    """A door that stores nothing, on the loop and protocol of uvicorn's own choice; its port."""
    port = free_port()
    module = ("uvicorn", "bench.bare:door", "--port", str(port), "--no-access-log", "--log-level", "warning")
    with stage.python("bare", *module, environment=stage.environment(""), ready=stage.listening(port)):
        yield port


def answer_of(port: int, *, count: int = 200) -> float:
    """One callback and its 200, one at a time over one kept connection."""
    return send(Load(port=port, first=1, transactions=count, connections=1, twins=False)).p50


def commit_of(url: str, *, count: int = 200) -> float:
    """One receipt inserted and committed: one round trip, one flush to disk."""
    _, body = callback(1, form=False)
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        return median_of(count, lambda _: connection.execute(RECEIPT, [body], prepare=True))


def commits_a_second(url: str, *, connections: int, seconds: float) -> float:
    """Receipts stored in a second, each with a commit of its own, over so many connections at once."""
    until = time.perf_counter() + seconds
    counts: list[int] = []

    def store() -> None:
        _, body = callback(1, form=False)
        stored = 0
        with psycopg.connect(libpq(url), autocommit=True) as connection:
            while time.perf_counter() < until:
                connection.execute(RECEIPT, [body], prepare=True)
                stored += 1
        counts.append(stored)

    threads = [threading.Thread(target=store) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds


def two_transactions_of(url: str, *, first: int, count: int = 100) -> float:
    """The two transactions that one settlement takes, with all statements that the tables want and no others.

    Settles the pending transactions from id `first` on, which is the number in their names too: a few more than `count`.
    """
    _, body = callback(1, form=False)
    with psycopg.connect(libpq(url)) as connection:
        ids = []
        for _ in range(count + 5):
            found = connection.execute(RECEIPT, [body]).fetchone()
            ids.append(found[0] if found else 0)
        connection.commit()

        def settle(number: int) -> None:
            pk = first + number
            values = {"pk": pk, "reference": f"ORD-{pk}", "callback": ids[number], "body": body}
            for statements in (ASK, SETTLE):
                for statement in statements:
                    connection.execute(statement, values, prepare=True)
                connection.commit()

        return median_of(count, settle)


def push_and_pop_of(redis_url: str, *, count: int = 500) -> float:
    """One entry pushed by one and popped by another who waits for it; half of what there and back takes."""
    with redis.Redis.from_url(redis_url) as here, redis.Redis.from_url(redis_url) as there:

        def echo() -> None:
            while there.brpop(["floor-there"])[1] != b"end":
                there.lpush("floor-back", b"1")

        thread = threading.Thread(target=echo)
        thread.start()

        def ping(_: int) -> None:
            here.lpush("floor-there", b"1")
            here.brpop(["floor-back"])

        there_and_back = median_of(count, ping)
        here.lpush("floor-there", b"end")
        thread.join()
    return there_and_back / 2


@contextmanager
def gateway(stage: Stage, *, latency: float, status: str = "completed") -> Iterator[int]:
    """The cheap gateway; its port."""
    port = free_port()
    module = ("bench.gateway", str(port), str(latency), status)
    with stage.python("gateway", *module, environment=stage.environment(""), ready=stage.listening(port)):
        yield port


def gateway_of(port: int, *, count: int = 40) -> float:
    """One question answered, over a bare socket: what of a confirm is the gateway's and the kernel's time alone."""
    with closing(socket.create_connection(("127.0.0.1", port))) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def ask(number: int) -> None:
            sock.sendall(f"GET /confirm/?invoiceToken=ORD-{number}~5000 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            sock.recv(65_536)

        return median_of(count, ask)


@contextmanager
def noop_worker(stage: Stage, *, pool: str) -> Iterator[Program]:
    """A Celery worker with two processes or threads that takes tasks that do nothing from the queue called like its pool."""
    module = ("celery", "-A", "bench.noop", "worker", "--pool", pool, "--concurrency", "2", "--queues", pool)
    quick = ("--without-mingle", "--without-gossip", "--loglevel", "WARNING")
    with redis.Redis.from_url(stage.redis_url) as client:
        waiting = _waiting(client)
        program = stage.python(
            "noop",
            *module,
            *quick,
            environment=stage.environment(""),
            ready=lambda: _waiting(client) > waiting,
        )
        with program as running:
            yield running


def _waiting(client: redis.Redis) -> int:
    return sum(entry["cmd"] == "brpop" for entry in client.client_list())


def answered_by(port: int) -> int:
    """How many questions this gateway has answered so far."""
    return int(requests.get(f"http://127.0.0.1:{port}/count", timeout=5).text)
