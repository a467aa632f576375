"""What the whole fleet agrees on, kept in Redis: small scripts that run there, and a rest while the server is away."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

REST = 5.0
"""Seconds without another try after the server failed: a frozen one costs each try its whole timeout."""


class Fleet:
    """One Redis or Valkey, shared by all workers. Never raises; while it is away, everybody goes by what they know alone."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._is_away = False
        self._resting_until = 0.0

    def script(self, text: str) -> FleetScript:
        """A Lua script that runs on the server, in one round trip."""
        return FleetScript(self, self._client.register_script(text))

    def run(self, call: Any, *, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """The result of this script, or None while the server is away."""
        if time.monotonic() < self._resting_until:
            return None
        try:
            result = call(keys=keys, args=args)
        except RedisError as exc:
            self._rest(exc)
            return None
        if self._is_away:
            self._is_away = False
            log.info("fleet_together_again")
        return result

    def _rest(self, exc: RedisError) -> None:
        self._resting_until = time.monotonic() + REST
        if not self._is_away:  # once, not every few seconds for as long as it lasts
            self._is_away = True
            log.warning("fleet_apart", error=type(exc).__name__)


class FleetScript:
    """One script, ready to be called."""

    def __init__(self, fleet: Fleet, call: Any) -> None:
        self._fleet = fleet
        self._call = call

    def __call__(self, keys: Sequence[str], *args: Any) -> Any:
        """Its result, or None while the server is away."""
        return self._fleet.run(self._call, keys=keys, args=args)


def credential_name(api_key: str, api_token: str) -> str:
    """A name for one credential that tells nothing about it: keys and logs may hold it."""
    return hashlib.sha256(f"{api_key}\n{api_token}".encode()).hexdigest()[:12]
