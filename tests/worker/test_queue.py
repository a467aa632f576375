"""The doorbell on a real Valkey: which list a message lands in, and what happens when nobody can be rung."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from contextlib import contextmanager, suppress

import pytest
import redis
from structlog.testing import capture_logs

import worker.queue
from config.celery_settings import ASK, CALLBACKS, CONTROL, ECHO, FRESH, NOTICES, NOTIFY, READ, RECHECK, REPLAY
from config.policy import ASK_BATCH
from models.check import Lane
from tests.fakes import settings_for
from tests.proxy import wire_to
from tests.servers import PATIENCE
from worker.app import make_app
from worker.queue import READ_ROOM, ROOM, CeleryQueue

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"
KEY = "reconciler:{}".format


@contextmanager
def opened(redis_url):
    app = make_app(settings_for(NO_DATABASE, redis_url))
    try:
        yield app
    finally:
        app.close()


@pytest.fixture
def app(redis_url, monkeypatch):
    for limit in ("socket_timeout", "socket_connect_timeout"):
        monkeypatch.setitem(worker.queue.PATIENCE, limit, PATIENCE)  # a slow machine is no broker away
    with opened(redis_url) as made:
        yield made


@pytest.fixture
def queue(app):
    return CeleryQueue(app)


@pytest.fixture
def valkey(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


def messages(valkey, queue):
    """Task name and arguments of each message waiting, oldest first."""
    found = []
    for raw in reversed(valkey.lrange(KEY(queue), 0, -1)):
        message = json.loads(raw)
        args = json.loads(base64.b64decode(message["body"]))[0]
        found.append((message["headers"]["task"], args))
    return found


def test_an_echo_goes_through_every_queue_and_names_it_in_the_sign(queue, valkey):
    everywhere = (CALLBACKS, FRESH, RECHECK, NOTICES, CONTROL)
    assert sorted(queue.echo("echo:1")) == sorted(everywhere)
    for name in everywhere:
        assert messages(valkey, name) == [(ECHO, [f"echo:1:{name}"])]
        [raw] = valkey.lrange(KEY(name), 0, -1)
        assert json.loads(raw)["headers"]["expires"]


def test_with_the_broker_away_no_echo_is_sent():
    with opened("redis://127.0.0.1:1/0") as app, capture_logs():
        assert CeleryQueue(app).echo("echo:1") == []


def test_stored_callbacks_ring_in_their_queue(queue, valkey):
    assert queue.read_soon([3, 1, 2])
    assert messages(valkey, CALLBACKS) == [(READ, [[3, 1, 2]])]


@pytest.mark.parametrize(
    ("lane", "name"),
    [
        (Lane.CALLBACK, FRESH),
        (Lane.PERSON, FRESH),
        (Lane.SWEEP, RECHECK),
        (Lane.REPLAY, RECHECK),
        (Lane.AUDIT, RECHECK),
    ],
)
def test_a_question_somebody_waits_for_never_stands_behind_the_sweeps(queue, valkey, lane, name):
    assert queue.ask_soon([7, 8], lane=lane)
    assert messages(valkey, name) == [(ASK, [[7, 8], lane.value])]
    assert [messages(valkey, other) for other in (CALLBACKS, FRESH, RECHECK, CONTROL) if other != name] == [[], [], []]


def test_notices_ring_in_a_queue_of_their_own_until_enough_messages_wait(queue, valkey):
    for n in range(ROOM):
        assert queue.room_to_deliver(), n
        assert queue.deliver_soon()
    assert not queue.room_to_deliver()
    assert messages(valkey, NOTICES) == [(NOTIFY, [])] * ROOM
    assert queue.room_to_read()
    assert queue.room_to_ask()


def test_a_replay_plan_stands_where_the_sweeps_questions_stand(queue, valkey):
    assert queue.replay_soon(7)
    assert messages(valkey, RECHECK) == [(REPLAY, [7])]


def test_many_ids_are_several_messages_and_none_is_left_out(queue, valkey):
    ids = list(range(2 * ASK_BATCH + 1))
    assert queue.ask_soon(ids, lane=Lane.SWEEP)
    sent = [args[0] for _, args in messages(valkey, RECHECK)]
    assert [len(part) for part in sent] == [ASK_BATCH, ASK_BATCH, 1]
    assert [i for part in sent for i in part] == ids


def test_the_sweeps_messages_are_as_long_as_many_connections_need_and_fewer_of_them_wait(app, valkey):
    queue = CeleryQueue(app, recheck_batch=4 * ASK_BATCH)
    assert queue.ask_soon(range(4 * ASK_BATCH), lane=Lane.SWEEP)
    assert queue.ask_soon(range(4 * ASK_BATCH), lane=Lane.CALLBACK)
    assert [len(args[0]) for _, args in messages(valkey, RECHECK)] == [4 * ASK_BATCH]
    assert [len(args[0]) for _, args in messages(valkey, FRESH)] == [ASK_BATCH] * 4
    while queue.room_to_ask():
        queue.ask_soon([1], lane=Lane.SWEEP)
    assert len(messages(valkey, RECHECK)) == ROOM // 4


def test_ringing_for_nothing_sends_nothing(queue, valkey):
    assert queue.read_soon([])
    assert valkey.keys("*") == []


def test_there_is_room_to_ask_until_enough_of_the_sweeps_questions_wait(queue, valkey):
    for n in range(ROOM):
        assert queue.room_to_ask(), n
        queue.ask_soon([n], lane=Lane.SWEEP)
    assert not queue.room_to_ask()
    assert queue.room_to_read()
    valkey.flushdb()
    assert queue.room_to_ask()


def test_there_is_room_to_read_until_enough_callbacks_wait(queue, valkey):
    for n in range(READ_ROOM):
        assert queue.room_to_read(), n
        queue.read_soon([n])
    assert not queue.room_to_read()
    assert queue.room_to_ask()
    valkey.flushdb()
    assert queue.room_to_read()


def test_questions_somebody_waits_for_take_no_room_from_the_sweep(queue):
    for n in range(ROOM):
        queue.ask_soon([n], lane=Lane.CALLBACK)
    assert queue.room_to_read()
    assert queue.room_to_ask()


def test_what_waits_is_counted_by_queue_and_unknown_with_the_broker_away(queue):
    queue.read_soon([1])
    queue.ask_soon(range(ASK_BATCH + 1), lane=Lane.SWEEP)
    assert queue.waiting() == {CALLBACKS: 1, FRESH: 0, RECHECK: 2, NOTICES: 0, CONTROL: 0}
    with opened("redis://127.0.0.1:1/0") as nobody, capture_logs():
        assert CeleryQueue(nobody).waiting() is None


def test_a_message_holds_ids_and_nothing_secret(queue, valkey):
    queue.ask_soon([7], lane=Lane.CALLBACK)
    [raw] = valkey.lrange(KEY(FRESH), 0, -1)
    assert b"token" not in raw


def test_with_the_broker_away_it_says_so_soon_and_then_rests():
    with opened("redis://127.0.0.1:1/0") as app, capture_logs() as logs:
        queue = CeleryQueue(app)
        began = time.monotonic()
        assert queue.read_soon([1]) is False
        assert time.monotonic() - began < 30
        assert queue._resting_until > began
        queue._resting_until, queue._connection = began + 600, None  # whoever tried now would trip over that
        assert queue.read_soon(range(1000)) is False
        assert queue.ask_soon([1], lane=Lane.CALLBACK) is False
        assert queue.room_to_read()
        assert queue.room_to_ask()
    assert [entry["event"] for entry in logs] == ["broker_away"]


@contextmanager
def broken_server(*, answers: bool):
    """Takes connections and hangs up at once, or answers the greeting of a client and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def serve():
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                with connection, suppress(OSError):
                    if answers:
                        connection.settimeout(PATIENCE)
                        connection.recv(65_536)
                        connection.sendall(b"-ERR out of order\r\n" * 3)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        finally:
            stop.set()
            thread.join(timeout=PATIENCE)


