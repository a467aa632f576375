"""Signs in Redis: proof that something ran, left by whoever ran it, with the age by the server's clock."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import structlog
from redis import Redis
from redis.exceptions import RedisError

from models.errors import TryAgain
from tasks.toolbox import Sign

log = structlog.get_logger()

PREFIX = "reconciler:sign:"


class RedisSigns:
    """Signs on one Redis or Valkey. Proof for a person to look at; no decision about money or time rests on one."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    def leave(self, name: str, facts: Mapping[str, float] | None = None, *, life: float) -> None:
        """Leave a sign for `life` seconds, with how far this machine's clock is ahead of the server's."""
        try:
            before = time.time()
            at = self._now()
            ahead = (before + time.time()) / 2 - at
            text = json.dumps({"at": at, "ahead": ahead, "facts": dict(facts or {})})
            self._client.set(f"{PREFIX}{name}", text, px=round(life * 1000))
        except RedisError as exc:
            log.warning("sign_not_left", sign=name, error=type(exc).__name__)

    def find(self, name: str) -> Sign | None:
        """The sign of this name. Raises `TryAgain` with the server away."""
        try:
            text = self._client.get(f"{PREFIX}{name}")
            if text is None:
                return None
            kept = json.loads(text)
            return Sign(age=max(0.0, self._now() - kept["at"]), ahead=kept["ahead"], facts=kept["facts"])
        except RedisError as exc:
            raise TryAgain(f"Redis cannot be reached ({type(exc).__name__})") from exc
        except (ValueError, KeyError, TypeError):  # another release's
            return None

    def _now(self) -> float:
        seconds, micros = self._client.time()
        return float(seconds + micros / 1_000_000)
