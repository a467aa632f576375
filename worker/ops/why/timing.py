"""The rule that says when an invoice or a payout is asked about next, and whether that is kept. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from config import policy
from models.answers import Said
from models.transaction import Status
from worker.ops.why.facts import Facts
from worker.ops.why.situation import Situation

OVERDUE_AFTER = timedelta(minutes=1)
"""How long a date may have passed before it counts as overdue, as in `reconciler status`."""

STALLED_AFTER = timedelta(minutes=2)
"""How long a question may be missing, by the rule, while its date is moved ahead again and again: more than a lease and a
full queue take."""

LONGEST_JITTER = 1.5
"""By how much jitter stretches the wait after silence at most; see `policy.after_silence_in`."""


class Rule(StrEnum):
    """Which rule applies now."""

    REPLY_TO_CREATE = "reply_to_create"
    """A create gets so long for its reply."""
    NO_TOKEN = "no_token"  # noqa: S105 - a word, not a password
    """Without a token nothing can be asked."""
    APPROVAL_FIRST = "approval_first"
    """A payout above the ceiling is sent when a person lets it go."""
    SWITCH_FIRST = "switch_first"
    """A payout in the queue is sent when sending goes on."""
    SENDER_HAS = "sender_has"
    """Whoever is to send a payout has so long, then it is refused as never sent."""
    REPLY_TO_SENDING = "reply_to_sending"
    """What was sent gets so long for its reply."""
    NEVER_AGAIN = "never_again"
    """What may have been sent is not sent again."""
    NOTHING_THERE = "nothing_there"
    """What was refused does not exist at the gateway."""
    FIRST_CHECK = "first_check"
    """The first question waits a while for a callback."""
    AFTER_CALLBACK = "after_callback"
    """A callback brings the next question forward."""
    BY_AGE = "by_age"
    """The older, the more seldom; then parked."""
    NO_ANSWER = "no_answer"
    """After silence or a refusal: again soon, and it brings nothing nearer to being parked."""
    MISMATCH = "mismatch"
    """Slowly, while a person decides."""
    HELD_BACK = "held_back"
    """The answer is asked for again until it may move the books."""
    PARKED = "parked"
    """Not by itself any more; a callback wakes it up."""
    COMPLETED_STAYS = "completed_stays"
    FAILURE_IS_PROVISIONAL = "failure_is_provisional"
    """A later completed answer with evidence wins."""


class Asking(StrEnum):
    """How it is with the next question."""

    NEVER = "never"
    """There is none to come by itself."""
    PARKED = "parked"
    WAITING = "waiting"
    """Its date lies ahead."""
    DUE = "due"
    OVERDUE = "overdue"
    """Its date has passed for more than a minute, and it does not just wait its turn."""
    STALLED = "stalled"
    """By the rule it should have gone out; its date is moved ahead, and it does not."""
    UNDER_WAY = "under_way"
    ASKER_GONE = "asker_gone"
    """One was begun, and whoever asked it never recorded what came of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The rule with its figures. Without `every` it has no interval; without `thins_at` it does not thin out any more."""

    rule: Rule
    every: timedelta | None = None
    thins_at: datetime | None = None
    then_every: timedelta | None = None
    parks_at: datetime | None = None


FINAL_RULES = {
    Situation.CREATING: Rule.REPLY_TO_CREATE,
    Situation.TOKEN_LOST: Rule.NO_TOKEN,
    Situation.AWAITING_APPROVAL: Rule.APPROVAL_FIRST,
    Situation.QUEUED: Rule.SWITCH_FIRST,
    Situation.NOT_SENT: Rule.SENDER_HAS,
    Situation.SENDING: Rule.REPLY_TO_SENDING,
    Situation.SENT_UNKNOWN: Rule.NEVER_AGAIN,
    Situation.REJECTED: Rule.NOTHING_THERE,
    Situation.REFUSED_LATER: Rule.NOTHING_THERE,
    Situation.REFUSED_DOUBTED: Rule.NEVER_AGAIN,
    Situation.REFUSED: Rule.NOTHING_THERE,
    Situation.NOT_ASKED_YET: Rule.FIRST_CHECK,
    Situation.CALLED_BACK: Rule.AFTER_CALLBACK,
}


def plan_of(facts: Facts, situation: Situation) -> Plan:  # noqa: PLR0911 - one return per rule with figures
    """The rule that applies now."""
    rule = _rule(facts, situation)
    match rule:
        case Rule.REPLY_TO_CREATE | Rule.REPLY_TO_SENDING | Rule.SENDER_HAS:
            return Plan(rule=rule, every=policy.CREATE_GRACE, parks_at=facts.invoice.next_check_at)
        case Rule.FIRST_CHECK:
            return Plan(rule=rule, every=policy.PAYOUT_FIRST_CHECK if facts.is_payout else facts.first_check)
        case Rule.AFTER_CALLBACK:
            return Plan(rule=rule, every=policy.INTAKE_GRACE)
        case Rule.BY_AGE:
            return _by_age(facts)
        case Rule.MISMATCH:
            return _slowly(facts)
        case Rule.NO_ANSWER:
            return Plan(rule=rule, every=timedelta(seconds=_step(facts)))
        case _:
            return Plan(rule=rule)


def asking_of(facts: Facts, plan: Plan) -> Asking:  # noqa: PLR0911 - one return per kind
    """How it is with the next question, by the books."""
    due_at = facts.invoice.next_check_at
    if due_at is None:
        return Asking.PARKED if facts.invoice.parked_at and facts.invoice.has_token else Asking.NEVER
    begun = facts.invoice.last_asked_at
    if facts.is_unanswered and begun and facts.now - begun <= facts.longest_question:
        return Asking.UNDER_WAY
    if facts.now - due_at > OVERDUE_AFTER and not facts.standing.waits_its_turn:
        return Asking.OVERDUE
    if facts.now >= due_at:
        return Asking.DUE
    if facts.is_unanswered:
        return Asking.ASKER_GONE
    expected = expected_at(facts, plan)
    if expected is not None and facts.now - expected > STALLED_AFTER:
        return Asking.STALLED
    return Asking.WAITING


def expected_at(facts: Facts, plan: Plan) -> datetime | None:
    """When the next question is due by the rule at the latest, whatever date the row has by now; None when the rule names no time."""
    if plan.every is None or not facts.invoice.has_token:
        return None
    if plan.rule is Rule.AFTER_CALLBACK:
        return facts.standing.nudged_at and facts.standing.nudged_at + plan.every
    last = facts.last
    if last is None:
        return facts.now - facts.age + plan.every
    longest = plan.every * LONGEST_JITTER if plan.rule is Rule.NO_ANSWER else plan.every
    return last.asked_at + timedelta(seconds=last.took) + longest


def _rule(facts: Facts, situation: Situation) -> Rule:  # noqa: PLR0911 - one return per rule
    if rule := FINAL_RULES.get(situation):
        return rule
    match facts.invoice.status:
        case Status.COMPLETED:
            return Rule.COMPLETED_STAYS
        case Status.NOTCOMPLETED if facts.invoice.next_check_at is None:
            return Rule.FAILURE_IS_PROVISIONAL
    if facts.invoice.next_check_at is None:
        return Rule.PARKED
    if facts.is_called:
        return Rule.AFTER_CALLBACK
    if facts.last is not None and facts.last.said in (Said.SILENCE, Said.REFUSED):
        return Rule.NO_ANSWER
    return {Situation.MISMATCH: Rule.MISMATCH, Situation.NOT_APPLIED: Rule.HELD_BACK}.get(situation, Rule.BY_AGE)


def _by_age(facts: Facts) -> Plan:
    created, tiers = facts.now - facts.age, policy.PAYOUT_TIERS if facts.is_payout else policy.AGE_TIERS
    parks_at = created + timedelta(seconds=tiers[-1].until)
    for place, tier in enumerate(tiers):
        if facts.age.total_seconds() < tier.until:
            then = tiers[place + 1] if place + 1 < len(tiers) else None
            return Plan(
                rule=Rule.BY_AGE,
                every=timedelta(seconds=tier.every),
                thins_at=created + timedelta(seconds=tier.until) if then else None,
                then_every=timedelta(seconds=then.every) if then else None,
                parks_at=parks_at,
            )
    return Plan(rule=Rule.BY_AGE, parks_at=parks_at)


def _slowly(facts: Facts) -> Plan:
    by_age = _by_age(facts)
    least = timedelta(seconds=policy.MISMATCH_EVERY)
    every = max(by_age.every, least) if by_age.every else None
    return Plan(rule=Rule.MISMATCH, every=every, parks_at=by_age.parks_at)


def _step(facts: Facts) -> float:
    """Without jitter, which stretches it by up to half."""
    return policy.after_silence_in(facts.invoice.silences, age=facts.age.total_seconds(), jitter=0)
