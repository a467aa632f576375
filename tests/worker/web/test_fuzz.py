"""Whatever is sent to the callback route: stored byte for byte and acknowledged, or refused with a reason; never a 5xx."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.callback import Outcome
from tasks.intake import intake
from tests.fakes import toolbox
from tests.servers import PATIENCE, free_port
from tests.webdoor import open_door, until
from tests.worker.web.test_web import ENVIRONMENT, answers

PATH = b"/api/callback/ligdicash"
LIMIT = 64 * 1024
STORED = b'{"ok": true}'


@dataclass(frozen=True)
class Reply:
    """What a raw sender was told."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def talk(url: str, *pieces: bytes, hang_up: bool = False) -> list[Reply]:
    """Send these pieces over a connection of their own, say that this was all, and read every answer."""
    where = urlsplit(url)
    with socket.create_connection((where.hostname, where.port), timeout=PATIENCE) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
            if hang_up:
                return []
            line.shutdown(socket.SHUT_WR)
        except OSError:  # refused in the middle of the sending; the reason may be here all the same
            pass
        return list(replies(line))


def replies(line: socket.socket):
    """Each whole answer on this line. A reset may swallow the last one: it came while we were still sending."""
    with line.makefile("rb") as heard:
        while True:
            answer = HTTPResponse(Heard(heard), method="POST")
            try:
                answer.begin()
                yield Reply(answer.status, answer.read(), dict(answer.headers))
            except (HTTPException, ConnectionResetError):
                return


class Heard:
    """A socket for `HTTPResponse`, which closes the file it makes after each answer."""

    def __init__(self, file) -> None:
        self.file = file

    def makefile(self, _mode: str):
        return self

    def readline(self, *size: int) -> bytes:
        return self.file.readline(*size)

    def read(self, *size: int) -> bytes:
        return self.file.read(*size)

    def readinto(self, into) -> int:
        return self.file.readinto(into)

    def flush(self) -> None: ...

    def close(self) -> None: ...


def post(body: bytes, *headers: bytes, target: bytes = PATH, version: bytes = b"1.1") -> bytes:
    """A request with just these headers beside Host and the length."""
    lines = [b"POST %b HTTP/%b" % (target, version), b"Host: x", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(*lines: bytes) -> bytes:
    """A request whose body is these lines of a chunked one, word for word."""
    return b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" % PATH + b"".join(lines)


def is_kept_or_refused(reply: Reply) -> bool:
    """Acknowledged, or a 4xx whose whole body is one sentence."""
    if reply.status == 200:
        return reply.body == STORED
    told = json.loads(reply.body)
    return 400 <= reply.status < 500 and set(told) == {"error"} and bool(told["error"]) and "\n" not in told["error"]


@pytest.fixture(scope="module")
def opened(servers, template_database):
    """One door for the whole file: its tests are many small requests."""
    from tests.servers import create_database, drop_database, fresh_name

    name = fresh_name()
    with open_door(create_database(servers.postgres_url, name, template=template_database)) as door:
        yield door
    drop_database(servers.postgres_url, name)


@pytest.fixture
def door(opened, caplog):
    """The door without a row. Nothing that is sent may leave a traceback in the log, nor anything worse than a warning."""
    caplog.set_level(logging.WARNING)
    with opened.sessions() as session, session.begin():
        session.connection().exec_driver_sql("TRUNCATE callbacks, cases CASCADE")
    yield opened
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR] == []


def nested(kind: bytes) -> bytes:
    return {b"list": b"[" * LIMIT, b"object": (b'{"a":' * LIMIT)[:LIMIT]}[kind]


