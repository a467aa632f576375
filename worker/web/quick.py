"""The door's connections: callbacks that come whole, in one piece, are taken by the connection itself.

Nearly every one does, and most of what a server and a framework do for a request costs more than storing it. Whatever
else is true of a request, it goes their way, where the same door answers it. uvicorn is told of this class by
`--http worker.web.quick:QuickProtocol`. See docs/decisions/0022-fast-door.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from models.errors import ReconcilerError, TryAgain
from worker.web.callback import REFUSAL, STORED, STORED_HEADERS, CallbackDoor, with_address
from worker.web.exchange import Exchange, whole
from worker.web.server import PatientProtocol


class Knock:
    """One callback under way: what the connection asks of an exchange, and nothing more."""

    __slots__ = ("_connection", "disconnected", "headers", "is_told", "keep_alive", "url", "version")

    more_body = False
    response_started = False

    def __init__(self, connection: QuickProtocol, *, version: str, keep_alive: bool) -> None:
        self._connection = connection
        self.url = connection.url
        self.headers = connection.headers
        self.version = version
        self.keep_alive = keep_alive
        self.disconnected = False
        self.is_told = False

    def told(self, error: ReconcilerError | None) -> None:
        """It is durable, or this is why not. What is said a second time, or to nobody, is not heard."""
        if not self.disconnected and not self.is_told:
            self.is_told = True
            self._connection.answer(self, error)

    def leave(self) -> None:
        """Nobody waits for the answer any more."""
        self.disconnected = True


class QuickProtocol(PatientProtocol):
    """A patient connection with a way past server and framework for callbacks; their answers are the same ones."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._door: CallbackDoor | None = self.app_state.get("callbacks")
        self._about: dict[bytes, bytes] | None = None
        """The head of a callback whose body has not come so far."""
        self._body = b""

    def on_headers_complete(self) -> None:
        """Wait with a callback until the end of what came with its head."""
        about = dict(self.headers)
        if (
            self._door is None
            or self.under_way is not None
            or self.flow.write_paused
            or len(about) < len(self.headers)
            or self.parser.get_method() != b"POST"
            or not self._door.is_without_trouble(self.url, about)
        ):
            super().on_headers_complete()
            return
        self._is_in_head = False
        self._has_advanced = True
        self._hold_to_the_rules()
        self._about = about
        self._body = b""

    def on_body(self, body: bytes) -> None:
        """Some of it."""
        if self._about is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        """Take the callback, if this is one."""
        about, self._about = self._about, None
        if about is None or self._door is None:
            super().on_message_complete()
            return
        version = self.parser.get_http_version()
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        self.under_way = knock = Knock(self, version=version, keep_alive=keep_alive)
        self._end_within(self._door.within)
        try:
            headers = with_address(self.url.partition(b"?")[0], self.headers)
            self._door.take(self._body, headers, source=self._source(about), told=knock.told)
        except TryAgain as exc:
            knock.told(exc)

    def _read(self, piece: bytes) -> None:
        super()._read(piece)
        if self._about is not None:
            self._about = None
            if not self._is_broken:
                self._begin()
                super().on_body(self._body)

    def answer(self, knock: Knock, error: ReconcilerError | None) -> None:
        """Say that it is durable, or let the framework word why not."""
        if error is not None:
            self._start_asgi_task(self._refused(knock, error), self.app)
            return
        headers = (*self.server_state.default_headers, *STORED_HEADERS)
        self.transport.write(whole(HTTPStatus.OK, headers, STORED, keep_alive=knock.keep_alive))
        if not knock.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _refused(self, knock: Knock, error: ReconcilerError) -> Exchange:
        scope = self._scope("POST", knock.url, knock.headers, version=knock.version)
        scope["state"][REFUSAL] = error
        exchange = self._exchange(scope, keep_alive=knock.keep_alive)
        exchange.more_body = False
        return exchange

    def _too_late(self) -> None:
        if isinstance(self.under_way, Knock) and self._door is not None and not self.transport.is_closing():
            self.under_way.told(self._door.too_late())
        else:
            super()._too_late()

    def _source(self, about: Mapping[bytes, bytes]) -> str:
        """Who sent it: the other end, or whom a proxy names that uvicorn was told to trust."""
        host = self.client[0] if self.client else ""
        app = self.app
        forwarded = about.get(b"x-forwarded-for")
        if forwarded and isinstance(app, ProxyHeadersMiddleware) and host in app.trusted_hosts:
            return app.trusted_hosts.get_trusted_client_address(forwarded.decode("latin-1"))[0] or host
        return host
