"""How long somebody has to wait before the next password: growing with each wrong one, for a person and for an address.

Nobody is locked out for good: a person's wait has a low ceiling. Where that person signed in lately, wrong passwords from elsewhere
do not count, and those from there are counted apart: whoever shares the address forgets their own by signing in. Counted in
Redis for all doors, and in this process besides, which is what is left while Redis is away.
"""

from __future__ import annotations

import hashlib
import ipaddress
import threading
import time
from dataclasses import dataclass

import structlog
from redis import Redis
from redis.exceptions import RedisError

log = structlog.get_logger()

PREFIX = "reconciler:console:attempts:"

FREE = 10
"""Wrong passwords in a row that cost nothing but themselves."""

FORGOTTEN_AFTER = 3600
"""Seconds after the last wrong one at which all is forgotten."""

KNOWN_FOR = 30 * 86_400
"""Seconds for which an address counts as one from which this person signed in."""

LONGEST_OF_ADDRESS, LONGEST_OF_PERSON = 900.0, 30.0
"""Seconds. Whoever guesses one person's password from many addresses gets two tries a minute, and so does the person."""

MOST = 10_000
"""Counters this process keeps."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One thing that is counted, and the longest it may have to wait."""

    key: str
    longest: float


def wait_after(failures: int, *, longest: float) -> float:
    """Seconds: none for the first ones, then twice as long each time. Pure."""
    return 0.0 if failures < FREE else min(longest, 2.0 ** min(failures - FREE + 1, 30))


class Attempts:
    """Wrong passwords, counted. Usable from many threads; raises nothing."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._here: dict[str, tuple[int, float, float]] = {}
        """Failures, until when to wait, when to forget; by the monotonic clock."""
        self._lock = threading.Lock()

    def wait(self, person: str, address: str) -> float:
        """Seconds until the next password of this person from this address is looked at; 0 for now."""
        counted = self._counted(person, address)
        now = time.monotonic()
        with self._lock:
            here = max((self._here.get(one.key, (0, now, now))[1] - now for one in counted), default=0.0)
        return max(0.0, here, self._wait_of_fleet(counted))

    def failed(self, person: str, address: str) -> None:
        """It was wrong."""
        for one in self._counted(person, address):
            self._count_here(one)
            try:
                failures = self._redis.incr(one.key)
                self._redis.expire(one.key, FORGOTTEN_AFTER)
                if wait := wait_after(failures, longest=one.longest):
                    self._redis.set(f"{one.key}:wait", "", px=round(wait * 1000))
            except RedisError as exc:
                log.warning("console_redis_away", error=type(exc).__name__)
                return

    def succeeded(self, person: str, address: str) -> None:
        """It was right: forget what was wrong before, and know the address again."""
        counted = self._counted(person, address)
        with self._lock:
            for one in counted:
                self._here.pop(one.key, None)
        try:
            self._redis.delete(*(key for one in counted for key in (one.key, f"{one.key}:wait")))
            self._redis.set(_known(person, address), "", ex=KNOWN_FOR)
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)

    def _counted(self, person: str, address: str) -> list[Counted]:
        by_address = Counted(_key("address", _network(address)), LONGEST_OF_ADDRESS)
        try:
            if self._redis.exists(_known(person, address)):
                return [by_address, Counted(_key("person", f"{person} {_network(address)}"), LONGEST_OF_PERSON)]
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)
        return [by_address, Counted(_key("person", person), LONGEST_OF_PERSON)]

    def _wait_of_fleet(self, counted: list[Counted]) -> float:
        try:
            return max(max(0, self._redis.pttl(f"{one.key}:wait")) for one in counted) / 1000
        except RedisError as exc:
            log.warning("console_redis_away", error=type(exc).__name__)
            return 0.0

    def _count_here(self, one: Counted) -> None:
        now = time.monotonic()
        with self._lock:
            failures, _until, forgotten = self._here.get(one.key, (0, now, now))
            failures = failures + 1 if forgotten > now else 1
            wait = wait_after(failures, longest=one.longest)
            self._here.pop(one.key, None)  # so that the last ones stand last
            self._here[one.key] = (failures, now + wait, now + FORGOTTEN_AFTER)
            if len(self._here) > MOST:
                del self._here[next(iter(self._here))]


def _network(address: str) -> str:
    """Of IPv6 the network: whoever has one address of it has all. On a socket for both, IPv4 comes as IPv6, and is none."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    known = getattr(known, "ipv4_mapped", None) or known
    return str(ipaddress.ip_network((known, 64), strict=False)) if known.version == 6 else str(known)  # noqa: PLR2004


def _known(person: str, address: str) -> str:
    return _key("known", f"{person} {_network(address)}")


def _key(kind: str, what: str) -> str:
    """Of a fixed length, whatever was typed."""
    return f"{PREFIX}{kind}:{hashlib.sha256(what.encode()).hexdigest()[:32]}"
