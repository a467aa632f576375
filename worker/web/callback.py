"""The callback route: store the knock as it came, answer 200, understand nothing.

Vendor pages `callback/introduction` and `callback/configuration`: each event is sent twice, as form and as JSON, without
a signature, and no retry is promised.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.logs import MASK, mask
from config.settings import CALLBACK_PATH
from models.callback import Receipt
from worker.web.body import read_body
from worker.web.writer import Writer

log = structlog.get_logger()

MEDIA_TYPES = ("application/json", "application/x-www-form-urlencoded")

ACCOUNT_PATH = f"{CALLBACK_PATH}/{{account}}"

PATH = ":path"
"""Among the kept headers: where the callback knocked, if not at the plain route. No header can have this name."""

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


def documented_for_account() -> dict[str, Any]:
    """The same for the address of one account."""
    name = {"name": "account", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9_-]+$"}}
    summary = "Take a callback in for a further account"
    return {"parameters": [name], "post": DOCUMENTED["post"] | {"summary": summary}}


STORED = Response(b'{"ok": true}', media_type="application/json")


class CallbackDoor:
    """Takes callbacks in. Answers 200 only for what is durable; whether it makes sense is found out later."""

    def __init__(self, writer: Writer, accounts: Callable[[], Collection[str]]) -> None:
        """`accounts` says which there are now."""
        self._writer = writer
        self._accounts = accounts

    def routes(self) -> list[Route]:
        """The route, and one for each account; with and without a slash at its end: a redirect would lose the body."""
        ends = ("", "/")
        return [
            *(Route(f"{CALLBACK_PATH}{end}", self.receive, methods=["POST"]) for end in ends),
            *(Route(f"{ACCOUNT_PATH}{end}", self.receive_for_account, methods=["POST"]) for end in ends),
        ]

    async def receive(self, request: Request) -> Response:
        """One callback."""
        body = await read_body(request, media_types=MEDIA_TYPES)
        await self._writer.store(_receipt(request, body))
        return STORED

    async def receive_for_account(self, request: Request) -> Response:
        """One callback at the address of an account, set up or not: a rumour is a rumour, and its body says whom it is about.

        The address is kept with its headers, for people.
        """
        account = request.path_params["account"]
        if account not in self._accounts():
            log.warning("callback_for_unknown_account", account=_text(account)[:40])
        body = await read_body(request, media_types=MEDIA_TYPES)
        receipt = _receipt(request, body)
        await self._writer.store(replace(receipt, headers={PATH: _text(request.url.path)} | receipt.headers))
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
