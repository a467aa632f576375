"""The way past the framework: a callback is stored and answered the same, whichever way it goes."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from models.errors import TryAgain
from tests.servers import PATIENCE
from tests.trouble import frozen
from tests.webdoor import open_door, until

PATH = "/api/callback/ligdicash"
HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" % PATH.encode()
WHOLE = HEAD + b"Content-Length: 2\r\n\r\n{}"


@pytest.fixture
def door(database_url):
    with open_door(database_url) as door:
        yield door


@pytest.fixture
def framework(door, monkeypatch):
    """What the framework's way was used for meanwhile: the paths of its requests."""
    seen = []
    inner = type(door.app).__call__

    async def note(self, scope, receive, send):
        seen.append(scope.get("path"))
        await inner(self, scope, receive, send)

    monkeypatch.setattr(type(door.app), "__call__", note)
    return seen


def line_to(door) -> socket.socket:
    where = urlsplit(door.url)
    return socket.create_connection((where.hostname, where.port), timeout=PATIENCE)


def told(door, whole: bytes, *, rest: bytes = b"", once=lambda: None) -> bytes:
    """Send this, and the rest of it once that returned, and hear everything until the door hangs up."""
    with line_to(door) as line:
        line.sendall(whole)
        once()
        line.sendall(rest)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def without_date(answer: bytes) -> set[bytes]:
    return {line for line in answer.split(b"\r\n") if not line.startswith(b"date: ")}


def test_a_whole_callback_does_not_see_the_framework(door, framework):
    assert told(door, WHOLE).startswith(b"HTTP/1.1 200 ")
    assert framework == []


def test_one_to_the_address_of_an_account_does_not_either_and_is_stored_with_that_address(door, framework):
    told(door, WHOLE.replace(PATH.encode(), PATH.encode() + b"/default?x=1"))
    told(door, WHOLE.replace(PATH.encode(), PATH.encode() + b"/nobody"))
    assert framework == [f"{PATH}/nobody"]
    assert [stored.headers[":path"] for stored in door.callbacks()] == [f"{PATH}/default", f"{PATH}/nobody"]


def test_one_in_pieces_goes_its_way_and_has_the_same_answer(door, framework):
    in_pieces = told(door, WHOLE[:-1], rest=WHOLE[-1:], once=lambda: until(lambda: framework))
    assert without_date(in_pieces) == without_date(told(door, WHOLE))
    assert framework == [PATH]
    first, second = door.callbacks()
    assert (first.body, first.headers, first.source) == (second.body, second.headers, second.source)


def test_several_on_one_line_are_answered_in_their_order(door):
    three = b"".join(HEAD + b"Content-Length: 1\r\n\r\n%d" % n for n in range(3))
    assert told(door, three + WHOLE).count(b"HTTP/1.1 200 ") == 4
    assert [stored.body for stored in door.callbacks()] == [b"0", b"1", b"2", b"{}"]


def test_a_sender_that_wants_to_go_is_let_go(door):
    with line_to(door) as line:
        line.sendall(WHOLE.replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        heard = b"".join(iter(lambda: line.recv(65536), b""))
    assert b"connection: close" in heard
    assert heard.endswith(b'{"ok": true}')


@pytest.mark.parametrize(("whence", "source"), [("203.0.113.9", "203.0.113.9"), ("", "127.0.0.1")])
def test_a_trusted_proxy_says_who_sent_it(door, whence, source):
    door.call("POST", PATH, json={}, headers={"X-Forwarded-For": whence})
    assert [stored.source for stored in door.callbacks()] == [source]


def test_what_cannot_be_stored_is_refused_in_the_same_words(door, monkeypatch):
    def refuse(*_):
        raise TryAgain("too many callbacks wait to be stored; send the same request again")

    monkeypatch.setattr(door.app.state.writer, "take", refuse)
    answer = door.call("POST", PATH, json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json() == {"error": "too many callbacks wait to be stored; send the same request again"}


def test_what_takes_too_long_is_refused_too(door, monkeypatch):
    monkeypatch.setattr(door.app.state.writer, "take", lambda *_: None)
    monkeypatch.setattr(door.app.state.writer, "within", 0.2)
    answer = door.call("POST", PATH, json={})
    assert answer.status_code == 503
    assert answer.json() == {"error": "neither database nor spool took it within 0.2 seconds"}


def test_a_sender_that_leaves_before_its_answer_harms_nobody(database_url):
    with open_door(database_url) as door:
        with frozen(database_url) as other:
            with line_to(door) as line:
                line.sendall(WHOLE)
            other.rollback()
        assert door.call("POST", PATH, json={}).status_code == 200
        until(lambda: len(door.callbacks()) == 2)
