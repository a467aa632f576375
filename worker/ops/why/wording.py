"""Puts a diagnosis into sentences, in the chosen language. Everything in them is safe to print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.logs import without_tokens
from config.policy import AGE_TIERS
from models.answers import Said
from models.transaction import Status
from worker.language import _, ngettext
from worker.ops.shown import francs, safe
from worker.ops.why import texts
from worker.ops.why.diagnosis import Diagnosis
from worker.ops.why.facts import Facts
from worker.ops.why.hindrance import Hindrance, Obstacle
from worker.ops.why.lengths import at, each, in_words
from worker.ops.why.payout_texts import PAYOUT_NEXT, PAYOUT_RULES, PAYOUT_TEXTS
from worker.ops.why.situation import Situation, newest_claim
from worker.ops.why.timing import Asking, Plan, Rule, expected_at

SPACES = re.compile(" {2,}")
"""Of the ordinary kind: others hold numbers together."""

CLOSED_DOORS = {Obstacle.REFUSED, Obstacle.SILENT}
"""The breaker is open: no question goes out, whatever its date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """The answer, a sentence or two for each part. `you_can` is what a person can do, `callbacks` what they are worth."""

    answer: str
    why: str
    held_up: tuple[str, ...]
    next: str
    rule: str
    settles: str
    you_can: tuple[str, ...]
    callbacks: str


def put_in_words(facts: Facts, diagnosis: Diagnosis) -> Wording:
    """Say it in the language that is chosen now."""
    values = _values(facts, diagnosis)
    text = _text(facts, diagnosis.situation)
    return Wording(
        answer=_fill(text.answer, values),
        why=_fill(text.why, values),
        held_up=tuple(_hindrance(hindrance, facts) for hindrance in diagnosis.hindrances),
        next=_fill(_next(facts, diagnosis), values),
        rule=_fill(_rule(facts, diagnosis.plan), values),
        settles=_fill(text.settles, values),
        you_can=tuple(_fill(one, values) for one in (*text.can, *([texts.CASE] if facts.open_cases else []))),
        callbacks=_callbacks(facts, diagnosis, values),
    )


def _text(facts: Facts, situation: Situation) -> texts.Text:
    if facts.is_payout:
        return PAYOUT_TEXTS[situation]
    without = None if facts.invoice.has_token else texts.WITHOUT_A_TOKEN.get(situation)
    return without or texts.TEXTS[situation]


def _fill(text: str, values: Mapping[str, str]) -> str:
    """What has nothing to say leaves no gap. Lines stay lines: a command stands in one of its own."""
    return "\n".join(SPACES.sub(" ", line).strip(" ") for line in _(text).format_map(values).split("\n"))


def _values(facts: Facts, diagnosis: Diagnosis) -> dict[str, str]:
    """A word for every name that any of the texts has; empty where there is nothing to say."""
    invoice, claim = facts.invoice, newest_claim(facts)
    return {
        "id": safe(invoice.transaction_id),
        "account": safe(invoice.account),
        "argument": shlex.quote(safe(invoice.transaction_id)),
        "amount": francs(invoice.amount),
        "refusal": safe(without_tokens(invoice.refusal)),
        "times": _times(invoice.asked),
        "silences": _silences(invoice.silences),
        "before": _before(facts),
        "objection": _objection(facts),
        "said": facts.spoken.said.value if facts.spoken else "",
        "claim": str(claim.callback_id) if claim else "",
        "claimed": francs(claim.amount) if claim and claim.amount is not None else "",
        "case": str(facts.open_cases[0].id) if facts.open_cases else "",
        "callbacks": _count_callbacks(facts.standing.history.callbacks_in_all),
        "first_check": in_words(facts.first_check),
        "horizon": in_words(timedelta(seconds=AGE_TIERS[-1].until)),
        "holder": _holder(facts),
        "try_at": _try_at(diagnosis, now=facts.now),
        **_of_payout(facts),
        **_moments(facts, diagnosis),
        **_figures(diagnosis.plan, now=facts.now),
        **_ground(facts),
    }


def _of_payout(facts: Facts) -> dict[str, str]:
    """Who gets the money, since when it is on its way or waits, and who decided about it."""
    payout, now = facts.invoice, facts.now
    return {
        "to": safe(payout.customer or ""),
        "sent_ago": _ago(payout.sent_at, now),
        "queued_ago": _ago(payout.queued_at, now),
        "approver": safe(payout.approval_by or ""),
        "approval_why": safe(payout.approval_why or ""),
        "approved_at": at(payout.approval_at, now=now) if payout.approval_at else "",
    }


def _moments(facts: Facts, diagnosis: Diagnosis) -> dict[str, str]:
    now, invoice = facts.now, facts.invoice
    expected = expected_at(facts, diagnosis.plan)
    settlement = facts.standing.history.settlement
    return {
        "age": in_words(facts.age),
        "asked_ago": _ago(facts.asked_at, now),
        "answered_ago": _ago(facts.spoken.asked_at if facts.spoken else None, now),
        "called_ago": _ago(facts.standing.nudged_at, now),
        "final_ago": _ago(invoice.final_at, now),
        "settled_ago": _ago(settlement.settled_at if settlement else None, now),
        "due_at": at(invoice.next_check_at, now=now) if invoice.next_check_at else "",
        "wait": in_words(invoice.next_check_at - now) if invoice.next_check_at else "",
        "late": _ago(invoice.next_check_at, now),
        "expected_at": at(expected, now=now) if expected else "",
        "stalled": _ago(expected, now),
    }


