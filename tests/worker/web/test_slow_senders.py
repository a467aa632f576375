"""Senders that are slow on purpose: they are ended, and nobody else waits for them."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import requests

from tests.servers import PATIENCE, free_port
from tests.webdoor import open_door, until
from tests.worker.web.test_web import ENVIRONMENT, answers
from worker.web import server

PATH = "/api/callback/ligdicash"
HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\n" % PATH.encode()


@pytest.fixture
def door(database_url):
    with open_door(database_url) as door:
        yield door


@pytest.fixture
def hurried(monkeypatch):
    """A door with a second's patience."""
    monkeypatch.setattr(server, "HEAD_WITHIN", 1.0)
    monkeypatch.setattr(server, "LEAVE_WITHIN", 0.2)
    monkeypatch.setattr(server, "BODY_WITHIN", 1.0)


@pytest.fixture
def patient(monkeypatch):
    """A door that ends nobody for being slow, however slow the machine is."""
    monkeypatch.setattr(server, "HEAD_WITHIN", PATIENCE)
    monkeypatch.setattr(server, "BODY_WITHIN", PATIENCE)


def line_to(url: str, *, first: bytes = b"") -> socket.socket:
    where = urlsplit(url)
    line = socket.create_connection((where.hostname, where.port), timeout=PATIENCE)
    line.sendall(first)
    return line


@contextmanager
def lines_to(url: str, count: int, *, first: bytes = b""):
    """Many connections, each with this as its first words."""
    with ExitStack() as stack:
        yield [stack.enter_context(line_to(url, first=first)) for _ in range(count)]


def drip(line: socket.socket, piece: bytes) -> bool:
    """Send a little more; whether the other side still listens. Its answer, if any, is left unread."""
    with suppress(OSError):
        line.send(piece)
        return not has_ended(line)
    return False


def has_ended(line: socket.socket) -> bool:
    """Whether the server hung up."""
    line.setblocking(False)
    try:
        while line.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        line.settimeout(PATIENCE)
    return True


def everything(line: socket.socket) -> bytes:
    """What comes until the server hangs up."""
    told = b""
    with suppress(ConnectionResetError):
        while piece := line.recv(65536):
            told += piece
    return told


@pytest.mark.parametrize("first", [b"", HEAD, HEAD[:9]], ids=["nothing", "half a head", "half a line"])
@pytest.mark.usefixtures("hurried")
def test_a_sender_whose_head_does_not_come_is_told_so_and_hung_up_on(door, first):
    with line_to(door.url, first=first) as line:
        told = everything(line)
    assert told.startswith(b"HTTP/1.1 408 ")
    assert told.endswith(b'{"error": "no whole head of a request came within 1 seconds"}')


@pytest.mark.usefixtures("hurried")
def test_a_byte_now_and_then_buys_no_more_time(door):
    with line_to(door.url, first=HEAD + b"X: ") as line:
        until(lambda: not drip(line, b"x"))


@pytest.mark.usefixtures("hurried")
def test_neither_does_a_body_that_goes_on_after_its_refusal(door):
    refused = HEAD + b"Content-Type: text/plain\r\nContent-Length: 60000\r\n\r\n"
    with line_to(door.url, first=refused) as line:
        assert line.recv(1000).startswith(b"HTTP/1.1 415 ")
        until(lambda: not drip(line, b"x"))


class Unhurried:
    """A clock for the door that passes over the times in which the machine stood still."""

    def __init__(self) -> None:
        self._real = self._now = time.monotonic()
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        with self._lock:
            real = time.monotonic()
            self._now += min(real - self._real, 0.2)
            self._real = real
            return self._now


@pytest.mark.usefixtures("hurried")
def test_the_time_for_a_head_begins_again_after_each_answer(door, monkeypatch):
    """Longer in all than the patience for one head."""
    clock = Unhurried()
    monkeypatch.setattr(server, "time", clock)
    request = HEAD + b"Content-Length: 2\r\n\r\n{}"
    with line_to(door.url) as line:
        began = clock.monotonic()
        while clock.monotonic() - began < 1.5:
            line.sendall(request)
            told = b""
            while not told.endswith(b'{"ok": true}'):
                told += line.recv(1000)
                assert told


def test_a_reader_that_does_not_read_its_answers_is_hung_up_on(door, monkeypatch):
    monkeypatch.setattr(server, "ANSWER_WITHIN", 0.5)
    with line_to(door.url) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.setblocking(False)
        asking = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 2000
        with suppress(OSError):  # nothing more goes in, or it has hung up already
            while asking:
                asking = asking[line.send(asking) :]
        until(lambda: cannot_send(line))