BODIES = {
    "a list nested as deep as fits": nested(b"list"),
    "an object nested as deep as fits": nested(b"object"),
    "a whole nested list": b"[" * (LIMIT // 2) + b"]" * (LIMIT // 2),
    "a number of 60,000 digits": b'{"amount": ' + b"9" * 60_000 + b"}",
    "a number with an exponent nobody can pay": b'{"amount": 1e999999999}',
    "60,000 digits in a form": b"amount=" + b"9" * 60_000,
    "numbers that are none": b'{"amount": NaN, "a": Infinity, "b": -Infinity}',
    "the same key twice": b'{"transaction_id": "a", "transaction_id": "b", "token": 1, "token": [2]}',
    "a lone surrogate": b'{"transaction_id": "\\ud800", "custom_data": "\\udfff"}',
    "NUL in text": b'{"transaction_id": "a\\u0000b"}',
    "NUL in a form": b"transaction_id=a%00b&custom_data[0][keyof_customdata]=%00",
    "a NUL byte": b'{"transaction_id": "a\x00b"}',
    "no UTF-8": b'{"transaction_id": "\xff\xfe\xc3\x28"}',
    "UTF-16": '{"transaction_id": "ORDER"}'.encode("utf-16"),
    "UTF-32": '{"transaction_id": "ORDER"}'.encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "thousands of fields": b"&".join(b"a%d=%d" % (i, i) for i in range(6000)),
    "deep brackets in a form": b"custom_data" + b"[a]" * 20_000 + b"=1",
    "a wrong kind in every place": b'{"transaction_id": {}, "custom_data": [[[]], 1, null, {"a": []}], "status": [], "amount": {}}',
    "escapes that are cut off": b"transaction_id=%&status=%f&%",
    "an exponent in an id": b'{"transaction_id": 1e400, "external_id": -0}',
    "only a string": b'"completed"',
    "nothing": b"",
}
CONTENT_TYPES = [
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"application/json; charset=utf-16",
    b"application/json; charset=no-such-thing",
    b"application/x-www-form-urlencoded; charset=shift_jis; charset=utf-7",
    b'application/json; charset="',
    b"Application/JSON;;;=;" + b"x" * 600,
]


@pytest.mark.parametrize("name", BODIES)
def test_a_hostile_body_is_stored_as_it_came_and_has_an_outcome(door, name):
    body = BODIES[name]
    told = [talk(door.url, post(body, b"Content-Type: " + kind)) for kind in CONTENT_TYPES]
    assert [[(reply.status, reply.body) for reply in one] for one in told] == [[(200, STORED)]] * len(CONTENT_TYPES)
    stored = door.callbacks()
    assert [one.body for one in stored] == [body] * len(CONTENT_TYPES)
    everything_is_read(door)


def everything_is_read(door) -> None:
    """Intake of all that is stored raises nothing (its log is watched by the fixture) and leaves each with an outcome."""
    ids = [stored.id for stored in door.callbacks()]
    assert intake(toolbox(door.sessions), ids) == len(ids)
    left = [stored.body[:60] for stored in door.callbacks() if stored.outcome == Outcome.RECEIVED]
    assert left == []


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(
            [b"Content-Type", b"X-Odd", b"Expect", b"Connection", b"Upgrade", b"Transfer-Encoding", b"Host", b"Accept"]
        ),
        st.one_of(
            st.sampled_from([b"chunked", b"100-continue", b"websocket", b"h2c", b"close, upgrade", b"keep-alive", b""]),
            st.binary(max_size=40),
        ),
    ).map(b": ".join),
    max_size=6,
)
QUICKLY = settings(
    max_examples=150,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@given(
    body=st.binary(max_size=300), headers=HEADERS, content_type=st.sampled_from([*CONTENT_TYPES, b"text/html", b"\xff"])
)
@QUICKLY
def test_random_bytes_under_random_headers_are_kept_or_refused(door, body, headers, content_type):
    before = len(door.callbacks())
    told = talk(door.url, post(body, b"Content-Type: " + content_type, *headers))
    assert all(map(is_kept_or_refused, told))
    stored = [one.body for one in door.callbacks()[before:]]
    assert len(stored) >= [reply.status for reply in told].count(200)
    is_plain = not any(word in header for header in headers for word in (b"chunked", b"\n"))  # which ends a head early
    if told and told[0].status == 200 and is_plain:
        assert body in stored  # not first: one before it whose sender heard of a reset may be stored late


@given(noise=st.binary(max_size=400), at=st.integers(0, 200))
@QUICKLY
def test_random_bytes_instead_of_http_are_refused_with_a_reason(door, noise, at):
    whole = post(b'{"transaction_id": "a"}', b"Content-Type: application/json")
    for sent in (noise, whole[:at] + noise, whole + noise, chunked(b"5\r\nhello\r\n", noise)):
        assert all(map(is_kept_or_refused, talk(door.url, sent)))


REFUSED = {
    "a length of no number": b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: ten\r\n\r\n" % PATH,
    "a negative length": b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n" % PATH,
    "two lengths": b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab" % PATH,
    "a length of 5,000 digits": b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Length: %b\r\n\r\n" % (PATH, b"9" * 5000),
    "no host": b"POST %b HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}" % PATH,
    "two hosts": b"POST %b HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 2\r\n\r\n{}" % PATH,
    "a head of 400 kB": post(b"{}", b"X-Big: " + b"x" * 400_000),
    "a header without a name": post(b"{}", b": value"),
    "a header over two lines and a NUL": post(b"{}", b"X-Folded: a\r\n b\x00"),
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
    "an unknown coding": b"POST %b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nabc" % PATH,
    "a chunk of no size": chunked(b"zz\r\nhello\r\n0\r\n\r\n"),
    "a chunk of a negative size": chunked(b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk longer than it says": chunked(b"3\r\nhello\r\n0\r\n\r\n"),
    "a chunk of an endless size": chunked(b"f" * 500 + b"\r\nhello"),
    "an extension without an end": chunked(b"5;" + b"a" * 100_000),
    "chunks past the limit": chunked(b"8000\r\n" + b"x" * 0x8000 + b"\r\n") + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 2,
    "one more byte than the limit": post(b"x" * (LIMIT + 1)),
    "broken chunks after a refusal": b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an address of another site": post(b"{}", target=b"http://elsewhere.example/api/callback/ligdicash"),
    "an address that is no path": post(b"{}", target=b"*"),
    "an encoded address": post(b"{}", target=b"/api/callback%2fligdicash%00%ff"),
    "another method": b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_is_refused_with_a_reason_and_stored_nowhere(door, name):
    told = talk(door.url, REFUSED[name])
    assert told
    assert all(is_kept_or_refused(reply) and reply.status != 200 for reply in told)
    assert door.callbacks() == []


TAKEN = {
    "HTTP/1.0": post(b"{}", version=b"1.0"),
    "HTTP/1.0 without a host": b"POST %b HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}" % PATH,
    "a sender that waits to be told": post(b"{}", b"Expect: 100-continue"),
    "a sender that wants to speak another way": post(b"{}", b"Connection: upgrade", b"Upgrade: websocket"),
    "extensions of chunks": chunked(
        b"1;a=b\r\n{\r\n", b"1;" + b"c" * 8000 + b"\r\n}\r\n", b"0\r\nX-Trailer: 1\r\n\r\n"
    ),
    "chunks of one byte": chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
    "a query of 10 kB": post(b"{}", target=PATH + b"?" + b"%00" * 3000),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_odd_and_allowed_is_stored(door, name):
    assert [(reply.status, reply.body) for reply in talk(door.url, TAKEN[name])] == [(200, STORED)]
    assert [stored.body for stored in door.callbacks()] == [b"{}"]


def test_ten_requests_in_one_write_are_ten_rows_in_their_order(door):
    bodies = [b'{"n": %d}' % i for i in range(10)]
    told = talk(door.url, b"".join(map(post, bodies)))
    assert [reply.status for reply in told] == [200] * 10
    assert [stored.body for stored in door.callbacks()] == bodies


def test_what_follows_a_refusal_on_the_same_line_is_taken_up_again(door):
    told = talk(door.url, post(b"{}", b"Content-Type: text/plain") + post(b"next"))
    assert [reply.status for reply in told] == [415, 200]
    assert [stored.body for stored in door.callbacks()] == [b"next"]


def test_a_sender_that_leaves_at_any_point_does_no_harm(door):
    whole = post(b"x" * 200)
    for at in range(0, len(whole) + 1, 7):
        talk(door.url, whole[:at], hang_up=True)
    assert [reply.status for reply in talk(door.url, post(b"last"))] == [200]
    assert {stored.body for stored in door.callbacks()} <= {b"x" * 200, b"last"}


def test_what_was_sent_at_random_is_read_without_an_error(door):
    """The rows of a run of random bodies, through the whole of intake."""
    for seed in range(60):
        body = bytes((seed * 31 + i * i * 7 + i // 3) % 256 for i in range(seed * 9))
        kind = CONTENT_TYPES[seed % len(CONTENT_TYPES)]
        assert [reply.status for reply in talk(door.url, post(body, b"Content-Type: " + kind))] == [200]
    everything_is_read(door)


def resident_kb(pid: int) -> int:
    """Memory of a process that is its own and in RAM, in kB."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


@pytest.mark.processes
def test_the_process_does_not_grow_with_what_is_thrown_at_it(database_url, tmp_path):
    """Memory after ten times as much bad input, on the real process: 0.3 % more was measured."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port))
    environment = ENVIRONMENT | {"DATABASE_URL": database_url, "SPOOL_DIR": str(tmp_path / "spool")}
    with (
        (tmp_path / "log").open("w") as log,
        subprocess.Popen(
            [*command, "--http", "worker.web.quick:QuickProtocol"], env=environment, stderr=log
        ) as process,
    ):
        try:
            until(lambda: answers(url) or process.poll() is not None)
            throw(url, rounds=5)
            before = resident_kb(process.pid)
            throw(url, rounds=45)
            after = resident_kb(process.pid)
        finally:
            process.kill()
    assert after < before * 1.1, f"{before} kB became {after} kB"
    assert "Traceback" not in (tmp_path / "log").read_text()


def throw(url: str, *, rounds: int) -> None:
    """Everything this file knows, once a round."""
    for _ in range(rounds):
        for sent in (*REFUSED.values(), *TAKEN.values(), *map(post, BODIES.values())):
            assert all(is_kept_or_refused(reply) for reply in talk(url, sent))
