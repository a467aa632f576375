"""How often one-time codes are sent: to one number, and by the whole installation. Kept in Redis, by the server's clock.

Each code is a message to somebody's phone, and LigdiCash is asked for it. Whoever holds the API key, or finds a form of the
merchant's that passes numbers on, could have a stranger's phone ring all night. With Redis away each process limits by what it
has seen itself: a code less is a payment less, and a message more is a nuisance that the next limit stops.
"""

from __future__ import annotations

import hashlib
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass

from config import policy
from tasks.toolbox import OtpLeave
from worker.fleet import Fleet

PREFIX = "reconciler:otp:"
MINUTE = 60.0

# KEYS: codes to this number, codes of the installation, both by time. ARGV: least seconds between two to a number, how many to
# it in how many seconds, how many of the installation a minute, and a name for this one. Returns which of the three is in the
# way (0: none), and for how many milliseconds. Nothing is written for what is not given.
TAKE = """
local apart, most, window, minute = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local function over(key, count, seconds)
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - seconds)
    if redis.call('ZCARD', key) < count then return 0 end
    local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return math.max(0.001, oldest[2] + seconds - now)
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
local waits = {last[2] and math.min(apart, last[2] + apart - now) or 0, over(KEYS[1], most, window), over(KEYS[2], minute, 60)}
local which, wait = 0, 0
for i = 1, 3 do
    if waits[i] > wait then which, wait = i, waits[i] end
end
if which == 0 then
    local stamp = string.format('%.6f', now)
    redis.call('ZADD', KEYS[1], stamp, ARGV[5])
    redis.call('ZADD', KEYS[2], stamp, ARGV[5])
    redis.call('EXPIRE', KEYS[1], window)
    redis.call('EXPIRE', KEYS[2], 60)
end
return {which, math.ceil(wait * 1000)}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpRules:
    """How many codes: `apart` seconds between two to one number, `most` to it in `window` seconds, `a_minute` to all together."""

    apart: float = policy.OTP_APART
    most: int = policy.OTPS_TO_A_NUMBER
    window: float = policy.OTP_WINDOW
    a_minute: int


class FleetOtpLimit:
    """One limit for all doors. Numbers stand in Redis only as a keyed hash: nobody reads them out of it."""

    def __init__(self, fleet: Fleet, rules: OtpRules, *, secret: str) -> None:
        """`secret` is any secret that all processes share."""
        self._take = fleet.script(TAKE)
        self._rules = rules
        self._key = hashlib.sha256(secret.encode()).digest()
        self._alone = LoneOtpLimit(rules)

    def take(self, number: str) -> OtpLeave:
        """Leave to have one code sent to this number now."""
        name = hashlib.blake2b(number.encode(), key=self._key, digest_size=16).hexdigest()
        rules = self._rules
        found = self._take(
            [f"{PREFIX}{name}", f"{PREFIX}all"], rules.apart, rules.most, rules.window, rules.a_minute, uuid.uuid4().hex
        )
        if found is None:
            return self._alone.take(name)
        return OtpLeave(wait=found[1] / 1000, is_for_all=found[0] == 3)  # noqa: PLR2004 - the third, as above


class LoneOtpLimit:
    """The same by what this process has seen, for the time the fleet cannot agree. Forgets what is over."""

    def __init__(self, rules: OtpRules) -> None:
        self._rules = rules
        self._sent: dict[str, deque[float]] = {}
        self._all: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self, name: str) -> OtpLeave:
        """Leave by this process's own clock."""
        with self._lock:
            now = time.monotonic()
            self._forget(now)
            ours = self._sent.get(name, deque())
            to_number = max(
                self._apart(ours, now), self._full(ours, now, most=self._rules.most, window=self._rules.window)
            )
            to_all = self._full(self._all, now, most=self._rules.a_minute, window=MINUTE)
            if not to_number and not to_all:
                self._sent.setdefault(name, ours).append(now)
                self._all.append(now)
            return OtpLeave(wait=max(to_number, to_all), is_for_all=to_all > to_number)

    def _apart(self, sent: deque[float], now: float) -> float:
        return max(0.0, sent[-1] + self._rules.apart - now) if sent else 0.0

    def _full(self, sent: deque[float], now: float, *, most: int, window: float) -> float:
        return max(0.001, sent[0] + window - now) if len(sent) >= most else 0.0

    def _forget(self, now: float) -> None:
        """Drop what is over. What is kept is bounded: no more than `a_minute` are added in a minute."""
        while self._all and self._all[0] <= now - MINUTE:
            self._all.popleft()
        for name in list(self._sent):
            sent = self._sent[name]
            while sent and sent[0] <= now - self._rules.window:
                sent.popleft()
            if not sent:
                del self._sent[name]
