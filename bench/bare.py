"""The least that can be served: reads a request to its end, answers 200 and keeps nothing. `uvicorn bench.bare:door`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

BEGIN = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"12"), (b"content-type", b"application/json")],
}
BODY = {"type": "http.response.body", "body": b'{"ok": true}'}


async def door(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """One request; uvicorn finds by itself that it has no lifespan."""
    if scope["type"] != "http":
        raise NotImplementedError
    while (await receive()).get("more_body"):
        pass
    await send(BEGIN)
    await send(BODY)
