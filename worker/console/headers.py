"""What every answer of the console says to the browser, errors included."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",  # for browsers that do not know frame-ancestors
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Robots-Tag": "noindex, nofollow",
}

FOR_A_YEAR = "public, max-age=31536000, immutable"
"""Of a file whose address changes with its contents."""


class Guarded:
    """The same app, and these headers on whatever it answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = [(name, value) for name, value in message["headers"] if name.lower() not in _OURS]
                message = {**message, "headers": [*there, *_encoded(scope)]}
            await send(message)

        await self._app(scope, receive, guarded)


def _encoded(scope: Scope) -> list[tuple[bytes, bytes]]:
    """The same for all but the stylesheet, which may be kept."""
    caching = scope.get("state", {}).get("caching", HEADERS["Cache-Control"])
    return [
        (name.lower().encode(), (caching if name == "Cache-Control" else value).encode())
        for name, value in HEADERS.items()
    ]


_OURS = frozenset(name.lower().encode() for name in HEADERS)
