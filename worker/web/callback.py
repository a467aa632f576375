"""The callback route: store the knock as it came, answer 200, understand nothing.

Vendor pages `callback/introduction` and `callback/configuration`: each event is sent twice, as form and as JSON, without
a signature, and no retry is promised.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.logs import MASK, mask
from config.settings import CALLBACK_PATH
from models.callback import Receipt
from worker.web.body import read_body
from worker.web.writer import Writer

MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded")

MAX_HEADERS = 40
MAX_HEADER = 500
"""Headers kept of one request, and characters of each. They are for people, nothing is decided by them."""

SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "apikey", "x-api-key"})

DOCUMENTED = {
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

STORED = Response(b'{"ok": true}', media_type="application/json")


class CallbackDoor:
    """Takes callbacks in. Answers 200 only for what is durable; whether it makes sense is found out later."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def routes(self) -> list[Route]:
        """The route, with and without a slash at its end: a redirect would lose the body."""
        return [Route(path, self.receive, methods=["POST"]) for path in (CALLBACK_PATH, f"{CALLBACK_PATH}/")]

    async def receive(self, request: Request) -> Response:
        """One callback."""
        body = await read_body(request, media_types=MEDIA_TYPES)
        await self._writer.store(_receipt(request, body))
        return STORED


def _receipt(request: Request, body: bytes) -> Receipt:
    return Receipt(
        body=body,
        content_type=_text(request.headers.get("content-type", "")),
        headers=_headers(request),
        source=_text(request.client.host if request.client else ""),
    )


def _headers(request: Request) -> dict[str, str]:
    """The first headers, cut to size, without credentials. One that came twice is kept joined."""
    kept: dict[str, str] = {}
    for raw_name, raw_value in request.headers.items()[:MAX_HEADERS]:
        name = _text(raw_name)
        value = MASK if name in SECRET_HEADERS else _text(mask(raw_value))
        kept[name] = f"{kept[name]}, {value}"[:MAX_HEADER] if name in kept else value
    return kept


def _text(value: str) -> str:
    """Text the database takes: PostgreSQL's JSONB refuses NUL, and a control character helps nobody."""
    value = value[:MAX_HEADER]
    return value if value.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in value)
