"""The fleet: lengths that nest, workers that take messages, beat that rings."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config import policy
from config.policy import Lengths
from models.errors import TryAgain
from tasks.echo import longest_unacknowledged, visibility
from tasks.sweep import SWEPT
from tasks.toolbox import Sign, Toolbox
from worker.language import N_
from worker.ops.doctor.clocks import Clock
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown

MARGIN = 5.0
"""Seconds beyond a look's own time after which its thread is given up."""

PAUSE = 0.1
"""Seconds between two looks for signs."""

FIX_LENGTHS = N_("give all processes the same release and the same LIGDICASH_CONNECT_TIMEOUT and _ANSWER_TIMEOUT")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLengths:
    """Two lengths of one app, in seconds."""

    visibility: float
    longest: float


def lengths_of(app: Any) -> AppLengths:
    """Those of this process's app, with every task it knows."""
    app.loader.import_default_modules()
    return AppLengths(visibility=visibility(app), longest=longest_unacknowledged(app))


def judge_lengths(lengths: Lengths, app: AppLengths) -> Finding:
    """Whether each length is shorter than the next, and no task outlives the patience of the broker."""
    faults = lengths.faults()
    if app.visibility <= app.longest:
        faults.append(
            f"visibility timeout ({app.visibility:g} s) must be longer than the longest task ({app.longest:g} s)"
        )
    if faults:
        found = N_("{faults}; what runs that long is given to a second worker meanwhile")
        return bad(Name.LENGTHS, found, N_("see `Lengths` in config/policy.py"), faults="; ".join(faults))
    found = N_("visibility timeout {visibility:.0f} s, longest task {longest:.0f} s")
    return ok(Name.LENGTHS, found, visibility=app.visibility, longest=app.longest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Echoes:
    """The queues an echo was sent to, and the signs that came of it, by queue."""

    sent: tuple[str, ...]
    heard: Mapping[str, Sign] = field(default_factory=dict)


def look_for_workers(tools: Toolbox, *, within: float) -> Echoes:
    """Send an echo through every queue and wait for all, or until the time is over. Raises `TryAgain` with Redis away."""
    name = f"echo:{secrets.token_hex(8)}"
    deadline = time.monotonic() + within
    sent = tools.queue.echo(name)
    if not sent:
        raise TryAgain("the broker could not be reached")
    heard: dict[str, Sign] = {}
    while len(heard) < len(sent) and time.monotonic() < deadline:
        time.sleep(PAUSE)
        for queue in sent:
            if queue not in heard and (sign := tools.signs.find(f"{name}:{queue}")):
                heard[queue] = sign
    return Echoes(sent=tuple(sent), heard=heard)


def judge_workers(seen: Echoes | Away, *, within: float) -> Finding:
    """Whether a task ran from every queue."""
    if isinstance(seen, Away):
        return unknown(Name.WORKERS, N_("not looked at: {why}"), why=seen.why)
    missing = [queue for queue in seen.sent if queue not in seen.heard]
    if missing:
        found = N_("nobody took a message from {queues} within {seconds:g} s")
        fix = N_("start `celery -A worker worker`, without -Q, or see what keeps it busy: `reconciler status`")
        return bad(Name.WORKERS, found, fix, queues=", ".join(missing), seconds=within)
    return ok(Name.WORKERS, N_("a task ran from each queue: {queues}"), queues=", ".join(seen.sent))


def judge_redelivery(seen: Echoes | Away, ours: AppLengths) -> Finding:
    """Whether the shortest visibility timeout of anybody is longer than the longest task of anybody: the shortest wins."""
    if isinstance(seen, Away) or not seen.heard:
        return unknown(Name.REDELIVERY, N_("not looked at: no worker answered"))
    facts = [sign.facts for sign in seen.heard.values()]
    shortest = min([ours.visibility, *(float(f["visibility"]) for f in facts if "visibility" in f)])
    longest = max([ours.longest, *(float(f["longest"]) for f in facts if "longest" in f)])
    if shortest <= longest:
        found = N_("somebody's visibility timeout is {shortest:.0f} s, and somebody's task may run {longest:.0f} s")
        return bad(Name.REDELIVERY, found, FIX_LENGTHS, shortest=shortest, longest=longest)
    found = N_("no worker gives a message away before {shortest:.0f} s")
    return ok(Name.REDELIVERY, found, shortest=shortest)


def worker_clocks(seen: Echoes | Away, redis: Clock | None) -> dict[str, Clock]:
    """The clocks of the workers, which they held against that of Redis."""
    if isinstance(seen, Away) or redis is None:
        return {}
    return {
        f"worker ({queue})": Clock(ahead=redis.ahead + sign.ahead, blur=redis.blur)
        for queue, sign in seen.heard.items()
    }


def look_for_beat(tools: Toolbox, *, sweep_every: float, wait: float) -> Sign | None:
    """The sign of the last sweep that beat rang for, or one that comes within `wait` seconds. Raises `TryAgain`."""
    deadline = time.monotonic() + wait
    while True:
        sign = tools.signs.find(SWEPT)
        if sign is not None and sign.age <= beat_within(sweep_every):
            return sign
        if time.monotonic() >= deadline:
            return sign
        time.sleep(PAUSE)


def beat_within(sweep_every: float) -> float:
    """Seconds within which a sweep leaves its sign while beat and workers are well."""
    return sweep_every + policy.BEAT_QUIET


def judge_beat(seen: Sign | Away | None, *, sweep_every: float) -> Finding:
    """Whether sweeps come at their time."""
    if isinstance(seen, Away):
        return unknown(Name.BEAT, N_("not looked at: {why}"), why=seen.why)
    fix = N_("start `celery -A worker beat`; `reconciler sweep --loop` stands in for it. A worker must take `control`")
    if seen is None:
        return bad(Name.BEAT, N_("no sweep has run for a day, or since Redis was emptied"), fix)
    if seen.age > beat_within(sweep_every):
        return bad(Name.BEAT, N_("the last sweep it rang for ran {age:.0f} s ago"), fix, age=seen.age)
    return ok(Name.BEAT, N_("the last sweep it rang for ran {age:.0f} s ago"), age=seen.age)