@pytest.mark.parametrize("answers", [False, True])
def test_a_broker_in_disorder_raises_nothing_whatever_is_asked_of_it(answers):
    with broken_server(answers=answers) as url, opened(url) as app, capture_logs():
        assert CeleryQueue(app).room_to_read()
        assert CeleryQueue(app).room_to_ask()
        assert CeleryQueue(app).read_soon([1]) is False


def test_a_broker_that_goes_away_while_it_is_asked_how_much_waits_is_away(redis_url):
    with wire_to(redis_url) as (wire, url), opened(url) as app:
        wire.cut_at(b"LLEN")  # it has greeted us by then
        queue = CeleryQueue(app)
        with capture_logs() as logs:
            assert queue.room_to_ask()
            assert queue.room_to_read()
            assert queue.waiting() is None
    assert [entry["event"] for entry in logs] == ["broker_away"]


def test_a_queue_that_is_none_counts_as_a_broker_away(queue, valkey):
    valkey.set(KEY(RECHECK), "not a list")
    with capture_logs() as logs:
        assert queue.room_to_ask()
    assert [entry["event"] for entry in logs] == ["broker_away"]


@pytest.mark.parametrize("ask", ["room_to_ask", "ask_soon"])
def test_a_broker_that_takes_connections_and_never_answers_is_waited_for_briefly_and_once(ask):
    with socket.create_server(("127.0.0.1", 0)) as mute, opened(f"redis://127.0.0.1:{mute.getsockname()[1]}/0") as app:
        queue = CeleryQueue(app)
        began = time.monotonic()
        with capture_logs() as logs:
            if ask == "room_to_ask":
                assert queue.room_to_ask()
            assert not queue.ask_soon([1], lane=Lane.SWEEP)
            assert not queue.read_soon([1])
            assert queue.room_to_read()
        assert time.monotonic() - began < 30
        assert [entry["event"] for entry in logs] == ["broker_away"]


def test_it_rings_again_when_its_rest_is_over(queue, valkey):
    queue._resting_until = time.monotonic() + 600
    assert not queue.read_soon([1])
    queue._resting_until = 0
    assert queue.read_soon([1])
    assert len(messages(valkey, CALLBACKS)) == 1


def test_a_broker_that_hung_up_meanwhile_is_rung_again_after_one_rest_at_most(queue, valkey):
    assert queue.read_soon([1])
    assert queue.room_to_ask()
    valkey.client_kill_filter(_type="normal", skipme=True)
    with capture_logs():
        first = queue.read_soon([2])
        queue._resting_until = 0
        assert queue.read_soon([3])
    expected = [[1], [2], [3]] if first else [[1], [3]]
    assert [args[0] for _, args in messages(valkey, CALLBACKS)] == expected
    assert queue.room_to_ask()
