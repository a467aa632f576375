"""An application that was down for a day has every event exactly once by its id when it is back: pushed, and read alike."""

from __future__ import annotations

import random

import pytest

from config import policy
from models.queries.events import events_after
from models.session import transaction
from tasks.notify import notify
from tasks.sweep import sweep
from tasks.toolbox import Reply
from tests.fakes import answers, toolbox
from tests.ledger import add_settled, cases, let_notices_wait, value

EVERY = policy.HOUR
STEPS = int(policy.DAY / EVERY) + 1


class Shop:
    """A merchant's application that deduplicates by id, as its manual says. While it is down it answers nothing."""

    def __init__(self, seed: int) -> None:
        self.is_down = False
        self.handled: list[dict] = []
        self.pushed_again = 0
        self.cursor = 0
        self._known: set[str] = set()
        self._draw = random.Random(seed)

    def answer(self, event) -> Reply:
        """Take what is pushed. Now and then its answer is lost on the way, and the same event comes again."""
        if self.is_down:
            return Reply(took=0.0, trouble="no answer (Connection refused)")
        self.handle(event)
        return Reply(took=5, trouble="no whole answer came") if self._draw.random() < 0.2 else answers(200)

    def handle(self, event) -> None:
        if event["id"] in self._known:
            self.pushed_again += 1
            return
        self._known.add(event["id"])
        self.handled.append(event)

    def catch_up(self, sessions) -> None:
        """Follow the cursor to the end."""
        more = True
        while more:
            with transaction(sessions) as step:
                page = events_after(step.session, "default", after=self.cursor, limit=10)
            for event in page.events:
                self.handle(event.document())
            self.cursor, more = page.next, page.more


class World:
    """Books in which payments go on settling, and a shop that is pushed to; time passes when told to."""

    def __init__(self, sessions, fakes, shop) -> None:
        self.sessions, self.fakes, self.shop = sessions, fakes, shop
        fakes.merchant.says = shop.answer
        self.tools = toolbox(sessions, fakes, merchant=fakes.merchant)

    def live(self, steps, *, every=EVERY, settling=1):
        for _ in range(steps):
            if settling:
                add_settled(self.sessions, settling, tools=self.tools)
            self.work()
            let_notices_wait(self.sessions, every)

    def work(self):
        """A sweep, and a worker that answers its ring."""
        self.fakes.queue.rung_for_notices = 0
        sweep(self.tools)
        if self.fakes.queue.rung_for_notices:
            notify(self.tools)


@pytest.fixture
def shop():
    return Shop(seed=7)


@pytest.fixture
def world(sessions, fakes, shop):
    return World(sessions, fakes, shop)


def by_id(events):
    return {event["id"]: event for event in events}


def test_after_a_day_down_every_event_is_there_once_by_push_and_the_same_by_cursor(sessions, world, shop):
    world.live(5)
    shop.is_down = True
    world.live(STEPS)
    assert len(shop.handled) == 5
    assert cases(sessions) == ["endpoint"]
    tries = value(sessions, "SELECT count(*) FROM deliveries WHERE trouble <> ''")
    assert tries <= policy.NOTICES_AS_PROBE * STEPS + 5
    shop.is_down = False
    world.live(10, every=policy.ENDPOINT_RESTS[-1])
    settled = value(sessions, "SELECT count(*) FROM settlements")
    assert settled == 5 + STEPS + 10
    world.live(3, every=policy.ENDPOINT_RESTS[-1], settling=0)
    assert len(shop.handled) == len(by_id(shop.handled)) == settled, "minutes after it is back, nothing is missing"
    world.live(8, every=policy.LONGEST_NOTICE_WAIT, settling=0)
    assert value(sessions, "SELECT count(*) FROM notices WHERE state <> 'delivered'") == 0
    assert len(shop.handled) == settled, "what came again was known"
    assert shop.pushed_again > 0, "or the test has shown nothing about duplicates"
    assert cases(sessions) == [], "it ended by itself"

    reader = Shop(seed=1)
    reader.catch_up(sessions)
    assert [event["seq"] for event in reader.handled] == list(range(1, settled + 1))
    assert by_id(reader.handled) == by_id(shop.handled)


def test_an_application_that_catches_up_by_cursor_and_is_pushed_to_as_well_handles_nothing_twice(sessions, world, shop):
    shop.is_down = True
    world.live(8)
    shop.is_down = False
    shop.catch_up(sessions)
    assert len(shop.handled) == 8
    for _ in range(8):
        let_notices_wait(sessions, policy.ENDPOINT_RESTS[-1])
        world.work()
        shop.catch_up(sessions)
    assert len(shop.handled) == len(by_id(shop.handled)) == 8
    assert shop.pushed_again >= 8
