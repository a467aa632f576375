"""From facts to the explanation, in codes: pure and total. `worker.ops.why.wording` puts it into words."""

from __future__ import annotations

from dataclasses import dataclass

from models.transaction import Status
from worker.ops.why.facts import Facts
from worker.ops.why.hindrance import Hindrance, hindrances_of
from worker.ops.why.situation import Hearsay, Situation, hearsay_of, situation_of
from worker.ops.why.timing import Asking, Plan, asking_of, plan_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """The exact answer of the gateway that would settle it. Amount in francs; of a payout it may name neither of the two."""

    said: str
    amount: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is the case, by which rule things go on, what is in the way, and what would settle it."""

    situation: Situation
    hearsay: Hearsay
    plan: Plan
    asking: Asking
    hindrances: tuple[Hindrance, ...]
    deciding: Deciding | None
    """None where no answer can settle it: it is settled, or there is nothing to ask with."""
    needs_person: bool


NEEDS_PERSON = frozenset(
    {
        Situation.AWAITING_APPROVAL,
        Situation.SENT_UNKNOWN,
        Situation.TOKEN_LOST,
        Situation.MISMATCH,
        Situation.PARKED,
        Situation.PARKED_NOT_FOUND,
    }
)
"""Beside everything that has an open case."""


def diagnose(facts: Facts) -> Diagnosis:
    """Explain any facts whatever."""
    situation = situation_of(facts)
    plan = plan_of(facts, situation)
    asking = asking_of(facts, plan)
    return Diagnosis(
        situation=situation,
        hearsay=hearsay_of(facts),
        plan=plan,
        asking=asking,
        hindrances=hindrances_of(facts, plan, asking),
        deciding=_deciding(facts),
        needs_person=situation in NEEDS_PERSON or bool(facts.open_cases),
    )


def _deciding(facts: Facts) -> Deciding | None:
    invoice = facts.invoice
    if invoice.status is Status.COMPLETED or not invoice.has_token:
        return None
    return Deciding(said="completed", amount=invoice.amount, reference=invoice.transaction_id)
