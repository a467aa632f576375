"""A request and its answer: uvicorn's own, with the answer written at once where it is whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HEADER_RE, HEADER_VALUE_RE, STATUS_LINE, RequestResponseCycle

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an answer as it is written, but for the empty line; how long the body is, and whether it is the last."""

    encoded: bytes
    length: int
    is_last: bool


class Exchange(RequestResponseCycle):
    """Keeps an answer's head back until its body is here: one call to the system instead of two.

    What is not whole, of no known length, or read too slowly takes uvicorn's own way.
    """

    _start: Any = None

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.disconnected = True
        self.message_event.set()

    async def send(self, message: Any) -> None:
        """Part of the answer."""
        if message["type"] == "http.response.start" and not self.response_started:
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if self._is_answered_at_once(start, message):
                return
            await super().send(start)
        await super().send(message)

    def _is_answered_at_once(self, start: Any, message: Any) -> bool:
        if message.get("more_body") or self.disconnected or self.flow.write_paused or self.scope["method"] == "HEAD":
            return False
        headers = (*self.default_headers, *start.get("headers", ()))
        body = message.get("body", b"")
        head = encoded_head(start["status"], headers)
        if head is None or head.length != len(body) or self.access_log:
            return False
        self.keep_alive = self.keep_alive and not head.is_last
        self.transport.write(whole(start["status"], headers, body, keep_alive=self.keep_alive))
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True


@lru_cache(maxsize=64)
def encoded_head(status: int, headers: Headers) -> Head | None:
    """This head; None where uvicorn has to look at it itself: without a length, or with what may not be sent."""
    lines = [STATUS_LINE[status]]
    length, is_last = -1, False
    for name, value in headers:
        if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value) or name.lower() == b"transfer-encoding":
            return None
        if name.lower() == b"content-length":
            length = int(value)
        elif name.lower() == b"connection":
            is_last = b"close" in value.lower()
        lines.append(b"%b: %b\r\n" % (name.lower(), value))
    is_without_body = status in {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
    return None if length < 0 or is_without_body else Head(b"".join(lines), length, is_last)


def whole(status: int, headers: Headers, body: bytes, *, keep_alive: bool) -> bytes:
    """A whole answer as it is written. Its headers must name the body's length."""
    head = encoded_head(status, headers)
    if head is None:
        raise ValueError("an answer without a length")
    return b"".join((head.encoded, b"\r\n" if keep_alive or head.is_last else b"connection: close\r\n\r\n", body))
