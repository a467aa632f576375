"""Redis or Valkey: whether it is there, and keeps the doorbells it was given for as long as it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from models.errors import TryAgain
from worker.language import N_
from worker.ops.doctor.clocks import Clock, read_clock
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn

WITHIN = 8.0
"""Seconds one look may take."""

OLDEST = (6, 2)
"""The oldest version that Celery speaks to."""

FULL, NEARLY_FULL = 0.9, 0.7
"""Parts of its memory from which it is a fault, and from which it is worth a warning."""

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFacts:
    """What one look at the server saw. None stands for what a hired server may hide."""

    clock: Clock
    version: str | None = None
    is_replica: bool = False
    policy: str | None = None
    memory: int = 0
    memory_at_most: int = 0
    """Bytes; 0 is no bound."""
    appends: bool | None = None
    """Whether it keeps a log of writes on disk."""
    saves: bool | None = None
    """Whether it writes copies of itself to disk now and then."""
    is_broken: bool = False
    """Whether its last write to disk failed."""


def look_at_redis(client: Redis) -> RedisFacts:
    """Raises `TryAgain`."""
    try:
        client.ping()
        clock = read_clock(lambda: _time(client))
        return _facts(client, clock)
    except RedisError as exc:
        raise TryAgain(f"cannot be used ({type(exc).__name__})") from exc


def _time(client: Redis) -> float:
    seconds, micros = client.time()
    return float(seconds + micros / 1_000_000)


def _facts(client: Redis, clock: Clock) -> RedisFacts:
    info = _info(client)
    if not info:
        return RedisFacts(clock=clock)
    appends = bool(info.get("aof_enabled", 0))
    statuses = [info.get("aof_last_write_status" if appends else "rdb_last_bgsave_status", "ok")]
    return RedisFacts(
        clock=clock,
        version=str(info.get("redis_version", "")),
        is_replica=info.get("role") == "slave",
        policy=info.get("maxmemory_policy"),
        memory=int(info.get("used_memory", 0)),
        memory_at_most=int(info.get("maxmemory", 0)),
        appends=appends,
        saves=_saves(client),
        is_broken="ok" not in statuses,
    )


def _info(client: Redis) -> dict[str, Any]:
    try:
        return dict(client.info())
    except RedisError:  # a hired server may not tell; it answered a moment ago
        return {}


def _saves(client: Redis) -> bool | None:
    try:
        return bool(client.config_get("save").get("save"))
    except RedisError:
        return None


SEEN_LATER = (Name.EVICTION, Name.MEMORY, Name.PERSISTENCE)
NOT_SEEN = N_("not looked at: Redis could not be asked")
HIDDEN = N_("this server does not tell")


def judge_redis(seen: RedisFacts | Away) -> list[Finding]:
    """Four lines."""
    if isinstance(seen, Away):
        fix = N_("check REDIS_URL, and that Redis runs; until then every question waits for a sweep")
        line = bad(Name.REDIS, N_("{why}"), fix, why=seen.why)
        return [line, *(unknown(name, NOT_SEEN) for name in SEEN_LATER)]
    if seen.version is None:
        return [ok(Name.REDIS, N_("answers")), *(unknown(name, HIDDEN) for name in SEEN_LATER)]
    return [_server(seen), _eviction(seen), _memory(seen), _persistence(seen)]


def _server(seen: RedisFacts) -> Finding:
    version = seen.version or ""
    if _numbers(version) < OLDEST:
        found = N_("version {version}; 6.2 is the oldest that will do")
        return bad(Name.REDIS, found, N_("move to a newer server"), version=version)
    if seen.is_replica:
        return bad(Name.REDIS, N_("is a replica: it takes no messages"), N_("point REDIS_URL to the primary"))
    return ok(Name.REDIS, N_("version {version}"), version=version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())


def _eviction(seen: RedisFacts) -> Finding:
    policy = seen.policy
    if policy is None:
        return unknown(Name.EVICTION, HIDDEN)
    if policy == "noeviction":
        return ok(Name.EVICTION, "noeviction")
    fix = N_("redis-cli CONFIG SET maxmemory-policy noeviction, and the same in redis.conf")
    if policy.startswith("volatile-"):
        found = N_("{policy}: keeps messages, and may throw away locks, budget and breaker")
        return warn(Name.EVICTION, found, fix, policy=policy)
    return bad(Name.EVICTION, N_("{policy}: throws messages away when memory is short"), fix, policy=policy)


def _memory(seen: RedisFacts) -> Finding:
    used = f"{seen.memory / MEGABYTE:.0f}"
    if not seen.memory_at_most:
        return ok(Name.MEMORY, N_("{used} MB in use, without a bound"), used=used)
    part = seen.memory / seen.memory_at_most
    values = {"used": used, "most": f"{seen.memory_at_most / MEGABYTE:.0f}"}
    found = N_("{used} of {most} MB in use")
    fix = N_("raise maxmemory; when it is used up, workers end and no message is taken")
    if part >= FULL:
        return bad(Name.MEMORY, found, fix, **values)
    if part >= NEARLY_FULL:
        return warn(Name.MEMORY, found, fix, **values)
    return ok(Name.MEMORY, found, **values)


def _persistence(seen: RedisFacts) -> Finding:
    if seen.is_broken:
        found = N_("its last write to disk failed; it may refuse messages")
        return bad(Name.PERSISTENCE, found, N_("free its disk, and read the log of the server"))
    if seen.appends:
        return ok(Name.PERSISTENCE, N_("keeps a log of its writes"))
    fix = N_("redis-cli CONFIG SET appendonly yes, and the same in redis.conf")
    if seen.saves:
        return warn(Name.PERSISTENCE, N_("a crash loses the messages since its last copy: some seconds' delay"), fix)
    return warn(Name.PERSISTENCE, N_("a restart loses every message: no payment, but up to a minute's delay"), fix)