def cannot_send(line: socket.socket) -> bool:
    line.setblocking(False)
    try:
        line.send(b"x")
    except BlockingIOError:
        return False
    except OSError:
        return True
    return False


def test_a_sender_that_has_said_everything_still_gets_its_answers(door):
    three = (HEAD + b"Content-Length: 2\r\n\r\n{}") * 3
    with line_to(door.url, first=three) as line:
        line.shutdown(socket.SHUT_WR)
        assert everything(line).count(b"HTTP/1.1 200 ") == 3
    assert len(door.callbacks()) == 3


def test_a_sender_that_ends_in_the_middle_of_its_body_is_hung_up_on(door):
    with line_to(door.url, first=HEAD + b"Content-Length: 9\r\n\r\n{}") as line:
        line.shutdown(socket.SHUT_WR)
        assert b"200" not in everything(line)
    assert door.callbacks() == []


@contextmanager
def five_hundred_slow_senders(url: str):
    """Half of them in the middle of a head, the others of a body."""
    with (
        lines_to(url, 250, first=HEAD) as heads,
        lines_to(url, 250, first=HEAD + b"Content-Length: 60000\r\n\r\n") as bodies,
    ):
        yield [*heads, *bodies]


@pytest.mark.usefixtures("patient")
def test_five_hundred_slow_senders_starve_nobody(door):
    with five_hundred_slow_senders(door.url) as lines:
        for _ in range(5):
            assert door.call("POST", PATH, json={}).status_code == 200
            there = sum(drip(line, b"x") for line in lines)
            assert there == len(lines), "it was answered while they were slow"


@pytest.mark.usefixtures("hurried")
def test_five_hundred_slow_senders_are_all_ended(door):
    with five_hundred_slow_senders(door.url) as lines:
        left = list(lines)

        def drop_the_ended() -> None:
            left[:] = [line for line in left if drip(line, b"x")]

        until(lambda: drop_the_ended() or not left)
        assert door.call("POST", PATH, json={}).status_code == 200


@pytest.mark.usefixtures("patient")
def test_too_many_connections_end_the_one_that_waited_longest_and_never_the_newcomer(door, monkeypatch):
    monkeypatch.setattr(server, "most_connections", lambda: 20)
    with lines_to(door.url, 20) as silent:
        assert requests.get(f"{door.url}/healthz", timeout=PATIENCE).ok
        until(lambda: has_ended(silent[0]))
        assert not any(has_ended(line) for line in silent[1:])


def test_a_whole_request_is_never_ended_to_make_room(database_url, monkeypatch):
    monkeypatch.setattr(server, "most_connections", lambda: 5)
    with open_door(database_url) as door, door.sessions() as session:
        session.connection().exec_driver_sql("LOCK TABLE callbacks IN EXCLUSIVE MODE")
        with line_to(door.url, first=HEAD + b"Content-Length: 2\r\n\r\n{}") as line:
            until(lambda: waits_for_a_lock(door))
            with lines_to(door.url, 20) as silent:
                until(lambda: sum(has_ended(one) for one in silent) >= 16)
                session.rollback()
                assert line.recv(1000).startswith(b"HTTP/1.1 200 ")


def waits_for_a_lock(door) -> bool:
    with door.sessions() as session:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        return bool(session.connection().exec_driver_sql(waiting).scalar())


@pytest.mark.parametrize(("files", "connections"), [(resource.RLIM_INFINITY, 2000), (100_000, 2000), (1024, 512)])
def test_as_many_connections_are_kept_as_there_are_files_for(files, connections):
    assert server.most_within(files) == connections


@pytest.mark.processes
def test_a_process_with_few_files_serves_among_many_silent_connections(database_url, tmp_path):
    """More silent connections than it keeps, and ten times as many as the files it is first given."""
    log, port = tmp_path / "log", free_port()
    command = (sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    with (
        log.open("w") as lines,
        subprocess.Popen(
            [*command, "--http", "worker.web.quick:QuickProtocol"],
            env=ENVIRONMENT | {"DATABASE_URL": database_url, "SPOOL_DIR": str(tmp_path / "spool")},
            stderr=lines,
            preexec_fn=few_files,  # noqa: PLW1509 - the test has no threads yet
        ) as process,
    ):
        try:
            until(lambda: answers(url) or process.poll() is not None)
            with lines_to(url, 2_100) as silent:
                assert requests.post(url + PATH, json={}, timeout=PATIENCE).status_code == 200
                assert not has_ended(silent[-1]), "it was answered while they were silent"
        finally:
            process.kill()
    assert "ended_to_make_room" in log.read_text()
    assert "Traceback" not in log.read_text()


def few_files() -> None:
    """As a shell gives a program: few, and it may take more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
