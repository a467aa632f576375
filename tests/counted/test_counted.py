"""How much work each settlement takes, counted exactly: statements, round trips, messages, questions.

The table is the point. Whoever changes the work changes it here, too, and says why; noise cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from structlog.testing import capture_logs

from tests.counted import table
from tests.counted.counts import Counts, differences
from tests.counted.world import World
from tests.ledger import count
from tests.servers import create_database, drop_database, fresh_name, reachable_folder
from worker.embedded.folder import DataFolder
from worker.embedded.supervisor import Supervisor
from worker.embedded.valkey import EmbeddedValkey


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    """A Valkey of our own: what others do on the session's would be counted."""
    with reachable_folder() as path, DataFolder(path) as folder, Supervisor(folder.logs) as supervisor:
        valkey = EmbeddedValkey.prepare(folder)
        supervisor.start(valkey.child())
        yield valkey.url


@pytest.fixture(scope="module")
def counted_database(postgres_url, template_database) -> Iterator[str]:
    """One database for all: each test empties it."""
    name = fresh_name()
    yield create_database(postgres_url, name, template=template_database)
    drop_database(postgres_url, name)


@pytest.fixture
def world(counted_database, valkey_url, tmp_path) -> Iterator[World]:
    """A fresh process, as far as its connections know."""
    with capture_logs():
        made = World(counted_database, valkey_url, folder=tmp_path)
        yield made
        made.close()


def counted(world: World, work: Callable[[World], object], *, before: Callable[[World], object]) -> Counts:
    """What this takes the second time: by then connections are open, and scripts are known to the server."""
    for _ in range(2):
        world.begin()
        before(world)
        world.begin_counting()
        work(world)
    return world.counts()


def must_agree(name: str, counted: Counts) -> None:
    """Hold it against the entry of this name."""
    if told := differences(name, getattr(table, name), counted):
        pytest.fail(told, pytrace=False)


def test_a_lone_callback_from_the_door_until_it_is_settled(world):
    found = counted(world, lambda w: w.let_callbacks_come("ORD-1"), before=lambda w: w.add_paid(1))
    assert count(world.sessions, "settlements") == 1
    must_agree("LONE", found)


def test_its_twin_after_it_is_settled(world):
    def settle(world):
        world.add_paid(1)
        world.let_callbacks_come("ORD-1")

    found = counted(world, lambda w: w.let_callbacks_come("ORD-1"), before=settle)
    assert count(world.sessions, "callbacks") == 2
    must_agree("TWIN", found)


def test_the_twins_of_a_hundred_payments_at_once(world):
    names = [f"ORD-{number}" for number in range(1, 101)]
    twins = [name for name in names for _ in range(2)]
    found = counted(world, lambda w: w.let_callbacks_come(*twins), before=lambda w: w.add_paid(100))
    assert count(world.sessions, "settlements") == 100
    must_agree("MANY", found)


def test_a_sweep_that_finds_nothing(world):
    found = counted(world, World.let_beat_ring, before=lambda w: w.add_paid(200))
    must_agree("NOTHING_DUE", found)


def test_a_sweep_that_finds_two_hundred_payments_due(world):
    found = counted(world, World.let_beat_ring, before=lambda w: w.add_paid(200, due_in=-1))
    assert sum(found.messages.values())
    must_agree("MUCH_DUE", found)
