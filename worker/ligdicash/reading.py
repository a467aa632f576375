"""Reading one answer off a socket, all of it before one deadline.

A read timeout of `requests` counts from byte to byte, so a server that sends one byte every few seconds can hold a worker for
hours. Here each wait for bytes gets only what is left of the time for the whole answer.

An answer as the gateway gives it (HTTP/1.1, with a length or in chunks, not packed) is read by `httptools`: `http.client` and
urllib3 need several times as long to take it apart. Whatever looks different in any way is left to them, with the bytes that
have come by then. See docs/decisions/0025-a-lean-client.md.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httptools
import urllib3

RECEIVE = 65_536
"""Bytes asked for at once; an answer has about 1 kB."""

LONGEST_HEAD = 32_768
"""Bytes of status line and headers that are looked through here."""

_PLAIN = re.compile(rb"HTTP/1\.1 (?!204|304|1)[0-9]{3} ")
"""A status that has a body."""

_FRAMING = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. Names of headers are in small letters; `is_last`: the connection cannot be used again."""

    http_status: int
    headers: Mapping[str, str]
    body: bytes
    is_last: bool = True


class Incoming:
    """What comes over one socket until a deadline on the monotonic clock. `heard` is all of it so far."""

    def __init__(self, sock: socket.socket, *, deadline: float) -> None:
        self.sock = sock
        self._deadline = deadline
        self.heard = bytearray()

    def receive(self, most: int = RECEIVE) -> bytes:
        """What comes next; nothing when the far end has hung up."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long")
        self.sock.settimeout(left)
        return self.sock.recv(most)

    def hear(self) -> None:
        """Add what comes next to what was heard; the far end may not hang up here."""
        data = self.receive()
        if not data:
            raise http.client.RemoteDisconnected("the answer broke off")
        self.heard += data


class _Raw(io.RawIOBase):
    """The same as a file: first what was heard, then what comes."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._heard = bytes(incoming.heard)
        self._hold = incoming.sock.makefile("rb", buffering=0)  # `http.client` closes the socket before it has read all

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        data = self._heard[: len(buffer)] or self._incoming.receive(len(buffer))
        self._heard = self._heard[len(data) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._hold.close()
        super().close()


class AnswerUntil(http.client.HTTPResponse):
    """The answer of `http.client`, with everything from the status line to the last byte before one deadline."""

    def __init__(self, sock: socket.socket, *, deadline: float, method: str | None = None) -> None:
        super().__init__(_FileOf(Incoming(sock, deadline=deadline)), method=method)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _FileOf:
    """All that `http.client` wants of a socket."""

    incoming: Incoming

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self.incoming))


def read_reply(incoming: Incoming, *, limit: int) -> Reply:
    """The answer to a GET. Of the body at most `limit` bytes and one more, which says that there was more, unpacked."""
    return _read_plain(incoming, limit=limit) or _read_any(incoming, limit=limit)


def read_body(response: urllib3.BaseHTTPResponse, *, limit: int) -> bytes:
    """The body, unpacked: at most `limit` bytes and one more. Stops reading there, whatever is still to come."""
    body = bytearray()
    for chunk in response.stream(8192, decode_content=True):
        body += chunk
        if len(body) > limit:
            break
    return bytes(body[: limit + 1])


def _read_any(incoming: Incoming, *, limit: int) -> Reply:
    answer = http.client.HTTPResponse(_FileOf(incoming), method="GET")  # type: ignore[arg-type]
    answer.begin()
    headers = urllib3.HTTPHeaderDict(answer.getheaders())
    whole = urllib3.HTTPResponse(
        answer, headers, answer.status, preload_content=False, original_response=answer, request_method="GET"
    )
    body = read_body(whole, limit=limit)
    return Reply(answer.status, {name.lower(): value for name, value in headers.items()}, body)


class _Plain:
    """What `httptools` finds in an answer. `is_odd`: not as the gateway gives them, so that this reading is no good."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.headers: dict[str, str] = {}
        self.body = b""
        self.has_headers = self.is_whole = self.is_odd = self.has_more = False

    def on_message_begin(self) -> None:
        """Once is right: what follows an answer is none of ours."""
        self.has_more = self.is_whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """One of them; those behind the last chunk are not asked for."""
        if not self.has_headers:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """The body is packed or not, and ends somewhere or not."""
        self.has_headers = True
        self.is_odd = "content-encoding" in self.headers or not _FRAMING & self.headers.keys()

    def on_body(self, data: bytes) -> None:
        """Kept up to the limit and a little more."""
        if not self.has_enough():
            self.body += data

    def on_message_complete(self) -> None:
        """All of it is there."""
        self.is_whole = True

    def has_enough(self) -> bool:
        """Whether all of it is there, or more of the body than is kept."""
        return self.is_whole or len(self.body) > self._limit


def _read_plain(incoming: Incoming, *, limit: int) -> Reply | None:
    """The answer; None when it is not a plain one, with what was heard of it still there to be read otherwise."""
    plain = _Plain(limit)
    parser = httptools.HttpResponseParser(plain)
    while not plain.has_enough():
        at = len(incoming.heard)
        if at > LONGEST_HEAD and not plain.has_headers:
            return None
        incoming.hear()
        try:
            parser.feed_data(bytes(incoming.heard[at:]))
        except httptools.HttpParserError as exc:
            if not plain.has_headers:
                return None
            if not plain.has_enough():
                raise http.client.IncompleteRead(plain.body) from exc
            plain.has_more = True
        if plain.is_odd or (plain.has_headers and not _PLAIN.match(incoming.heard)):
            return None
    # What is missing of the answer is not waited for, and what follows it is none of ours.
    is_last = plain.has_more or not plain.is_whole or "connection" in plain.headers
    return Reply(int(incoming.heard[9:12]), plain.headers, plain.body[: limit + 1], is_last=is_last)
