"""Clocks: how far those of the servers, the workers and this machine are apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations

from config import policy
from worker.language import N_
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn

HERE = N_("this machine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Seconds a clock is ahead of this machine's, give or take `blur`: the answer was on its way for some of the time."""

    ahead: float
    blur: float


def read_clock(ask: Callable[[], float], *, local: Callable[[], float] = time.time) -> Clock:
    """Ask a server for its time."""
    before = local()
    there = ask()
    after = local()
    return Clock(ahead=there - (before + after) / 2, blur=(after - before) / 2)


def judge_clocks(clocks: Mapping[str, Clock], *, sweep_every: float) -> Finding:
    """The two that are furthest apart, by what is certain of their difference."""
    if not clocks:
        return unknown(Name.CLOCKS, N_("no other clock could be read"))
    every = {HERE: Clock(ahead=0, blur=0), **clocks}
    # Of pairs as far apart the first: a server is named before the workers that agree with this machine.
    one, other = max(combinations(every, 2), key=lambda pair: round(_apart(every[pair[0]], every[pair[1]]), 1))
    apart = _apart(every[one], every[other])
    bound = min(policy.CLOCKS_APART, 2 * sweep_every)
    if apart < min(policy.CLOCKS_APART_SEEN, bound):
        return ok(Name.CLOCKS, N_("{count} clocks agree to within {seconds}"), count=len(every), seconds="1 s")
    found = N_(
        "{one} and {other} are {seconds} s apart: rings expire unheard, messages are delivered twice, times mislead"
    )
    fix = N_("have all machines keep time by NTP: `timedatectl set-ntp true`")
    say = bad if apart >= bound else warn
    return say(Name.CLOCKS, found, fix, one=one, other=other, seconds=f"{apart:.1f}")


def _apart(one: Clock, other: Clock) -> float:
    return max(0.0, abs(one.ahead - other.ahead) - one.blur - other.blur)
