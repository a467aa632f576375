"""What strikes when: drawn from a seed before anything starts. Pure; knows no process and no address."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from worker.language import N_, _, number


class Target(StrEnum):
    """What a strike hits. Two strikes on one target never overlap; strikes on different ones do, as in life."""

    WORKER = "worker"
    WEB = "web"
    BEAT = "beat"
    REDIS = "valkey"
    POSTGRES = "postgres"
    GATEWAY = "gateway"
    CLOCK = "the gateway's clock"


class Kind(StrEnum):
    """Everything that can strike, in words for the ledger."""

    KILL_WORKER = N_("kill -9 worker")
    FREEZE_WORKER = N_("worker frozen")
    FREEZE_WORKER_LONG = N_("worker frozen past its locks")
    KILL_WEB = N_("kill -9 web")
    FREEZE_WEB = N_("web frozen")
    KILL_BEAT = N_("kill -9 beat")
    FLUSH_REDIS = N_("FLUSHALL on Redis")
    FREEZE_REDIS = N_("Redis frozen")
    KILL_REDIS = N_("kill -9 Redis")
    REDIS_AWAY = N_("Redis away")
    RESTART_POSTGRES = N_("PostgreSQL restarted")
    KILL_POSTGRES = N_("kill -9 PostgreSQL")
    POSTGRES_AWAY = N_("PostgreSQL away")
    FILL_SPOOL = N_("PostgreSQL away, spool filled")
    SLOW = N_("gateway too slow")
    RESET = N_("gateway resets connections")
    HTTP500 = N_("gateway answers 500")
    HTTP429 = N_("gateway answers 429")
    HTML = N_("gateway answers HTML")
    REFUSE01 = N_("gateway answers 200 with 01")
    AUTH = N_("gateway refuses credentials")
    CLOCK_AHEAD = N_("gateway's clock two days ahead")
    CLOCK_BEHIND = N_("gateway's clock an hour behind")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a kind of strike holds, and how long it lasts, in seconds from `low` to `high`; 0 is over at once."""

    targets: tuple[Target, ...]
    low: float = 0.0
    high: float = 0.0


TERMS: dict[Kind, Terms] = {
    Kind.KILL_WORKER: Terms((Target.WORKER,)),
    Kind.FREEZE_WORKER: Terms((Target.WORKER,), 2, 6),
    Kind.FREEZE_WORKER_LONG: Terms((Target.WORKER,), 25, 32),
    Kind.KILL_WEB: Terms((Target.WEB,)),
    Kind.FREEZE_WEB: Terms((Target.WEB,), 0.5, 2),
    Kind.KILL_BEAT: Terms((Target.BEAT,)),
    Kind.FLUSH_REDIS: Terms((Target.REDIS,)),
    Kind.FREEZE_REDIS: Terms((Target.REDIS,), 1, 5),
    Kind.KILL_REDIS: Terms((Target.REDIS,)),
    Kind.REDIS_AWAY: Terms((Target.REDIS,), 3, 10),
    Kind.RESTART_POSTGRES: Terms((Target.POSTGRES,)),
    Kind.KILL_POSTGRES: Terms((Target.POSTGRES,)),
    Kind.POSTGRES_AWAY: Terms((Target.POSTGRES,), 2, 8),
    # The door has to stand while its spool is filled.
    Kind.FILL_SPOOL: Terms((Target.POSTGRES, Target.WEB), 6, 10),
    Kind.SLOW: Terms((Target.GATEWAY,), 4, 10),
    Kind.RESET: Terms((Target.GATEWAY,), 4, 10),
    Kind.HTTP500: Terms((Target.GATEWAY,), 4, 10),
    Kind.HTTP429: Terms((Target.GATEWAY,), 4, 10),
    Kind.HTML: Terms((Target.GATEWAY,), 4, 10),
    Kind.REFUSE01: Terms((Target.GATEWAY,), 4, 10),
    Kind.AUTH: Terms((Target.GATEWAY,), 4, 8),
    Kind.CLOCK_AHEAD: Terms((Target.CLOCK,), 4, 10),
    Kind.CLOCK_BEHIND: Terms((Target.CLOCK,), 4, 10),
}

CALM = 2.0
"""Seconds before the first strike."""

QUIET = 15.0
"""Seconds without trouble at the end of a long run; a quarter of a short one."""

RECOVERY = 4.0
"""Seconds between the end of one strike and the next on the same target: about what a process takes to start."""

EVERY = (2.0, 6.0)
"""Seconds between two strikes on the mean: the first where time is short for one of each kind, the second at leisure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One blow: when it falls and how long it lasts, in seconds."""

    at: float
    kind: Kind
    lasts: float

    @property
    def until(self) -> float:
        """When it is over."""
        return self.at + self.lasts

    @property
    def words(self) -> str:
        """For a person."""
        kind = _(self.kind.value)
        return _("{kind} for {seconds} s").format(kind=kind, seconds=number(self.lasts, "g")) if self.lasts else kind


def draw_schedule(*, seconds: float, seed: int) -> list[Strike]:
    """The strikes of one run in the order in which they fall; same seed and length, same schedule.

    Kinds are dealt like cards: none comes again before all others came, as far as their time and their targets allow.
    From three minutes on every kind is in it. The end of the run is quiet.
    """
    draw = random.Random(f"{seed}:{seconds:g}")  # noqa: S311 - a schedule, not a secret
    end = seconds - min(QUIET, seconds / 4)
    every = min(max((end - CALM) / (1.5 * len(Kind)), EVERY[0]), EVERY[1])
    schedule: list[Strike] = []
    deck: list[Kind] = []
    at = CALM
    while at < end:
        if len(deck) < len(Kind):
            deck += draw.sample(list(Kind), k=len(Kind))
        moment = round(at + draw.uniform(0, every / 2), 1)
        drawn = (_drawn(draw, kind, at=moment) for kind in deck)
        fitting = next((strike for strike in drawn if _fits(strike, schedule, end=end)), None)
        if fitting is not None:
            deck.remove(fitting.kind)
            schedule.append(fitting)
        at += every
    return schedule


def _drawn(draw: random.Random, kind: Kind, *, at: float) -> Strike:
    terms = TERMS[kind]
    return Strike(at=at, kind=kind, lasts=round(draw.uniform(terms.low, terms.high), 1))


def _fits(strike: Strike, schedule: Sequence[Strike], *, end: float) -> bool:
    if strike.until > end:
        return False
    targets = set(TERMS[strike.kind].targets)
    return not any(
        targets.intersection(TERMS[other.kind].targets)
        and strike.at < other.until + RECOVERY
        and other.at < strike.until + RECOVERY
        for other in schedule
    )
