"""An answer is read the same whether it is cut out of the bytes or left to `http.client`, in however many pieces it comes."""

from __future__ import annotations

import gzip
import http.client
import io
import time

import pytest

from tests.worker.ligdicash.scripted_gateway import message
from worker.ligdicash import reading
from worker.ligdicash.reading import Incoming, read_reply
from worker.ligdicash.transport import FAILURES

BODY = b'{"status": "completed"}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
LIMIT = 40

PLAIN = {
    "with a length": message(BODY),
    "with a blank reason": message(BODY, "200 "),
    "an error": message(BODY, "500 Internal Server Error"),
    "empty": message(b""),
    "with cookies": message(BODY, "200 OK", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Odd:   \t spaced \t"),
    "as long as is kept": message(b"x" * LIMIT),
    "one byte longer": message(b"x" * (LIMIT + 1)),
    "much longer": message(b"x" * 1000),
    "in chunks": CHUNKED + b'5\r\n{"sta\r\n12;x=y\r\ntus": "completed"}\r\n0\r\n\r\n',
    "in no chunks": CHUNKED + b"0\r\n\r\n",
    "in chunks longer than is kept": CHUNKED + b"1e\r\n" + b"x" * 30 + b"\r\n1e\r\n" + b"x" * 30 + b"\r\n0\r\n\r\n",
    "in chunks with a trailer": CHUNKED + b"2\r\n{}\r\n0\r\nExpires: never\r\n\r\n",
}
ODD = {
    "until it hangs up": b"HTTP/1.1 200 OK\r\n\r\n" + BODY,
    "of HTTP/1.0": message(BODY).replace(b"HTTP/1.1", b"HTTP/1.0"),
    "packed": message(gzip.compress(BODY), "200 OK", "Content-Encoding: gzip"),
    "after a 100": b"HTTP/1.1 100 Continue\r\n\r\n" + message(BODY),
    "without a body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "with bare line feeds": message(BODY).replace(b"\r\n", b"\n"),
    "with a folded header": message(BODY, "200 OK", "X-Long: one", " two"),
    "with no header": message(BODY, "200 OK", "no colon here"),
    "with a length and chunks": message(b"2\r\n{}\r\n0\r\n\r\n", "200 OK", "Transfer-Encoding: chunked"),
    "with a length that is none": b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
}
BROKEN = {
    "with two lengths": message(BODY, "200 OK", "Content-Length: 3"),
    "nothing": b"",
    "half a head": message(BODY)[:30],
    "half a body": message(BODY)[:-3],
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "half a chunk": CHUNKED + b"5\r\n{}",
    "a chunk without a size": CHUNKED + b"x\r\n",
    "a chunk of less than nothing": CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n",
    "a chunk that goes on": CHUNKED + b"2\r\n{}oh\r\n0\r\n\r\n",
    "a chunk line without an end": CHUNKED + b"2" * 70_000,
    "a head without an end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
}


class PieceSocket:
    """Gives what it holds in pieces, and then the end."""

    def __init__(self, whole: bytes, *, piece: int):
        self.left, self.piece = whole, piece

    def settimeout(self, seconds):
        assert seconds > 0

    def recv(self, most):
        data, self.left = self.left[: min(self.piece, most)], self.left[min(self.piece, most) :]
        return data

    def makefile(self, *_, **__):
        return io.BytesIO()


def read(whole, *, piece=100_000):
    return read_reply(Incoming(PieceSocket(whole, piece=piece), deadline=time.monotonic() + 60), limit=LIMIT)


def by_http_client(whole):
    return reading._read_any(Incoming(PieceSocket(whole, piece=100_000), deadline=time.monotonic() + 60), limit=LIMIT)


def told(reply):
    """Its headers, but for blanks around them, and for which of two of one name is kept."""
    return {name: value.strip() for name, value in reply.headers.items() if name != "set-cookie"}


@pytest.mark.parametrize("kind", [*PLAIN, *ODD])
@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_an_answer_says_what_http_client_reads_in_it(kind, piece):
    whole = (PLAIN | ODD)[kind]
    reply, expected = read(whole, piece=piece), by_http_client(whole)
    assert (reply.http_status, reply.body) == (expected.http_status, expected.body)
    assert told(reply) == told(expected)


@pytest.mark.parametrize("kind", [*PLAIN, *ODD])
def test_a_plain_answer_is_cut_out_here_and_every_other_is_left_to_http_client(kind):
    incoming = Incoming(PieceSocket((PLAIN | ODD)[kind], piece=100_000), deadline=time.monotonic() + 60)
    assert (reading._read_plain(incoming, limit=LIMIT) is not None) is (kind in PLAIN)


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("piece", [1, 100_000])
def test_what_is_broken_off_or_no_answer_is_a_failure(kind, piece):
    with pytest.raises(FAILURES):
        read(BROKEN[kind], piece=piece)


@pytest.mark.parametrize(
    ("whole", "is_last"),
    [
        (message(BODY), False),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\n", False),
        (message(BODY) + b"HTTP/1.1 200 OK\r\n", True),
        (CHUNKED + b"2\r\n{}\r\n0\r\n\r\nHTTP/1.1", True),
        (message(BODY, "200 OK", "Connection: close"), True),
        (message(b"x" * 1000)[:200], True),
        (PLAIN["in chunks with a trailer"], False),
        (ODD["packed"], True),
    ],
)
def test_a_connection_is_used_again_only_when_nothing_can_be_left_on_it(whole, is_last):
    assert read(whole).is_last is is_last


def test_no_answer_is_waited_for_after_its_time():
    with pytest.raises(TimeoutError):
        read_reply(Incoming(PieceSocket(message(BODY), piece=1), deadline=time.monotonic()), limit=LIMIT)


def test_a_body_that_breaks_off_is_told_as_one():
    with pytest.raises(http.client.HTTPException):
        read(message(BODY)[:-1])
