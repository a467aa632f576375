"""The call budget: one token bucket for each credential in Redis, with lanes, shared by the whole fleet.

Each lane's own bucket fills at its guaranteed part of the rate. What overflows runs into a common pool, from which a lane
takes down to what it must leave for the lanes above it. The server's clock alone says how much time has passed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from config import policy
from config.policy import Share
from models.check import Lane
from tasks.toolbox import LaneLevel, Turn
from worker.fleet import Fleet

PREFIX = "reconciler:budget:"

# ARGV: place of the lane, questions wanted, what the lane leaves in the pool, the pool's size, then for each lane its
# inflow a second and its size. An emptied server counts as full: one burst too many. Where nothing is granted nothing need be
# written, for what is there follows from the time; but a clock that was set back must not stop the inflow. The second key counts what was granted, minute by minute.
TAKE = """
local lane, wanted, leaves, pool_size = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lanes = (#ARGV - 4) / 2
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local fields = {'at', 'pool'}
for i = 1, lanes do fields[#fields + 1] = tostring(i) end
local kept = redis.call('HMGET', KEYS[1], unpack(fields))
local last = tonumber(kept[1]) or now
local passed = math.max(0, now - last)
local pool = tonumber(kept[2]) or pool_size

local tokens, inflow, spill = {}, tonumber(ARGV[3 + 2 * lane]), 0
for i = 1, lanes do
    local rate, size = tonumber(ARGV[3 + 2 * i]), tonumber(ARGV[4 + 2 * i])
    local there = (tonumber(kept[2 + i]) or size) + rate * passed
    if there >= size then
        pool = pool + there - size
        there = size
        if i ~= lane then spill = spill + rate end
    end
    tokens[i] = there
end
pool = math.min(pool, pool_size)

local reach = tokens[lane] + math.max(0, pool - leaves)
local room = math.floor(reach + 0.000001)
local granted = math.min(wanted, room)
if granted > 0 or last > now then
    local own = math.min(tokens[lane], granted)
    tokens[lane] = tokens[lane] - own
    pool = pool - (granted - own)
    local state = {'at', string.format('%.6f', now), 'pool', string.format('%.6f', pool)}
    for i = 1, lanes do
        state[#state + 1] = tostring(i)
        state[#state + 1] = string.format('%.6f', tokens[i])
    end
    redis.call('HSET', KEYS[1], unpack(state))
    redis.call('EXPIRE', KEYS[1], 3600)
    local minute = KEYS[2] .. math.floor(now / 60)
    redis.call('HINCRBY', minute, lane, granted)
    redis.call('EXPIRE', minute, 180)
end
if pool >= leaves then inflow = inflow + spill end
local missing = wanted - granted
local rest = reach - granted
local next_in = missing > 0 and math.max(0, 1 - rest) / inflow or 0
local all_in = missing > 0 and math.max(0, missing - rest) / inflow or 0
return {granted, math.ceil(next_in * 1000), math.ceil(all_in * 1000), room}
"""

# What each lane was granted in the last minute, as if the minute before had been even.
COUNTED = """
local time = redis.call('TIME')
local minute, part = math.floor(time[1] / 60), (time[1] % 60) / 60
local counted = {}
for i = 1, tonumber(ARGV[1]) do
    local this = tonumber(redis.call('HGET', KEYS[1] .. minute, i)) or 0
    local last = tonumber(redis.call('HGET', KEYS[1] .. (minute - 1), i)) or 0
    counted[i] = math.floor(this + last * (1 - part) + 0.5)
end
return counted
"""


class FleetBudget:
    """The budget of one credential. With the server away this process has a modest part of the rate for itself."""

    def __init__(
        self, fleet: Fleet, *, name: str, rate: float, shares: Mapping[str, Share] = policy.LANE_SHARES
    ) -> None:
        """`rate` is questions a second for the whole fleet; `name` stands for the credential."""
        self._take = fleet.script(TAKE)
        self._counted = fleet.script(COUNTED)
        self._keys = [f"{PREFIX}{name}", f"{PREFIX}{name}:granted:"]
        self._places = {lane: place for place, lane in enumerate(Lane, start=1)}
        self._pool = max(policy.LEAST_POOL_BURST, rate * policy.POOL_BURST)
        self._leaves = {lane: self._pool * shares[lane.value].leaves for lane in Lane}
        self._lanes: list[float] = []
        for lane in Lane:
            inflow = rate * shares[lane.value].guaranteed
            self._lanes += [inflow, max(policy.LEAST_LANE_BURST, inflow * policy.LANE_BURST)]
        self._alone = LoneBucket(rate=rate * policy.RATE_ALONE)

    @property
    def burst(self) -> float:
        """Questions that may go out at once after a rest: over any time, no more than this and the rate are granted."""
        return self._pool + sum(self._lanes[1::2])

    def take(self, lane: Lane, count: int) -> Turn:
        """Up to `count` tokens, first the lane's own, then the pool's."""
        found = self._ask(lane, count)
        if found is None:
            return self._alone.take(count)
        granted, next_in, all_in, _ = found
        return Turn(granted=granted, next_in=next_in / 1000, all_in=all_in / 1000)

    def room(self, lane: Lane) -> int:
        """Whole tokens this lane can reach now."""
        found = self._ask(lane, 0)
        return self._alone.room() if found is None else found[3]

    def levels(self) -> list[LaneLevel]:
        """Every lane's room and grants; empty with the server away."""
        counted = self._counted(self._keys[1:], len(self._places))
        if counted is None:
            return []
        return [
            LaneLevel(lane=lane, room=self.room(lane), granted=granted)
            for lane, granted in zip(Lane, counted, strict=True)
        ]

    def _ask(self, lane: Lane, count: int) -> list[int] | None:
        found: list[int] | None = self._take(
            self._keys, self._places[lane], count, self._leaves[lane], self._pool, *self._lanes
        )
        return found


class LoneBucket:
    """A bucket in this process, without lanes, for the time the fleet cannot agree."""

    def __init__(self, *, rate: float) -> None:
        """`rate` is questions a second; it saves up one second of them, and at least one question."""
        self._rate = rate
        self._size = max(1.0, rate)
        self._tokens = self._size
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, count: int) -> Turn:
        """Up to `count` of what is there."""
        with self._lock:
            self._fill()
            granted = min(count, int(self._tokens))
            self._tokens -= granted
            missing = count - granted
            if not missing:
                return Turn(granted=granted)
            next_in = max(0.0, 1 - self._tokens) / self._rate
            return Turn(granted=granted, next_in=next_in, all_in=(missing - self._tokens) / self._rate)

    def room(self) -> int:
        """Whole questions that could be asked now."""
        with self._lock:
            self._fill()
            return int(self._tokens)

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now
