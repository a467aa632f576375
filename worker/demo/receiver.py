"""The merchant's application of a demo: takes notices, verifies their signatures, and counts them by id."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import Counter
from collections.abc import Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from standardwebhooks import Webhook, WebhookVerificationError

from models.account import DEFAULT
from models.queries.events import events_after
from models.session import Sessions, transaction
from worker.embedded.folder import LOOPBACK

POLL = 0.25
PAGE = 1000


class Receiver:
    """Listens from the start, on a free port of this machine; a context that stops it."""

    def __init__(self) -> None:
        self._secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        self._hook = Webhook(self._secret)
        self._lock = threading.Lock()
        self.received: Counter[str] = Counter()
        """How often each event came, by id."""
        self.refused = 0
        """Requests whose signature was not right."""
        self._server = ThreadingHTTPServer((LOOPBACK, 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def settings(self) -> dict[str, str]:
        """What has notices sent here."""
        return {
            "NOTICE_URL": f"http://{LOOPBACK}:{self._server.server_address[1]}/notices",
            "NOTICE_SECRET": self._secret,
            "NOTICE_ALLOW_PRIVATE": "true",
            "NOTICE_TIMEOUT": "3",
        }

    def wait_for(self, ids: Collection[str], *, within: float) -> None:
        """Until all of these have come, or the time is over."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and not set(ids) <= set(self.received):
            time.sleep(POLL)

    def take(self, body: bytes, headers: dict[str, str]) -> HTTPStatus:
        """Count one notice; refuse what nobody of ours signed."""
        try:
            event = self._hook.verify(body, headers)
        except (WebhookVerificationError, ValueError):
            with self._lock:
                self.refused += 1
            return HTTPStatus.BAD_REQUEST
        with self._lock:
            self.received[event["id"]] += 1
        return HTTPStatus.NO_CONTENT

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                promised = int(self.headers.get("Content-Length", "0"))
                body = self.rfile.read(promised)
                if len(body) < promised:
                    return  # whoever sent it was killed in the middle
                self.send_response(receiver.take(body, dict(self.headers.items())))
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing: the ledger tells."""

        return Handler


def events_written(sessions: Sessions, *, after: int = 0, account: str = DEFAULT) -> list[tuple[int, str]]:
    """Number and id of every event of this account in the books that follows this number."""
    found: list[tuple[int, str]] = []
    more = True
    while more:
        with transaction(sessions) as step:
            page = events_after(step.session, account, after=after, limit=PAGE)
        found += [(event.seq, event.id) for event in page.events]
        after, more = page.next, page.more
    return found
