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

LEAVE = 2.0
"""Seconds for which leave to ask holds without another look at the row. Under `SPACING`: after that somebody else may have it."""


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


PAYOUT_TIERS = (
    Tier(until=10 * MINUTE, every=30),
    Tier(until=HOUR, every=MINUTE),
    Tier(until=6 * HOUR, every=10 * MINUTE),
    Tier(until=3 * DAY, every=HOUR),
    Tier(until=30 * DAY, every=DAY),
)
"""The same for payouts. Vendor pages "status-verification/recommendations" and "payout/verify-status" want 30 to 60 s between
two questions, and say that one straight to mobile money may take days."""

PAYOUT_FIRST_CHECK = timedelta(seconds=30)
"""How long after it was accepted a payout is asked about, should no callback come before."""


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

HELD_LEAST, HELD_MOST = MINUTE, 10 * MINUTE
"""Seconds between questions about a payment whose outcome is held back, for settling is switched off: seldom enough that
a long stop does not use up the budget, and soon enough that all is settled shortly after its end."""


def held_back_in(age: float, *, jitter: float) -> float:
    """Seconds until a transaction of this age is asked about again after an answer that was held back. Never stops.

    `jitter`, drawn by the caller from [0, 1), stretches the wait by up to half: a stop does not end in one wave.
    """
    return min(max(ask_again_in(age) or HELD_MOST, HELD_LEAST), HELD_MOST) * (1 + jitter / 2)


STOP_FOR = timedelta(hours=1)
"""How long a switch is off unless somebody says otherwise."""

SEND_AGAIN = timedelta(minutes=1)
"""When a payout that waits in the queue is tried again after one try did not reach the gateway, or was refused for our sake."""

SEND_BATCH = 20
"""Payouts out of the queue that one sweep has sent at most: what waited long goes out evenly, and not in one wave."""

LONGEST_STOP = timedelta(days=7)
"""How long a switch can be off at most: what is meant to last longer is a matter of deployment, not of a switch."""

OTP_APART = 30.0
"""Seconds between two one-time codes to the same number: as long as a message may take, so that nobody asks for two of one."""

OTPS_TO_A_NUMBER = 5
OTP_WINDOW = HOUR
"""So many one-time codes one number is sent in so many seconds."""

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

ACCOUNT_MISSING = HOUR
"""Seconds until it is looked at again whether the account of a payment is set up by now. A callback is looked into at once."""

PUT_OFF_SPREAD = 5.0
"""Seconds over which what the breaker held back falls due, so that it does not come back in one wave."""

REFUSED_STEPS = (30.0, MINUTE, 2 * MINUTE, 5 * MINUTE)
"""Seconds the breaker stays open after the gateway refused our credentials, address or project: a person is needed."""

UNANSWERED_STEPS = (5.0, 10.0, 20.0, 40.0, MINUTE)
"""The same after a sustained silence. Short: what is paid meanwhile should settle soon after its end."""

TOKEN_IS_YOUNG = timedelta(hours=12)
"""Up to this age of a transaction a refusal is not about its token: the tokens that were seen expire after a day."""

SILENCES_IN_A_ROW = 10
"""Unanswered questions of the whole fleet, with no answer between, that may open the breaker."""

SILENCE_FOR = 10.0
"""Seconds between the first and the last of them: a hiccup opens nothing."""


def open_for(step: int, *, refused: bool) -> float:
    """Seconds the breaker stays open when it opens for the `step`-th time in a row, counted from 1."""
    steps = REFUSED_STEPS if refused else UNANSWERED_STEPS
    return steps[min(step, len(steps)) - 1]


NOTICE_RETRIES = (5.0, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, DAY)
"""Seconds between the tries to deliver a notice: about three days, then it is stopped, with a case. The example of the
Standard Webhooks specification."""

LONGEST_RETRY_AFTER = HOUR
"""Seconds for which an application is left alone on its own wish at most."""

LONGEST_NOTICE_WAIT = NOTICE_RETRIES[-1] * 1.25
"""Seconds that never lie between now and the next try of a notice: the longest step, stretched, with room to spare."""


def retry_notice_in(attempts: int, *, jitter: float, asked: float = 0.0) -> float | None:
    """Seconds until a notice is tried again after `attempts` vain tries; None when it is given up.

    At least what the application `asked` for, within bounds. `jitter`, drawn by the caller from [0, 1), stretches the wait
    by up to a fifth.
    """
    if attempts > len(NOTICE_RETRIES):
        return None
    return max(NOTICE_RETRIES[attempts - 1], min(asked, LONGEST_RETRY_AFTER)) * (1 + jitter / 5)


NOTICES_AT_ONCE = 16
"""Deliveries of one round, sent together."""

NOTICES_AS_PROBE = 3
"""The same after a round that failed: a few find out whether the application is back, not all that wait. More than one,
since one notice may be what it chokes on."""

ENDPOINT_RESTS = (1.0, 5.0, 15.0, MINUTE, 2 * MINUTE, 5 * MINUTE)
"""Seconds without a delivery after so many rounds in a row of which none was answered well."""


