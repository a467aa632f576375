"""Timing as values: when to ask about a payment again, when to stop, and how long everything may take.

Pure functions over plain values; all lengths are seconds, or `timedelta` where a date is computed from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from config.settings import Settings

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SPACING = 3.0
"""Least seconds between two questions about one transaction. The vendor's floor: hosted-payin "status-verification"
pages ask for 3 to 5 s between two confirms and speak of rate limits below."""


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to `until` seconds of age, ask every `every` seconds."""

    until: float
    every: float


AGE_TIERS = (
    Tier(until=5 * MINUTE, every=10),
    Tier(until=30 * MINUTE, every=MINUTE),
    Tier(until=6 * HOUR, every=10 * MINUTE),
    Tier(until=3 * DAY, every=HOUR),
    Tier(until=30 * DAY, every=DAY),
)
"""How the sweep thins out. After the last tier a transaction is parked, with a case; it still listens to callbacks."""


def ask_again_in(age: float, *, tiers: tuple[Tier, ...] = AGE_TIERS) -> float | None:
    """Seconds until the next question about a transaction of this age; None when it should be parked."""
    for tier in tiers:
        if age < tier.until:
            return tier.every
    return None


SILENCE_STEPS = (5.0, 10.0, 20.0, 40.0, MINUTE)
"""Seconds to wait after no answer, or after a refusal that says nothing about the payment: an outage parks nothing."""


LONGEST_SILENCE = 10 * MINUTE
"""Seconds an old transaction waits for its next question during a long outage."""


def after_silence_in(silences: int, *, age: float, jitter: float) -> float:
    """Seconds until the next try after `silences` unanswered questions in a row about a transaction of this age.

    Soon at first. Once the steps are used up, an old transaction waits longer, so that a long outage is not spent
    asking about all of them each minute; yet no longer than `LONGEST_SILENCE`, so that they settle soon after its end.
    Never stops: an outage parks nothing. `jitter`, drawn by the caller from [0, 1), stretches the wait by up to half,
    so that an outage does not end in one wave of questions.
    """
    step = SILENCE_STEPS[min(max(silences, 1), len(SILENCE_STEPS)) - 1]
    if silences > len(SILENCE_STEPS):
        step = min(max(step, ask_again_in(age) or LONGEST_SILENCE), LONGEST_SILENCE)
    return step * (1 + jitter / 2)


MISMATCH_EVERY = HOUR
"""Seconds between questions about a payment whose confirmed amount or reference is not ours: slowly, a person decides."""

CALLBACK_RETRY_STEPS = (5.0, 10.0, 20.0, 40.0, 80.0)
"""Seconds between attempts to find the transaction of a callback whose id we do not know yet: our own create reply may
still be on its way. After the last one the callback is an orphan, with a case."""


def look_again_in(attempts: int) -> float | None:
    """Seconds until an unmatched callback is looked for again after `attempts` tries; None to give it to a person."""
    return CALLBACK_RETRY_STEPS[attempts - 1] if 1 <= attempts <= len(CALLBACK_RETRY_STEPS) else None


@dataclass(frozen=True, slots=True)
class Share:
    """A lane's part of the call budget: `guaranteed` of the rate, and `leaves` of the common pool for lanes above it."""

    guaranteed: float
    leaves: float


LANE_SHARES: Mapping[str, Share] = {
    "callback": Share(guaranteed=0.4, leaves=0),
    "person": Share(guaranteed=0.15, leaves=0),
    "sweep": Share(guaranteed=0.3, leaves=0.25),
    "replay": Share(guaranteed=0.1, leaves=0.5),
    "audit": Share(guaranteed=0.05, leaves=0.75),
}
"""By lane. What a lane leaves unused flows into the common pool, so that a lane alone has the whole rate."""

LANE_BURST = 0.5
"""Seconds of its own part of the rate that a lane can save up."""

POOL_BURST = 2.0
"""Seconds of the whole rate the common pool holds: as much as flows in between two sweeps, which ask in bursts."""

LEAST_LANE_BURST, LEAST_POOL_BURST = 1.0, 4.0
"""Questions. At a low rate every lane must still be able to save up one, whatever it leaves in the pool."""

RATE_ALONE = 0.1
"""Part of the rate one process takes for itself while it cannot agree with the others."""

LONGEST_PUT_OFF = MINUTE
"""Seconds a question that got no turn is put off at most: the estimate reaches no further."""

PUT_OFF_SPREAD = 5.0
"""Seconds over which what the breaker held back falls due, so that it does not come back in one wave."""

REFUSED_STEPS = (30.0, MINUTE, 2 * MINUTE, 5 * MINUTE)
"""Seconds the breaker stays open after the gateway refused our credentials, address or project: a person is needed."""

UNANSWERED_STEPS = (5.0, 10.0, 20.0, 40.0, MINUTE)
"""The same after a sustained silence. Short: what is paid meanwhile should settle soon after its end."""

