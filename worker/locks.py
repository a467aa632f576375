"""Redis locks, one per transaction: SET NX PX with an owner, let go by compare-and-delete.

They save questions; they guard no money. A lock may expire in mid-question or vanish with its server: the conditional
updates in the database neither know nor care.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Collection, Sequence

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tasks.toolbox import LockView

log = structlog.get_logger()

PREFIX = "reconciler:lock:"

# One round trip for the batch. A key that already holds our own owner is ours: redis-py may have sent this twice.
TAKE = """
local taken = {}
for i, key in ipairs(KEYS) do
    if redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2]) or redis.call('GET', key) == ARGV[1] then
        taken[#taken + 1] = i
    end
end
return taken
"""

RELEASE = """
local freed = 0
for _, key in ipairs(KEYS) do
    if redis.call('GET', key) == ARGV[1] then
        freed = freed + redis.call('DEL', key)
    end
end
return freed
"""


def connect(url: str, *, within: float = 2) -> Redis:
    """A client that fails fast, after `within` seconds: a lock is not worth waiting for. Opens nothing until used."""
    return Redis.from_url(
        url, socket_timeout=within, socket_connect_timeout=within, health_check_interval=15, retry=Retry(NoBackoff(), 0)
    )


class RedisLocks:
    """Locks on one Redis or Valkey. With the server gone every lock counts as taken, and says so in the log."""

    def __init__(self, client: Redis, *, life: float) -> None:
        """`life` is seconds until a lock nobody released ends by itself."""
        self._client = client
        self._life_ms = round(life * 1000)
        self._take = client.register_script(TAKE)
        self._release = client.register_script(RELEASE)

    def take(self, ids: Sequence[int]) -> RedisHeld:
        """Take those that are free, in one round trip."""
        owner = _new_owner()
        if not ids:
            return RedisHeld(self, owner=owner, ids=frozenset())
        try:
            taken = self._take(keys=[_key(i) for i in ids], args=[owner, self._life_ms])
        except RedisError as exc:
            log.warning("locks_away", error=type(exc).__name__)
            return RedisHeld(self, owner=owner, ids=frozenset(ids), is_surely_taken=False)
        return RedisHeld(self, owner=owner, ids=frozenset(ids[position - 1] for position in taken))

    def view(self, transaction_pk: int) -> LockView:
        """One look, of both at once: a lock may end between two."""
        key = _key(transaction_pk)
        try:
            with self._client.pipeline(transaction=True) as both:
                both.get(key)
                both.pttl(key)
                owner, left_ms = both.execute()
        except RedisError as exc:
            log.warning("locks_away", error=type(exc).__name__)
            return LockView(is_held=None)
        if owner is None:
            return LockView(is_held=False)
        return LockView(is_held=True, ends_in=max(0, left_ms) / 1000, holder=_where(owner))

    def give_back(self, ids: Collection[int], *, owner: str) -> bool:
        """Delete those of these locks that still carry this owner; whether the server could be told."""
        try:
            self._release(keys=[_key(i) for i in ids], args=[owner])
        except RedisError as exc:
            log.warning("locks_not_released", error=type(exc).__name__, count=len(ids))
            return False
        return True


class RedisHeld:
    """Locks one batch holds. Let go in handfuls; letting go twice does nothing.

    Once the server failed to answer it is not called again: a server that says nothing costs each call its whole
    timeout, handful after handful, and the locks end by themselves.
    """

    def __init__(self, locks: RedisLocks, *, owner: str, ids: frozenset[int], is_surely_taken: bool = True) -> None:
        """Without `is_surely_taken` the ids count as held, but nothing will be released."""
        self._locks = locks
        self._owner = owner
        self._left = set(ids) if is_surely_taken else set()
        self._ids = ids

    @property
    def ids(self) -> frozenset[int]:
        """All that were taken, released or not."""
        return self._ids

    def release(self, ids: Collection[int]) -> None:
        """Let go of those of these that are still held."""
        if ours := self._left.intersection(ids):
            self._left -= ours
            if not self._locks.give_back(ours, owner=self._owner):
                self._left.clear()


def _new_owner() -> str:
    """Unique, whatever the machine is called; begins with where this process runs, for a person who looks at the lock."""
    return f"{os.getpid()}@{socket.gethostname()}/{secrets.token_hex(8)}"


def _where(owner: bytes) -> str:
    """`4711@host`; empty for a lock of a release that did not tell."""
    return owner.decode("utf-8", "replace").rpartition("/")[0]


def _key(transaction_pk: int) -> str:
    return f"{PREFIX}{transaction_pk}"
