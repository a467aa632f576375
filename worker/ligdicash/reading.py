"""Reading one answer off a socket, all of it before one deadline.

A read timeout of `requests` counts from byte to byte, so a server that sends one byte every few seconds can hold a worker for
hours. Here each wait for bytes gets only what is left of the time for the whole answer.

An answer as the gateway gives it (HTTP/1.1, with a length or in chunks, not packed) is cut out of what comes: `http.client` and
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

import urllib3

RECEIVE = 65_536
"""Bytes asked for at once; an answer has about 1 kB."""

LONGEST_HEAD = 32_768
"""Bytes of status line and headers that are looked through here."""

LONGEST_CHUNK_LINE = 256

_PLAIN = re.compile(rb"HTTP/1\.1 ([2-5][0-9]{2})[^\r\n]*\r\n")
_HEADER = re.compile(rb"^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*\r\n", re.MULTILINE)
_FRAMING = ("content-length", "transfer-encoding", "content-encoding")
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_BODILESS = (204, 304)


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

    def find(self, mark: bytes, start: int, *, within: int) -> int:
        """Where `mark` ends, after hearing until it is there; -1 when it is not within so many bytes of `start`."""
        while (at := self.heard.find(mark, start)) < 0:
            if len(self.heard) - start > within:
                return -1
            self.hear()
        return at + len(mark)

    def span(self, start: int, length: int) -> bytes:
        """So many bytes from `start` on, after hearing them."""
        while len(self.heard) < start + length:
            self.hear()
        return bytes(self.heard[start : start + length])


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


def _read_plain(incoming: Incoming, *, limit: int) -> Reply | None:
    """The answer, or None with no more than the head heard when it is not a plain one."""
    end = _head_end(incoming)
    head = _head(bytes(incoming.heard[:end])) if end > 0 else None
    if head is None:
        return None
    status, headers = head
    length, coding = headers.get("content-length", ""), headers.get("transfer-encoding")
    if status in _BODILESS or "content-encoding" in headers:
        return None
    if coding == "chunked" and not length:
        body, end = _chunks(incoming, end, limit=limit)
    elif coding is None and _LENGTH.fullmatch(length):
        body = incoming.span(end, min(int(length), limit + 1))
        end += int(length)
    else:
        return None
    # What is missing of the answer is not waited for, and what follows it is none of ours.
    return Reply(status, headers, body, is_last="connection" in headers or end != len(incoming.heard))


def _head_end(incoming: Incoming) -> int:
    """Where the headers end; -1 for a beginning that is not plain."""
    line_end = incoming.find(b"\n", 0, within=LONGEST_HEAD)
    if line_end < 0 or not _PLAIN.match(incoming.heard):
        return -1
    return incoming.find(b"\r\n\r\n", line_end - 2, within=LONGEST_HEAD)


def _head(head: bytes) -> tuple[int, dict[str, str]] | None:
    """Status and headers; None when a line is no header, or when two say how long the body is."""
    start = head.index(b"\n") + 1
    pairs = [(name.decode("ascii").lower(), value.decode("latin-1")) for name, value in _HEADER.findall(head, start)]
    headers = dict(pairs)
    framing = [name for name, _ in pairs if name in _FRAMING]
    if len(pairs) != head.count(b"\n", start) - 1 or len(framing) != len(set(framing)):
        return None
    return int(head[9:12]), headers


def _chunks(incoming: Incoming, at: int, *, limit: int) -> tuple[bytes, int]:
    """The body that comes in chunks from `at` on, and where it ends; -1 when there is more, or a trailer."""
    body = b""
    while True:
        line_end = incoming.find(b"\r\n", at, within=LONGEST_CHUNK_LINE)
        size = _CHUNK.match(incoming.heard, at)
        if line_end < 0 or size is None:
            raise http.client.IncompleteRead(body)
        length = int(size[1], 16)
        body += incoming.span(line_end, min(length, limit + 1))
        if len(body) > limit:
            return body[: limit + 1], -1
        at = line_end + length + 2
        is_whole = incoming.span(at - 2, 2) == b"\r\n"
        if not length:
            return body, at if is_whole else -1
        if not is_whole:
            raise http.client.IncompleteRead(body)
