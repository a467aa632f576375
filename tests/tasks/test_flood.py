"""Floods, of forged callbacks and of replayed questions: what they cost the gateway, and that nobody else waits for them."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.policy import SPACING
from models.account import DEFAULT
from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import read_and_ask
from tasks.sweep import sweep
from tasks.toolbox import in_batches
from tests.fakes import FakeGateway, FakeQueue, completed, pending, toolbox
from tests.ledger import add_pending, claim, count, knock, open_books, run
from tests.servers import PATIENCE, patient
from tests.webdoor import until
from worker.breaker import FleetBreaker, FleetStore
from worker.budget import FleetBudget
from worker.fleet import Fleet
from worker.locks import RedisLocks, connect

FORGED, GENUINE, BATCH = 10_000, 50, 100
VICTIM = "token-of-ORD-1"
FLOODED = 5
"""Messages that wait: the flood comes as fast as this fleet reads, however fast that is, and so never runs dry."""


class Bell(FakeQueue):
    """A doorbell that somebody hears: each message is put in the line of its kind."""

    def __init__(self) -> None:
        super().__init__()
        self.to_read: queue.Queue = queue.Queue()
        self.to_ask: queue.Queue = queue.Queue()

    def read_soon(self, callback_ids):
        self.to_read.put(list(callback_ids))
        return super().read_soon(callback_ids)

    def ask_soon(self, transaction_ids, *, lane):
        self.to_ask.put((list(transaction_ids), lane))
        return super().ask_soon(transaction_ids, lane=lane)


@pytest.fixture
def town(database_url, redis_url):
    """The books on a database of their own, and the tools of a small fleet around them."""
    gateway, bell = FakeGateway(), Bell()
    gateway.says(VICTIM, pending())
    for n in range(2, GENUINE + 2):
        gateway.says(f"token-of-ORD-{n}", completed(5000, f"ORD-{n}"))
    with open_books(database_url) as sessions, connect(patient(redis_url)) as client, ThreadPoolExecutor(16) as asking:
        fleet = Fleet(client)
        yield toolbox(
            sessions,
            gateway=gateway,
            queue=bell,
            locks=RedisLocks(client, life=34),
            budget=FleetBudget(fleet, name="us", rate=50),
            breaker=FleetBreaker(FleetStore(fleet, name="us"), probe_life=29),
            asking=asking,
        )


def workers(tools, over):
    """What a small fleet does: two who read, two who ask, and a sweep."""

    def read():
        while not over.is_set():
            try:
                read_and_ask(tools, tools.queue.to_read.get(timeout=0.05))
            except queue.Empty:
                continue

    def ask():
        while not over.is_set():
            try:
                ids, lane = tools.queue.to_ask.get(timeout=0.05)
            except queue.Empty:
                continue
            confirm(tools, ids, lane=lane)

    def look():
        while not over.wait(0.5):
            sweep(tools)

    return [read, read, ask, ask, look]


def test_ten_thousand_forged_callbacks_ask_once_in_three_seconds_and_delay_nobody_else(town):
    sessions, bell, gateway = town.sessions, town.queue, town.account(DEFAULT).gateway
    add_pending(sessions, GENUINE + 1, due_in=120)
    genuine = itertools.chain((claim(f"ORD-{n}") for n in range(2, GENUINE + 2)), itertools.repeat(None))
    over = threading.Event()
    started = time.monotonic()
    with ThreadPoolExecutor(5) as fleet:
        working = [fleet.submit(work) for work in workers(town, over)]
        try:
            for batch in range(FORGED // BATCH):
                knocks = [claim("ORD-1", attempt=batch * BATCH + i) for i in range(BATCH)]
                if batch % 2 and (one := next(genuine)):
                    knocks.append(one)
                bell.read_soon(knock(sessions, *knocks))
                until(lambda: bell.to_read.qsize() + bell.to_ask.qsize() < FLOODED)
            while time.monotonic() - started < PATIENCE and not _all_done(sessions):
                time.sleep(0.1)
        finally:
            over.set()
        assert [work.result(timeout=PATIENCE) for work in working] == [None] * 5
        took = time.monotonic() - started

    assert count(sessions, "callbacks") == FORGED + GENUINE
    assert count(sessions, "settlements") == GENUINE
    asked = gateway.asked.count(VICTIM)
    assert 1 <= asked <= took / SPACING + 1
    assert len(gateway.asked) == GENUINE + asked
    times = [at for (at,) in run(sessions, "SELECT asked_at FROM checks WHERE transaction_pk = 1 ORDER BY id")]
    assert len(times) == asked
    assert all((later - earlier).total_seconds() >= SPACING for earlier, later in itertools.pairwise(times))
    assert all_but_a_few(_seconds_to_settle(sessions)) < 5


def test_a_replay_of_two_thousand_delays_no_customer_of_today(town):
    sessions = town.sessions
    pks = add_pending(sessions, 2001 + GENUINE, due_in=120)
    today, replayed = pks[1 : GENUINE + 1], pks[GENUINE + 1 :]
    over, asked = threading.Event(), []

    def replay():
        for ids in itertools.cycle(in_batches(replayed, size=100)):
            if over.is_set():
                return
            asked.append(confirm(town, ids, lane=Lane.REPLAY))

    with ThreadPoolExecutor(2) as replaying:
        jobs = [replaying.submit(replay) for _ in range(2)]
        try:
            took = [_settle(town, pk) for pk in today]
        finally:
            over.set()
        for job in jobs:
            job.result(timeout=PATIENCE)

    assert count(sessions, "settlements") == GENUINE
    assert sum(asked) > 50  # the replay had its burst, and was there all the while
    assert all_but_a_few(took) < 2


def all_but_a_few(seconds):
    """The longest of these but for a tenth, which may have met a moment in which the machine stood still.

    Whoever is held up by a flood is not a tenth.
    """
    return sorted(seconds)[-1 - len(seconds) // 10]


def _settle(tools, pk):
    """Seconds it takes to ask about one fresh callback and to settle."""
    began = time.monotonic()
    assert confirm(tools, [pk], lane=Lane.CALLBACK) == 1
    return time.monotonic() - began


def _all_done(sessions):
    unread = "SELECT count(*) FROM callbacks WHERE outcome = 'received'"
    return count(sessions, "settlements") == GENUINE and run(sessions, unread) == [(0,)]


def _seconds_to_settle(sessions):
    """From the genuine callback to the settlement, for each."""
    return [
        float(seconds)
        for (seconds,) in run(
            sessions,
            """SELECT extract(epoch FROM s.settled_at - c.received_at)
               FROM settlements s JOIN callbacks c ON c.transaction_pk = s.transaction_pk""",
        )
    ]
