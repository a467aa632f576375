"""The door's patience: every connection has a deadline, and room is kept for newcomers.

uvicorn by itself waits for ever for a request's head and for its body, for a sender that drips on after its refusal, and
for a reader that does not read its answer; and its quick parser sets no end to a head. It is told of this class by
`--http worker.web.quick:QuickProtocol`, a subclass. See docs/decisions/0013-patience-at-the-door.md.
"""

from __future__ import annotations

import asyncio
import json
import resource
import time
from functools import cache
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from worker.web.exchange import Exchange

log = structlog.get_logger()

HEAD_WITHIN = 10.0
"""Seconds in which the head of a request must come, counted from the connection or from the answer before."""

BODY_WITHIN = 10.0
"""Seconds in which the rest of a request must come, counted from its head."""

ANSWER_WITHIN = 120.0
"""Seconds from a whole request to the end of its answer, read by the sender: more than any of our routes can take."""

LEAVE_WITHIN = 2.0
"""Seconds in which a sender must take our last words from us."""

MAX_HEAD = 64 * 1024
"""Bytes of a request's head; and of anything else that comes without adding to a body, as a chunk's extensions do."""

PIECE = 16 * 1024
"""Bytes that are looked at together: as much as may come with the end of something before its own bytes are counted."""

MOST_CONNECTIONS = 2_000
"""Connections of one process. Each may hold 64 kB of a head and 64 kB of a body."""

ENOUGH_FILES = 10_000
"""Open files at which none of them runs out: the event loop accepts up to 2,048 connections (uvicorn's backlog) a turn,
and it takes two turns more until the first of them is seen here."""

NO_HTTP = "this is not a valid HTTP/1.1 request"


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


class UnderWay(Protocol):
    """A request that is worked on, as far as its connection looks at it."""

    more_body: bool
    response_started: bool
    disconnected: bool
    keep_alive: bool

    def leave(self) -> None:
        """Nobody waits for the answer any more."""