def _figures(plan: Plan, *, now: datetime) -> dict[str, str]:
    return {
        "every": in_words(plan.every) if plan.every else "",
        "each": each(plan.every) if plan.every else "",
        "thins_at": at(plan.thins_at, now=now) if plan.thins_at else "",
        "then_each": each(plan.then_every) if plan.then_every else "",
        "parks_at": at(plan.parks_at, now=now) if plan.parks_at else "",
    }


def _holder(facts: Facts) -> str:
    """Who holds the lock, where that is known: the end of a sentence, or nothing."""
    holder = facts.fleet.lock.holder if facts.fleet else ""
    return _(", by {holder}").format(holder=safe(holder)) if holder else ""


def _try_at(diagnosis: Diagnosis, *, now: datetime) -> str:
    times = [one.until for one in diagnosis.hindrances if one.obstacle in CLOSED_DOORS and one.until]
    return at(times[0], now=now) if times else ""


def _ground(facts: Facts) -> dict[str, str]:
    """What a settlement, or a status set by hand, rests on."""
    settlement, made = facts.standing.history.settlement, facts.standing.override
    return {
        "settled": francs(settlement.amount) if settlement else "",
        "check": str(settlement.check_id or "") if settlement else "",
        "author": safe(made.author) if made else "",
        "reason": safe(made.reason) if made else "",
        "made_at": at(made.made_at, now=facts.now) if made else "",
    }


def _ago(moment: datetime | None, now: datetime) -> str:
    return in_words(now - moment) if moment else ""


def _times(count: int) -> str:
    return ngettext("once", "{count} times", count).format(count=count)


def _silences(count: int) -> str:
    return ngettext(
        "{count} question without an answer.", "{count} questions in a row without an answer.", count
    ).format(count=count)


def _count_callbacks(count: int) -> str:
    return ngettext("{count} came", "{count} came", count).format(count=count)


def _before(facts: Facts) -> str:
    """What the gateway said when it last said something about the payment."""
    if facts.spoken is None:
        return _("It has never said anything about this payment.")
    said = _('Its last word about this payment, {ago} ago, was "{said}".')
    return said.format(ago=_ago(facts.spoken.asked_at, facts.now), said=facts.spoken.said.value)


def _objection(facts: Facts) -> str:
    """How a completed answer differs from what is expected; the middle of a sentence."""
    spoken, invoice = facts.spoken, facts.invoice
    if spoken is None or spoken.said is not Said.COMPLETED:
        return ""
    if spoken.amount is None:
        return _("without an amount that can be read; {amount} are expected").format(amount=francs(invoice.amount))
    if spoken.amount != invoice.amount:
        told, amount = francs(spoken.amount), francs(invoice.amount)
        return _("but over {told} instead of {amount}").format(told=told, amount=amount)
    if not spoken.reference:
        return _("but without naming our id")
    return _('but for "{told}", which is not our id').format(told=safe(without_tokens(spoken.reference)))


def _rule(facts: Facts, plan: Plan) -> str:
    if facts.is_payout and plan.rule in PAYOUT_RULES:
        return PAYOUT_RULES[plan.rule]
    if plan.rule not in (Rule.BY_AGE, Rule.MISMATCH) or plan.thins_at:
        return texts.RULES[plan.rule]
    if plan.every is None:
        return texts.PAST_THE_LAST_TIER
    return texts.LAST_TIER if plan.rule is Rule.BY_AGE else texts.RULES[plan.rule]


def _next(facts: Facts, diagnosis: Diagnosis) -> str:
    asking = diagnosis.asking
    if facts.invoice.status is Status.CREATED:
        of_create = texts.NEXT_FOR_CREATE.get(asking, texts.NEXT[Asking.NEVER])
        return PAYOUT_NEXT.get((diagnosis.situation, asking), of_create)
    if asking is Asking.NEVER and facts.invoice.status is Status.NOTCOMPLETED and facts.invoice.has_token:
        return texts.NEXT[Asking.PARKED]
    in_the_way = {hindrance.obstacle for hindrance in diagnosis.hindrances}
    if asking is not Asking.UNDER_WAY and Obstacle.SWEEP_OFF in in_the_way:
        return texts.NEXT_WITHOUT_SWEEP
    if asking is not Asking.UNDER_WAY and in_the_way & CLOSED_DOORS:
        return texts.NEXT_WHILE_HELD_UP
    if Obstacle.NO_ACCOUNT in in_the_way:
        return texts.NEXT_WITHOUT_ACCOUNT
    return texts.NEXT[asking]


def _hindrance(hindrance: Hindrance, facts: Facts) -> str:
    now = facts.now
    is_unsent = hindrance.obstacle is Obstacle.NO_ACCOUNT and not facts.invoice.has_token
    return _fill(
        texts.NO_ACCOUNT_TO_SEND_FROM if is_unsent else texts.OBSTACLES[hindrance.obstacle],
        {
            "since": at(hindrance.since, now=now) if hindrance.since else "",
            "until": at(hindrance.until, now=now) if hindrance.until else "",
            "author": safe(hindrance.author),
            "reason": safe(without_tokens(hindrance.reason)),
            "account": safe(facts.invoice.account),
        },
    )


def _callbacks(facts: Facts, diagnosis: Diagnosis, values: Mapping[str, str]) -> str:
    is_said = diagnosis.situation in texts.SAID_ALREADY
    told = _fill(texts.JUST_COUNTED if is_said else texts.CALLBACKS[diagnosis.hearsay], values)
    if not facts.standing.unread:
        return told
    unread = ngettext(
        "{count} callback has not been read yet, and may be about it.",
        "{count} callbacks have not been read yet, and may be about it.",
        facts.standing.unread,
    )
    return f"{told} {unread.format(count=facts.standing.unread)}"
