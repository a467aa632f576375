"""The breaker of one credential, shared by the fleet: what Redis keeps is read, `worker.circuit` decides, and it is swapped.

While all is well nothing is written. Whoever loses a swap reads again: the rules live in one place, and not in Lua.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import structlog

from tasks.toolbox import BreakerView, Heard, Leave
from worker.circuit import Circuit, dump, load
from worker.fleet import Fleet

log = structlog.get_logger()

PREFIX = "reconciler:breaker:"

KEPT_FOR = 86_400
"""Seconds Redis remembers a breaker nobody has asked or told anything."""

SWAPS = 8
"""Tries to write before giving up: the others who write say the same."""

READ = """
local time = redis.call('TIME')
return {time[1], time[2], redis.call('GET', KEYS[1]) or ''}
"""

SWAP = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3]) end
return 1
"""


class Store(Protocol):
    """One text that many may change, each only if it is still what they read."""

    @property
    def is_shared(self) -> bool:
        """Whether the others see the same text."""
        ...

    def read(self) -> tuple[float, str]:
        """The time, as seconds since 1970, and the text; empty when there is none."""
        ...

    def swap(self, old: str, new: str) -> bool:
        """Put `new` there if it is still `old`."""
        ...


class OwnStore:
    """In this process."""

    is_shared = False

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._text = ""
        self._lock = threading.Lock()

    def read(self) -> tuple[float, str]:
        """By this machine's clock."""
        return self._clock(), self._text

    def swap(self, old: str, new: str) -> bool:
        """Under a lock."""
        with self._lock:
            if self._text != old:
                return False
            self._text = new
            return True


class FleetStore:
    """In Redis, by the server's clock; in this process while the server is away."""

    def __init__(self, fleet: Fleet, *, name: str) -> None:
        self._key = f"{PREFIX}{name}"
        self._read = fleet.script(READ)
        self._swap = fleet.script(SWAP)
        self._own = OwnStore()
        self._is_shared = True

    @property
    def is_shared(self) -> bool:
        """By the last look."""
        return self._is_shared

    def read(self) -> tuple[float, str]:
        """One round trip."""
        found = self._read([self._key])
        self._is_shared = found is not None
        if found is None:
            return self._own.read()
        seconds, micros, text = found
        return int(seconds) + int(micros) / 1_000_000, text.decode()

    def swap(self, old: str, new: str) -> bool:
        """One round trip."""
        swapped = self._swap([self._key], old, new, KEPT_FOR)
        return self._own.swap(old, new) if swapped is None else bool(swapped)


class FleetBreaker:
    """Opens on refusals and on lasting silence, lets one probe through after a while, and closes on its answer."""

    def __init__(self, store: Store, *, probe_life: float) -> None:
        """`probe_life` is seconds after which a probe nobody heard of again is taken for dead."""
        self._store = store
        self._probe_life = probe_life

    def leave(self, count: int) -> Leave:
        """All, one as the probe, or none for a while."""
        for _ in range(SWAPS):
            now, text = self._store.read()
            circuit = load(text)
            if not circuit.is_open:
                return Leave()
            if not circuit.wants_probe(now):
                self._store.swap(text, dump(circuit.holding_back(count)))  # a count for a person: may miss some
                return Leave(wait=circuit.wait(now), why=_why(circuit))
            name = secrets.token_hex(8)
            mine = circuit.with_probe(name, now=now, life=self._probe_life).holding_back(count - 1)
            if self._store.swap(text, dump(mine)):
                return Leave(probe=name)
        return Leave(wait=circuit.wait(now), why=_why(circuit))

    def room(self) -> int | None:
        """None while closed, else 1 when a probe should go out, else 0."""
        now, text = self._store.read()
        circuit = load(text)
        return int(circuit.wants_probe(now)) if circuit.is_open else None

    def report(self, heard: Heard, *, probe: str = "") -> float:
        """Take in what was heard."""
        for _ in range(SWAPS):
            now, text = self._store.read()
            before = load(text)
            after = before.after(heard, probe=probe, now=now)
            if after == before or self._store.swap(text, dump(after)):
                _tell(before, after, now)
                return after.wait(now)
        return 0.0

    def view(self) -> BreakerView:
        """For a person."""
        now, text = self._store.read()
        circuit = load(text)
        is_shared = self._store.is_shared
        if not circuit.is_open:
            return BreakerView(state=circuit.state(now), is_shared=is_shared)
        return BreakerView(
            state=circuit.state(now),
            since=_moment(circuit.opened_at),
            until=_moment(circuit.until),
            reason=circuit.reason,
            held_back=circuit.held_back,
            is_shared=is_shared,
            is_refused=circuit.is_refused,
        )


def _why(circuit: Circuit) -> str:
    trouble = "it refuses us" if circuit.is_refused else "it does not answer"
    return f"the gateway is not asked until {_moment(circuit.until):%H:%M:%S} UTC, for {trouble}: {circuit.reason}"


def _tell(before: Circuit, after: Circuit, now: float) -> None:
    if after.is_open and not before.is_open:
        log.error("gateway_breaker_opened", reason=after.reason, refused=after.is_refused, seconds=after.wait(now))
    if before.is_open and not after.is_open:
        log.info("gateway_breaker_closed", after=round(now - before.opened_at, 1), held_back=before.held_back)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)