class NoHttp(Exception):
    """The parser took it, and it is no HTTP/1.1 all the same."""


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's connection with an end to every wait, and our words for what is no HTTP.

    With too many connections the one that has kept us waiting longest for a whole request is ended, never the newcomer.
    Requests that come before the answer to an earlier one wait in line; what is no HTTP is refused in its turn.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.under_way: UnderWay | None = None
        """The request that is to be answered next."""
        self.waiting_since = time.monotonic()
        self._ends_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._is_idle = False
        """Whether nothing has come since the last answer."""
        self._is_in_head = False
        self._has_advanced = False
        self._dry = 0
        """Bytes since the last that began a request, ended it, or added to its body."""
        self._has_heard_all = False
        self._is_broken = False

    # What comes

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Give it time for its first request, and end another should there be too many."""
        super().connection_made(transport)
        self._end_within(HEAD_WITHIN)
        if len(self.connections) > most_connections():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        if self._timer is not None:
            self._timer.cancel()
        if self.under_way is not None:
            self.under_way.leave()
        self.pipeline.clear()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Hang up after the answers that are owed."""
        if self.under_way is None:
            self.transport.close()
        else:
            last = self.pipeline[0][0] if self.pipeline else self.under_way
            last.keep_alive = False

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn hangs up on whoever has said everything
        """A sender that has said everything still gets the answer to a whole request."""
        self._has_heard_all = True
        return self.owes_an_answer

    def data_received(self, data: bytes) -> None:
        """Read it, in pieces so small that none can hide how long a head is."""
        if self._is_idle:
            self._is_idle = False
            self._end_at(self.waiting_since + HEAD_WITHIN)
        for start in range(0, len(data), PIECE):
            if self._is_broken or self.transport.is_closing():
                return
            self._read(data[start : start + PIECE])

    def _read(self, piece: bytes) -> None:
        self._has_advanced = False
        rest = piece
        try:
            while rest:
                rest = self._feed(rest)
        except httptools.HttpParserCallbackError as exc:
            if not isinstance(exc.__context__, NoHttp):
                raise  # a bug of ours
            self._break_off()
        except httptools.HttpParserError:
            self._break_off()
        else:
            self._dry = 0 if self._has_advanced else self._dry + len(piece)
            if self._dry > MAX_HEAD:
                self._break_off()

    def _feed(self, data: bytes) -> bytes:
        """Let the parser have it. What is left begins with a request that wishes to go on in another language.

        Nobody has to grant that wish: the same head comes again, without it.
        """
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            head = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())]
            head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            return b"\r\n".join((*head, b"", data[exc.args[0] :]))
        return b""

    # What the parser finds

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url = b""
        self.headers = []
        self._is_in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Of a head; what stands behind a body is nobody's business."""
        if self._is_in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin with the request, or put it in line behind those that are not answered yet."""
        self._is_in_head = False
        self._has_advanced = True
        self._hold_to_the_rules()
        if not self.parser.should_upgrade():
            self._begin()

    def _begin(self) -> None:
        version = self.parser.get_http_version()
        scope = self._scope(self.parser.get_method().decode("ascii"), self.url, self.headers, version=version)
        waits = self.under_way is not None
        self.cycle = self._exchange(scope, keep_alive=version != "1.0" and self.parser.should_keep_alive())
        if waits:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def _exchange(self, scope: dict[str, Any], *, keep_alive: bool) -> Exchange:
        waits = any(name == b"expect" and value.lower() == b"100-continue" for name, value in scope["headers"])
        return Exchange(
            scope=scope,  # type: ignore[arg-type]  # one of uvicorn's typed dictionaries
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=waits,
            keep_alive=keep_alive,
            on_response=self.on_response_complete,
        )

    def _hold_to_the_rules(self) -> None:
        """Raise `NoHttp` for a head that the parser takes and nobody should."""
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise NoHttp
        if not self.url.startswith(b"/") or not self.url.isascii() or self.parser.get_method() == b"CONNECT":
            raise NoHttp
        if self._dry and sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > MAX_HEAD:
            raise NoHttp

    def _scope(self, method: str, url: bytes, headers: list[tuple[bytes, bytes]], *, version: str) -> dict[str, Any]:
        raw_path, _, query = url.partition(b"?")
        path = raw_path.decode("ascii")
        return {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": method,
            "root_path": self.root_path,
            "path": self.root_path + (unquote(path) if "%" in path else path),
            "raw_path": self.root_path.encode("ascii") + raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.app_state.copy(),
        }

    def on_body(self, body: bytes) -> None:
        """Some of it."""
        self._has_advanced = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is here: now it is on us."""
        if self.parser.should_upgrade():
            return
        self._has_advanced = True
        super().on_message_complete()
        self.cycle.more_body = False  # of one that is answered already, too
        if self.owes_an_answer and not self.pipeline:
            self._end_within(ANSWER_WITHIN)

    # What goes

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self.under_way = cycle
        self._end_within(BODY_WITHIN if cycle.more_body else ANSWER_WITHIN)
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Begin with the next request, which may be here already, or give it time to come."""
        self.server_state.total_requests += 1
        self.under_way = None
        if self.transport.is_closing():
            self._end_within(HEAD_WITHIN)
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._is_broken:
            self._refuse(HTTPStatus.BAD_REQUEST, NO_HTTP)
        else:
            self._is_idle = True
            self._end_within(self.timeout_keep_alive)
        if self._has_heard_all and not self.owes_an_answer:
            self.transport.close()

    @property
    def owes_an_answer(self) -> bool:
        """Whether a whole request waits for us, and not we for the sender."""
        return self.under_way is not None and not self.under_way.more_body

    def _break_off(self) -> None:
        """Read no more, and refuse what came once all before it is answered."""
        self._is_broken = True
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()  # the one it broke in
        if not self.owes_an_answer:
            self._refuse(HTTPStatus.BAD_REQUEST, NO_HTTP)

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Say no, where an answer can still be begun, and hang up."""
        if self._may_speak:
            log.info("refused", status=int(status), source=self.client and self.client[0], error=sentence)
            body = json.dumps({"error": sentence})
            self.transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()
            )
        if self.under_way is not None:
            self.under_way.disconnected = True  # nobody must answer after us
        self.transport.close()
        self._end_within(LEAVE_WITHIN)

    @property
    def _may_speak(self) -> bool:
        """Whether the next answer belongs to what is refused: nothing of it is said, and nothing of it is answered."""
        if self.under_way is not None:
            return not self.under_way.response_started
        return self.cycle is None or not (self.cycle.response_complete and self.cycle.more_body)

    # How long it may take

    def _end_within(self, seconds: float) -> None:
        self.waiting_since = time.monotonic()
        self._end_at(self.waiting_since + seconds)

    def _end_at(self, ends_at: float) -> None:
        """Set the deadline. The timer is left alone when it rings before: it is set anew then, and not for each request."""
        self._ends_at = ends_at
        if self._timer is None or ends_at < self._rings_at:
            self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self._ends_at
        self._timer = self.loop.call_later(max(self._ends_at - time.monotonic(), 0.0), self._is_it_time)

    def _is_it_time(self) -> None:
        if self._ends_at > time.monotonic():
            self._set_timer()
        else:
            self._too_late()

    def _too_late(self) -> None:
        if self.transport.is_closing() or self.owes_an_answer:
            self.transport.abort()
        elif self.under_way is not None:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {BODY_WITHIN:g} seconds")
        elif self._is_idle:
            self.transport.close()
        else:
            sentence = f"no whole head of a request came within {HEAD_WITHIN:g} seconds"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, sentence)

    def _make_room(self) -> None:
        """End the connection that has kept us waiting longest; when all have whole requests here, the newest: this one."""
        waiting = [one for one in self.connections if isinstance(one, PatientProtocol) and not one.owes_an_answer]
        oldest = min(waiting, key=lambda one: one.waiting_since)
        log.warning("ended_to_make_room", connections=len(self.connections))
        self.connections.discard(oldest)
        oldest.transport.abort()
