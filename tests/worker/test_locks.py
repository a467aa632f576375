"""Locks on a real Valkey: owned, short-lived, let go only by their owner, and never in the way when the server is gone."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress

import fakeredis
import pytest
import redis
from structlog.testing import capture_logs

from tasks.toolbox import LockView
from tests.servers import patient
from tests.webdoor import until
from worker.locks import PREFIX, RedisHeld, RedisLocks, connect


@pytest.fixture
def client(redis_url):
    with connect(patient(redis_url)) as opened:
        yield opened


@pytest.fixture
def locks(client):
    return RedisLocks(client, life=600)


def test_a_lock_is_held_by_one(locks, client):
    first = locks.take([1, 2])
    second = locks.take([2, 3])
    assert (first.ids, second.ids) == ({1, 2}, {3})
    assert 500_000 < client.pttl(f"{PREFIX}1") <= 600_000


def test_what_is_let_go_is_free_and_the_rest_stays_held(locks):
    first = locks.take([1, 2])
    first.release([1])
    assert locks.take([1, 2]).ids == {1}
    assert first.ids == {1, 2}


def test_letting_go_twice_does_not_let_go_of_somebody_elses(locks):
    first = locks.take([1])
    first.release([1])
    locks.take([1])
    first.release([1])
    assert locks.take([1]).ids == set()


def test_a_lock_that_ended_and_was_taken_by_another_is_not_released_by_its_first_owner(client):
    brief = RedisLocks(client, life=0.02)
    first = brief.take([1])
    until(lambda: not client.exists(f"{PREFIX}1"))
    second = RedisLocks(client, life=600).take([1])
    assert second.ids == {1}
    first.release([1])
    assert RedisLocks(client, life=600).take([1]).ids == set()


def test_letting_go_of_what_was_never_ours_does_nothing(locks):
    held = locks.take([1])
    locks.take([2])
    held.release([2, 3])
    assert locks.take([2]).ids == set()


def test_a_batch_costs_one_round_trip_each_way(locks, client):
    locks.take([0]).release([0])  # both scripts are known to the server now
    before = client.info("commandstats")
    locks.take(range(1, 201)).release(range(1, 201))
    after = client.info("commandstats")
    calls = after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"]
    assert calls == 2
    assert after.get("cmdstat_eval") == before.get("cmdstat_eval")


def test_a_take_that_was_sent_twice_is_still_ours(locks, client):
    script = client.register_script(locks._take.script)
    keys = [f"{PREFIX}1", f"{PREFIX}2"]
    assert script(keys=keys, args=["me", 30_000]) == [1, 2]
    assert script(keys=keys, args=["me", 30_000]) == [1, 2]
    assert script(keys=keys, args=["other", 30_000]) == []


def test_a_server_that_was_emptied_forgets_scripts_and_locks_and_goes_on(locks, client):
    held = locks.take([1])
    client.flushall()
    client.script_flush()
    assert locks.take([1]).ids == {1}
    held.release([1])
    assert locks.take([1]).ids == set()


def test_taking_nothing_asks_nobody():
    nobody = RedisLocks(connect("redis://127.0.0.1:1/0"), life=30)
    with capture_logs() as logs:
        assert nobody.take([]).ids == set()
    assert logs == []


def test_with_the_server_away_all_count_as_taken_and_releasing_raises_nothing():
    nobody = RedisLocks(connect("redis://127.0.0.1:1/0"), life=30)
    with capture_logs() as logs:
        held = nobody.take([1, 2])
        held.release([1, 2])
    assert held.ids == {1, 2}
    assert [entry["event"] for entry in logs] == ["locks_away"]


@contextmanager
def impatient(host: str, port: int):
    """A client like the real one that gives up sooner."""
    options = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2, "retry": connect("redis://x").get_retry()}
    with redis.Redis(host=host, port=port, **options) as client:
        yield client


def callers(mute: socket.socket) -> int:
    """How many connections reached this listening socket since it was last asked; each is hung up."""
    mute.setblocking(False)
    count = 0
    with suppress(BlockingIOError):
        while True:
            mute.accept()[0].close()
            count += 1
    return count


def test_a_server_that_never_answers_is_tried_once_for_a_take_and_never_for_its_releases():
    with socket.create_server(("127.0.0.1", 0)) as mute, impatient(*mute.getsockname()) as client:
        with capture_logs() as logs:
            held = RedisLocks(client, life=600).take([1, 2, 3])
            assert held.ids == {1, 2, 3}
            assert callers(mute) == 1
            for handful in ([1], [2], [1, 2, 3]):
                held.release(handful)
        assert callers(mute) == 0
    assert [entry["event"] for entry in logs] == ["locks_away"]


def test_after_a_release_that_got_no_answer_no_other_is_tried_for_this_batch():
    with socket.create_server(("127.0.0.1", 0)) as mute, impatient(*mute.getsockname()) as client:
        held = RedisHeld(RedisLocks(client, life=600), owner="me", ids=frozenset([1, 2, 3]))
        with capture_logs() as logs:
            for handful in ([1], [2], [1, 2, 3]):
                held.release(handful)
        assert callers(mute) == 1
    assert [entry["event"] for entry in logs] == ["locks_not_released"]


def test_the_limits_of_the_client_are_short():
    kwargs = connect("redis://127.0.0.1:1/0").connection_pool.connection_kwargs
    assert kwargs["socket_timeout"] <= 2
    assert kwargs["socket_connect_timeout"] <= 2


def test_the_scripts_say_the_same_to_another_engine():
    locks = RedisLocks(fakeredis.FakeRedis(), life=30)
    first = locks.take([1, 2])
    assert locks.take([2, 3]).ids == {3}
    first.release([2])
    assert locks.take([1, 2]).ids == {2}


def test_a_look_at_a_lock_tells_who_holds_it_and_for_how_long_and_takes_nothing(locks, client):
    assert locks.view(1) == LockView(is_held=False)
    held = locks.take([1])
    view = locks.view(1)
    assert (view.is_held, view.holder) == (True, f"{os.getpid()}@{socket.gethostname()}")
    assert 500 < view.ends_in <= 600
    held.release([1])
    assert locks.view(1) == LockView(is_held=False)
    assert client.keys() == []


def test_a_lock_of_a_release_that_did_not_tell_is_held_by_somebody(locks, client):
    client.set(f"{PREFIX}1", "0123456789abcdef", px=30_000)
    assert (locks.view(1).is_held, locks.view(1).holder) == (True, "")


def test_two_takes_of_one_process_are_two_owners(locks):
    first = locks.take([1])
    second = locks.take([2])
    second.release([1])
    first.release([2])
    assert locks.take([1, 2]).ids == set()


def test_with_the_server_away_nobody_knows_who_holds_a_lock():
    nobody = RedisLocks(connect("redis://127.0.0.1:1/0"), life=30)
    with capture_logs():
        assert nobody.view(1) == LockView(is_held=None)
