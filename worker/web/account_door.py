"""The callback routes of further accounts: what knocks there is taken like any other, and where it knocked is kept.

What comes whole to an account that is set up does not come by here: the connection takes it, see `quick.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import structlog
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from config.settings import CALLBACK_PATH
from worker.web.callback import DOCUMENTED, CallbackDoor, with_address

log = structlog.get_logger()

ACCOUNT_PATH = f"{CALLBACK_PATH}/{{account}}"

LONGEST = 40
"""Characters of a name that are logged."""


class AccountDoor:
    """Takes callbacks in at the address of an account, set up or not: a rumour is a rumour, and its body says whom it is about.

    An ASGI application before the one of the plain route.
    """

    def __init__(self, door: CallbackDoor, accounts: Callable[[], Collection[str]]) -> None:
        """`accounts` says which there are now."""
        self._door = door
        self._accounts = accounts

    def routes(self) -> list[Route]:
        """One for any account, with and without a slash at its end."""
        return [Route(path, self, methods=["POST"]) for path in (ACCOUNT_PATH, f"{ACCOUNT_PATH}/")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One callback."""
        account = scope["path_params"]["account"]
        if account not in self._accounts():
            log.warning("callback_for_unknown_account", account=ascii(account[:LONGEST])[1:-1][:LONGEST])
        path = scope["path"].encode("latin-1", errors="replace")
        await self._door({**scope, "headers": with_address(path, scope["headers"])}, receive, send)


def documented_for_account() -> dict[str, Any]:
    """For the OpenAPI page."""
    name = {"name": "account", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[a-z0-9_-]+$"}}
    summary = "Take a callback in for a further account"
    return {"post": DOCUMENTED["post"] | {"summary": summary, "parameters": [name]}}