def rest_in(failed_rounds: int, *, asked: float = 0.0) -> float:
    """Seconds for which an endpoint is left alone after this many failed rounds in a row, counted from 1."""
    step = ENDPOINT_RESTS[min(failed_rounds, len(ENDPOINT_RESTS)) - 1]
    return max(step, min(asked, LONGEST_RETRY_AFTER))


ENDPOINT_DEAD_AFTER = timedelta(days=1)
"""How long an endpoint may fail before a person is told, while the tries go on."""

ENDPOINT_OUTAGE = timedelta(minutes=5)
"""Failing for longer than this was an outage: when it is over, whatever waits is due at once."""


@dataclass(frozen=True, slots=True)
class Telling:
    """The lengths of delivering notices, in seconds: one delivery, one run of rounds, its limits, the lease on both rows."""

    delivery: float = 5.0
    rounds: float = 5.0
    """A run begins no further round after this."""
    soft_limit: float = 15.0
    hard_limit: float = 20.0
    lease: float = 25.0

    @classmethod
    def from_timeout(cls, delivery: float) -> Telling:
        """Derive all of them from the time one delivery may take."""
        soft_limit = 5 + delivery + 5
        return cls(delivery=delivery, rounds=5, soft_limit=soft_limit, hard_limit=soft_limit + 5, lease=soft_limit + 10)


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
    reading: float = 1.0
    """For a batch of callbacks, if its reader is to ask as well: both must fit into one task. What was read more slowly
    is asked about by another message, in a time of its own."""
    telling: Telling = Telling()
    """Of delivering notices, which has nothing to do with the gateway."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Lengths:
        """Derive all of them from the timeouts, so that changing one setting keeps the nesting."""
        question = settings.ligdicash_connect_timeout + settings.ligdicash_answer_timeout
        # A batch starts no new question after `batch` seconds; the last one may then still take a whole `question`.
        batch = max(5.0, question / 2)
        soft_limit = batch + question + 5
        telling = Telling.from_timeout(settings.notice_timeout)
        visibility = max(soft_limit + 20, telling.lease + 5)
        return cls(
            question=question,
            batch=batch,
            soft_limit=soft_limit,
            hard_limit=soft_limit + 5,
            lock=soft_limit + 10,
            lease=soft_limit + 15,
            visibility=visibility,
            retry=visibility + 5,
            telling=telling,
        )

    def faults(self) -> list[str]:
        """Name every neighbouring pair that does not nest; empty when all is well."""
        names = ("question", "soft_limit", "hard_limit", "lock", "lease", "visibility", "retry")
        asking = [(name, getattr(self, name)) for name in names]
        parts = ("delivery", "soft_limit", "hard_limit", "lease")
        telling = [(f"telling.{part}", getattr(self.telling, part)) for part in parts]
        return [
            f"{a} ({shorter:g} s) must be shorter than {b} ({longer:g} s)"
            for ladder in (asking, [*telling, ("visibility", self.visibility)])
            for (a, shorter), (b, longer) in pairwise(ladder)
            if shorter >= longer
        ]


READ_BATCH = 200
"""Callbacks of one message, those included that its reader takes along. Twins halve the questions they lead to."""

ASK_BATCH = 100
"""Questions of one message: so few that a batch is asked about well within a task's time."""

READING_ATTEMPTS = 12
"""How often somebody sets out to read a callback in vain before the sweep takes it for poison."""

ATTEMPTS_TOGETHER = 6
"""How often a callback is rung for together with others; from then on alone. More than the attempts an unmatched one
needs, so that only what breaks its reader costs messages of its own."""

INTAKE_GRACE = timedelta(seconds=5)
"""How long a fresh callback, or a transaction that just got one, waits for its message before the sweep rings for it."""

CREATE_GRACE = timedelta(minutes=2)
"""How long an invoice or a payout may stay `created` (no reply to our create yet) before it is a hole that somebody must see."""

SEND_WITHIN = timedelta(seconds=20)
"""How long after an order was written down, or a payout marked, it may still be sent. Whoever stood still for longer does not send:
after `CREATE_GRACE` a person may decide what became of it."""

WATCH_EVERY = timedelta(minutes=5)
"""How often the rolling fsck runs."""

WATCH_BACK = timedelta(minutes=15)
"""How far the rolling fsck looks back: further than it is apart, so that one that was missed leaves no hole."""

OVERDUE_AFTER = timedelta(minutes=10)
"""How long what is due may wait before fsck says so. Long against a sweep and a lease: an ordinary restart is no news."""

CALLBACK_DEADLINE = timedelta(hours=1)
"""By when a callback must have reached an outcome, from when it was stored or opened again. Longer than all attempts at
reading one with the longest leases the settings allow; a test adds them up."""


CLOCKS_APART_SEEN, CLOCKS_APART = 1.0, 3.0
"""Seconds between two clocks from which the doctor warns, and from which it calls it a fault. Beat's old rings expire by the
workers' clocks, and by these a message that was not acknowledged is given to another worker."""

BEAT_QUIET = 15.0
"""Seconds without a sweep, beyond the time between two of them, after which beat counts as stopped."""


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
