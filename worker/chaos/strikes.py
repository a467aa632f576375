"""How each kind of strike is done, and undone: to the processes of the shape, to Redis, to the gateway's stand-in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from signal import SIGINT, SIGKILL, Signals
from typing import Protocol

import redis
import requests

from worker.chaos.schedule import Kind, Target
from worker.demo.story import TOO_SLOW

Act = Callable[[], object]

DAY, HOUR = 86_400, 3_600

NEARLY_ALL = 0.9
"""Share of the questions a sick gateway spoils."""

SOME = 0.1
"""Share of the creates it spoils too: such an invoice may exist there, and can never be asked about."""


class Processes(Protocol):
    """The processes under the supervisor, by name. Each answers whether there was one to hit."""

    def kill(self, name: str, number: Signals = SIGKILL) -> bool:
        """Kill it with its group; it is started again."""

    def pause(self, name: str) -> bool:
        """Freeze it."""

    def resume(self, name: str) -> bool:
        """Let it go on."""

    def take_down(self, name: str, number: Signals = SIGKILL) -> bool:
        """Kill it and keep it down."""

    def bring_back(self, name: str) -> None:
        """Let it be started again."""


def _over_at_once() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Blow:
    """What a strike does when it falls, and when it is over. `begin` answers False when there was nothing to hit."""

    begin: Act
    end: Act = _over_at_once


class SickGateway:
    """The stand-in's control API: what is wrong with the gateway."""

    def __init__(self, simulator_url: str) -> None:
        self._url = simulator_url

    def answer(self, kind: str, *, creates: float = 0.0) -> None:
        """Nearly all questions, and this share of creates, meet this trouble from now on."""
        confirm = {"kind": kind, "share": NEARLY_ALL, "seconds": TOO_SLOW}
        self._put("faults", {"confirm": confirm, "create": {"kind": kind, "share": creates, "seconds": TOO_SLOW}})

    def recover(self) -> None:
        """Answer as it should."""
        self._put("faults", {"confirm": {"kind": "none"}, "create": {"kind": "none"}})

    def move_clock(self, seconds: float) -> None:
        """Be that far ahead of time."""
        self._put("clock", {"offset": seconds})

    def _put(self, what: str, body: Mapping[str, object]) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.put(f"{self._url}/_sim/{what}", json=body, timeout=30).raise_for_status()


def blows(processes: Processes, gateway: SickGateway, *, flush_redis: Act, flood: Act) -> dict[Kind, Blow]:
    """What each kind does. `flood` sends more to the door than its spool holds."""
    frozen = partial(_frozen, processes)
    away = partial(_away, processes)
    kill = processes.kill

    def sick(kind: str, *, creates: float = SOME) -> Blow:
        return Blow(lambda: gateway.answer(kind, creates=creates), gateway.recover)

    def clock(seconds: float) -> Blow:
        return Blow(lambda: gateway.move_clock(seconds), lambda: gateway.move_clock(0))

    return {
        Kind.KILL_WORKER: Blow(lambda: kill(Target.WORKER)),
        Kind.FREEZE_WORKER: frozen(Target.WORKER),
        Kind.FREEZE_WORKER_LONG: frozen(Target.WORKER),
        Kind.KILL_WEB: Blow(lambda: kill(Target.WEB)),
        Kind.FREEZE_WEB: frozen(Target.WEB),
        Kind.KILL_BEAT: Blow(lambda: kill(Target.BEAT)),
        Kind.FLUSH_REDIS: Blow(flush_redis),
        Kind.FREEZE_REDIS: frozen(Target.REDIS),
        Kind.KILL_REDIS: Blow(lambda: kill(Target.REDIS)),
        Kind.REDIS_AWAY: away(Target.REDIS, SIGKILL),
        Kind.RESTART_POSTGRES: Blow(lambda: kill(Target.POSTGRES, SIGINT)),
        Kind.KILL_POSTGRES: Blow(lambda: kill(Target.POSTGRES)),
        Kind.POSTGRES_AWAY: away(Target.POSTGRES, SIGINT),
        Kind.FILL_SPOOL: away(Target.POSTGRES, SIGINT, then=flood),
        Kind.SLOW: sick("slow"),
        Kind.RESET: sick("reset"),
        Kind.HTTP500: sick("http500"),
        Kind.HTTP429: sick("http429"),
        Kind.HTML: sick("html"),
        # Creates are left alone: our API hands a refusal on, and a merchant would not send that order again.
        Kind.REFUSE01: sick("refuse01", creates=0),
        Kind.AUTH: sick("auth", creates=0),
        Kind.CLOCK_AHEAD: clock(2 * DAY),
        Kind.CLOCK_BEHIND: clock(-HOUR),
    }


def _frozen(processes: Processes, target: Target) -> Blow:
    return Blow(lambda: processes.pause(target), lambda: processes.resume(target))


def _away(processes: Processes, target: Target, number: Signals, *, then: Act = _over_at_once) -> Blow:
    def begin() -> bool:
        hit = processes.take_down(target, number)
        then()
        return hit

    return Blow(begin, lambda: processes.bring_back(target))


def flush(url: str) -> None:
    """Empty a Redis; raises `redis.RedisError` when it does not answer."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.flushall()
