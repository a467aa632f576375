"""The callback route: store the knock as it came, answer 200, understand nothing.

Vendor pages `callback/introduction` and `callback/configuration`: each event is sent twice, as form and as JSON, without
a signature, and no retry is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from config.logs import MASK, mask
from config.settings import CALLBACK_PATH
from models.callback import KNOCKED_AT, Receipt
from models.errors import StoreAway
from worker.web.body import MAX_BODY, is_one_of, read_body
from worker.web.waiting_room import Told
from worker.web.writer import Writer

MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded")

MAX_HEADERS = 40
MAX_HEADER = 500
"""Headers kept of one request, and characters of each. They are for people, nothing is decided by them."""

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "apikey", "x-api-key"})

DOCUMENTED: dict[str, Any] = {
    "post": {
        "tags": ["gateway"],
        "summary": "Take a callback in",
        "description": "For LigdiCash. Whatever the body says is stored as it came and looked into afterwards. "
        "Without a Content-Type it is taken too: a callback is worth more than a header.",
        "requestBody": {"content": {kind: {"schema": {"type": "object"}} for kind in MEDIA_TYPES}},
        "responses": {
            "200": {"description": "Stored, and durable.", "content": {"application/json": {"example": {"ok": True}}}},
            "413": {"description": "The body is over 64 kB."},
            "415": {"description": "The body is of another media type."},
            "503": {"description": "Not stored: send it again, see Retry-After."},
        },
    }
}
"""For the OpenAPI page, which knows only the framework's own routes."""

PATHS = (CALLBACK_PATH, f"{CALLBACK_PATH}/")
"""With and without a slash at its end: a redirect would lose the body."""

RAW_PATHS = frozenset(path.encode() for path in PATHS)
RAW_PREFIX = f"{CALLBACK_PATH}/".encode()

PATH = KNOCKED_AT.encode()
"""Among the kept headers: where the callback knocked, if not at the plain route. No header that is sent can have this name."""

STORED = b'{"ok": true}'
STORED_HEADERS = ((b"content-length", b"%d" % len(STORED)), (b"content-type", b"application/json"))
BEGIN = {"type": "http.response.start", "status": HTTPStatus.OK, "headers": STORED_HEADERS}
END = {"type": "http.response.body", "body": STORED}

REFUSAL = "refusal"
"""Where the state of a request says why it cannot be stored, when that is known already."""

OTHERWISE = (b"expect", b"upgrade", b"transfer-encoding")
"""Headers of a request that needs more than to be read."""

Headers = Sequence[tuple[bytes, bytes]]


class CallbackDoor:
    """Takes callbacks in. Answers 200 only for what is durable; whether it makes sense is found out later.

    An ASGI application, and what a connection may do without one, see `quick.py`.
    """

    def __init__(self, writer: Writer, accounts: Callable[[], Collection[str]] = tuple) -> None:
        """`accounts` says which there are now: each has an address of its own behind the plain one."""
        self._writer = writer
        self._accounts = accounts

    @property
    def within(self) -> float:
        """Seconds until a callback is durable, or is told that it is not."""
        return self._writer.within

    def too_late(self) -> StoreAway:
        """What is said once that time is over."""
        return self._writer.too_late()

    def routes(self) -> list[Route]:
        """Where the framework finds it, and refuses other methods."""
        return [Route(path, self, methods=["POST"]) for path in PATHS]

    def is_without_trouble(self, url: bytes, about: Mapping[bytes, bytes]) -> bool:
        """Whether a POST with this head is a callback without anything to refuse, to wait for or to note."""
        path = url.partition(b"?")[0]
        if (path not in RAW_PATHS and not self._is_of_account(path)) or any(name in about for name in OTHERWISE):
            return False
        return (
            is_one_of(about.get(b"content-type", b""), MEDIA_TYPES) and int(about.get(b"content-length", 0)) <= MAX_BODY
        )

    def _is_of_account(self, path: bytes) -> bool:
        """Whether this is the address of an account that is set up here, written as it was given out."""
        if not path.startswith(RAW_PREFIX):
            return False
        return path[len(RAW_PREFIX) :].removesuffix(b"/").decode("latin-1") in self._accounts()

    def take(self, body: bytes, headers: Headers, *, source: str, told: Told) -> None:
        """Make it durable, and say so later on; raises `TryAgain` when it cannot even wait."""
        self._writer.take(_receipt(body, headers, source=source), told)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One callback. Refusals are raised, for the framework around it to word."""
        if refusal := scope["state"].get(REFUSAL):
            raise refusal
        body = await read_body(scope, receive, media_types=MEDIA_TYPES)
        client = scope["client"]
        await self._writer.store(_receipt(body, scope["headers"], source=client[0] if client else ""))
        await send(BEGIN)
        await send(END)


def with_address(path: bytes, headers: Headers) -> Headers:
    """What is kept of these headers, and before them where the callback knocked, if not at the plain route."""
    # First, for headers are kept up to a number.
    return headers if path in RAW_PATHS else [(PATH, path), *headers]


def _receipt(body: bytes, headers: Headers, *, source: str) -> Receipt:
    kept = _headers(headers)
    return Receipt(body=body, content_type=kept.get("content-type", ""), headers=kept, source=_text(source))


def _headers(given: Headers) -> dict[str, str]:
    """The first headers, cut to size, without credentials. One that came twice is kept joined."""
    kept: dict[str, str] = {}
    for raw_name, raw_value in given[:MAX_HEADERS]:
        name, value = _header(raw_name, raw_value)
        kept[name] = f"{kept[name]}, {value}"[:MAX_HEADER] if name in kept else value
    return kept


@lru_cache(maxsize=256)
def _header(raw_name: bytes, raw_value: bytes) -> tuple[str, str]:
    """One header as it is kept. A gateway sends the same ones again and again."""
    name = _text(raw_name.decode("latin-1"))
    return name, MASK if name in SECRET_HEADERS else _text(mask(raw_value.decode("latin-1")))


def _text(value: str) -> str:
    """Text the database takes: PostgreSQL's JSONB refuses NUL, and a control character helps nobody."""
    value = value[:MAX_HEADER]
    return value if value.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in value)