SILENCES_IN_A_ROW = 10
"""Unanswered questions of the whole fleet, with no answer between, that may open the breaker."""

SILENCE_FOR = 10.0
"""Seconds between the first and the last of them: a hiccup opens nothing."""


def open_for(step: int, *, refused: bool) -> float:
    """Seconds the breaker stays open when it opens for the `step`-th time in a row, counted from 1."""
    steps = REFUSED_STEPS if refused else UNANSWERED_STEPS
    return steps[min(step, len(steps)) - 1]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long each thing may take, in seconds, from the innermost to the outermost.

    Each must be shorter than the next, else a job is done twice at once by design instead of by accident: the gateway
    call ends before Celery interrupts the task, the task before its lock, the lock before the lease on a transaction.
    After that the sweep rings again; the broker delivers a dead worker's message again only later (`visibility`), and
    finds nothing left to do. A callback whose reader died is due again last (`retry`).
    """

    question: float
    batch: float
    soft_limit: float
    hard_limit: float
    lock: float
    lease: float
    visibility: float
    retry: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Lengths:
        """Derive all of them from the two gateway timeouts, so that changing one setting keeps the nesting."""
        question = settings.ligdicash_connect_timeout + settings.ligdicash_answer_timeout
        # A batch starts no new question after `batch` seconds; the last one may then still take a whole `question`.
        batch = max(5.0, question / 2)
        soft_limit = batch + question + 5
        return cls(
            question=question,
            batch=batch,
            soft_limit=soft_limit,
            hard_limit=soft_limit + 5,
            lock=soft_limit + 10,
            lease=soft_limit + 15,
            visibility=soft_limit + 20,
            retry=soft_limit + 25,
        )

    def faults(self) -> list[str]:
        """Name every neighbouring pair that does not nest; empty when all is well."""
        names = ("question", "soft_limit", "hard_limit", "lock", "lease", "visibility", "retry")
        return [
            f"{a} ({getattr(self, a):g} s) must be shorter than {b} ({getattr(self, b):g} s)"
            for a, b in pairwise(names)
            if getattr(self, a) >= getattr(self, b)
        ]


READING_ATTEMPTS = 12
"""How often somebody sets out to read a callback in vain before the sweep takes it for poison."""

ATTEMPTS_TOGETHER = 6
"""How often a callback is rung for together with others; from then on alone. More than the attempts an unmatched one
needs, so that only what breaks its reader costs messages of its own."""

INTAKE_GRACE = timedelta(seconds=5)
"""How long a fresh callback, or a transaction that just got one, waits for its message before the sweep rings for it."""

CREATE_GRACE = timedelta(minutes=2)
"""How long an invoice may stay `created` (no reply to our create yet) before it is a hole that somebody must see."""

WATCH_EVERY = timedelta(minutes=5)
"""How often the rolling fsck runs."""

WATCH_BACK = timedelta(minutes=15)
"""How far the rolling fsck looks back: further than it is apart, so that one that was missed leaves no hole."""

OVERDUE_AFTER = timedelta(minutes=10)
"""How long what is due may wait before fsck says so. Long against a sweep and a lease: an ordinary restart is no news."""

CALLBACK_DEADLINE = timedelta(hours=1)
"""By when a callback must have reached an outcome, from when it was stored or opened again. Longer than all attempts at
reading one with the longest leases the settings allow; a test adds them up."""


def patience(tier: Tier) -> timedelta:
    """How long a transaction of this age may go without a question before fsck says so.

    Twice what its tier wants, and never less than two slow questions, so that neither a case that is asked about slowly
    nor an outage of the gateway looks like neglect.
    """
    return 2 * timedelta(seconds=max(tier.every, MISMATCH_EVERY))


PLAN_LIFE = timedelta(days=1)
"""How long a replay plan may be run after it was drafted: a colleague may approve it tomorrow morning, not next week."""

DRAFT_LEASE = timedelta(minutes=1)
"""How long a plan counts as being drafted after its drafter's last sign of life. Longer than any one step of drafting."""

DRAFT_SLICE = 500
"""Callbacks or transactions looked at with one statement while a plan is drafted. A body has up to 64 kB."""

DRAFT_ROUNDS = 3
"""How often a question without an answer is asked while a plan is drafted; then its prediction stays open."""

REPLAY_BATCH = 100
"""Items of a plan worked together: as many as are asked about well within a task's time."""

REPLAY_UNDER_WAY = 2 * REPLAY_BATCH
"""Items of one plan under way in the whole fleet: a replay holds no more than two or three workers, however many there are."""


def replay_again_in(tries: int) -> float:
    """Seconds until an item of a plan of which nothing came is tried again, after `tries` tries. Never stops: nothing is lost."""
    return SILENCE_STEPS[min(max(tries, 1), len(SILENCE_STEPS)) - 1]
