"""The answer for a machine. A stable document in English, whatever language is chosen; docs/why.md explains each code."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

from models.order import CURRENCY
from worker.language import SOURCE, speaking
from worker.ops.history_view import history_document
from worker.ops.why.diagnosis import Diagnosis
from worker.ops.why.facts import Facts
from worker.ops.why.timing import Plan
from worker.ops.why.wording import put_in_words

FORMAT = 1
"""Goes up when a member changes its meaning or goes away. New members and new codes may come at any time."""


def document(facts: Facts, diagnosis: Diagnosis) -> dict[str, object]:
    """Never the token. Lengths are seconds; what Redis would know is null while it is away."""
    invoice, fleet = facts.invoice, facts.fleet
    with speaking(SOURCE):
        wording = asdict(put_in_words(facts, diagnosis))
        history = history_document(facts.standing.history)
    return {
        "format": FORMAT,
        "kind": invoice.kind,
        "transaction_id": invoice.transaction_id,
        "account": invoice.account,
        "has_account": facts.has_account,
        "amount": invoice.amount,
        "currency": CURRENCY,
        "status": invoice.status,
        "as_of": invoice.now,
        "situation": diagnosis.situation,
        "needs_person": diagnosis.needs_person,
        "words": wording,
        "rule": _rule(diagnosis.plan),
        "asking": diagnosis.asking,
        "next_check_at": invoice.next_check_at,
        "would_settle": diagnosis.deciding,
        "callbacks": {"worth": diagnosis.hearsay, "claims": facts.claims, "unread": facts.standing.unread},
        "hindrances": diagnosis.hindrances,
        "lock": fleet and fleet.lock,
        "breaker": fleet and fleet.breaker,
        "budget": fleet and fleet.lanes,
        "queues": fleet and fleet.waiting,
        "stops": facts.standing.stops,
        "override": facts.standing.override,
        "trace": invoice.trace,
        "history": history,
    }


def _rule(plan: Plan) -> dict[str, object]:
    return {
        "code": plan.rule,
        "every_seconds": _seconds(plan.every),
        "thins_at": plan.thins_at,
        "then_every_seconds": _seconds(plan.then_every),
        "parks_at": plan.parks_at,
    }


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else length.total_seconds()
