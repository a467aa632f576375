"""The door's patience: every connection has a deadline, and room is kept for newcomers.

uvicorn by itself waits for ever for a request's head, for a sender that drips on after its refusal, and for a reader that
does not read its answer. It is told of this class by `--http worker.web.server:PatientProtocol`.
See docs/decisions/0013-patience-at-the-door.md.
"""

from __future__ import annotations

import asyncio
import json
import resource
from functools import cache
from http import HTTPStatus
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger()

HEAD_WITHIN = 10.0
"""Seconds in which the head of a request must come, counted from the connection or from the answer before."""

ANSWER_WITHIN = 120.0
"""Seconds from a request's head to the end of its answer, read by the sender: more than any of our routes can take."""

LEAVE_WITHIN = 2.0
"""Seconds in which a sender must take our last words from us."""

MOST_CONNECTIONS = 2_000
"""Connections of one process. Each may hold 16 kB of a head and 64 kB of a body."""

ENOUGH_FILES = 10_000
"""Open files at which none of them runs out: the event loop accepts up to 2,048 connections (uvicorn's backlog) a turn,
and it takes two turns more until the first of them is seen here."""


@cache
def most_connections() -> int:
    """Connections this process may have open; raises its own limit of open files as far as that needs and is allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = ENOUGH_FILES if hard == resource.RLIM_INFINITY else min(ENOUGH_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        soft = allowed
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft != resource.RLIM_INFINITY and soft < ENOUGH_FILES:
        log.warning("few_open_files", allowed=soft, wanted=ENOUGH_FILES)
    return most_within(soft)


def most_within(files: int) -> int:
    """Connections to keep under this limit of open files, which may be infinite: no more than half of them."""
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, files // 2)


class PatientProtocol(H11Protocol):
    """uvicorn's connection with an end to every wait, and our words for what is no HTTP.

    With too many connections the one that has kept us waiting longest for a whole request is ended, never the newcomer.
    Does not limit the time of a body: the routes do (`worker.web.body`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting_since = self.loop.time()
        self._deadline: asyncio.TimerHandle | None = None
        self._has_heard_all = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Give it time for its first request, and end another should there be too many."""
        super().connection_made(transport)
        self._end_within(HEAD_WITHIN)
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn hangs up on whoever has said everything
        """A sender that has said everything still gets the answer to a whole request."""
        self._has_heard_all = True
        return self.owes_an_answer

    def handle_events(self) -> None:
        """Give a request whose head has come the time for its answer."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._end_within(ANSWER_WITHIN)

    def on_response_complete(self) -> None:
        """Give it time for the next request; it may be here already."""
        self._end_within(HEAD_WITHIN)
        super().on_response_complete()
        if self._has_heard_all and not self.owes_an_answer:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in our shape; `msg` is the server's own sentence."""
        del msg
        self._refuse(HTTPStatus.BAD_REQUEST, "this is not a valid HTTP/1.1 request")

    @property
    def _is_answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    @property
    def owes_an_answer(self) -> bool:
        """Whether a whole request waits for us, and not we for the sender."""
        return not self._is_answered and not self.cycle.more_body

    def _end_within(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.waiting_since = self.loop.time()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self.transport.is_closing() or not self._is_answered:
            self.transport.abort()
        else:
            sentence = f"no whole head of a request came within {HEAD_WITHIN:g} seconds"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, sentence)

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Say no, where an answer can still be begun, and hang up."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # the app must not answer after us
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            log.info("refused", status=int(status), source=self.client and self.client[0], error=sentence)
            body = json.dumps({"error": sentence}).encode()
            about = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
            answer = h11.Response(status_code=status, headers=list(about.items()), reason=status.phrase)
            for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._end_within(LEAVE_WITHIN)

    def _make_room(self) -> None:
        """End the connection that has kept us waiting longest; when all have whole requests here, the newest: this one."""
        waiting = [one for one in self.connections if isinstance(one, PatientProtocol) and not one.owes_an_answer]
        oldest = min(waiting, key=lambda one: one.waiting_since)
        log.warning("ended_to_make_room", connections=len(self.connections))
        self.connections.discard(oldest)
        oldest.transport.abort()
