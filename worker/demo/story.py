"""What the customers of a demo or a chaos run do: each invoice gets a fate, drawn from a seed, and an end the books must reach."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.account import DEFAULT
from models.transaction import Status
from worker.demo.payins import CALLBACKS_LOST, PAYIN_ENDS, PAYIN_SHARES, PayinFate, Payment, payment_of
from worker.demo.payouts import (
    EARLY,
    FAULTS,
    OUT_OF_A_FILE,
    PAYOUT_ENDS,
    PAYOUT_SHARES,
    Outgoing,
    PayoutFate,
    amount_of,
    decides_after,
    decision_on,
    outgoing,
)
from worker.language import N_

Json = dict[str, object]


class Fate(StrEnum):
    """What becomes of an invoice, in words for the ledger."""

    PAID = N_("paid, twin callbacks")
    PAID_ONE_CALLBACK = N_("paid, one callback of the two")
    PAID_LOST = N_("paid, every callback lost")
    PAID_FORGED_BEFORE = N_("paid, after a forged callback")
    PAID_REPEATED = N_("paid, late repeated callbacks")
    PAID_AHEAD = N_("paid, callback ahead of confirm")
    PAID_LATE = N_("paid, callbacks come late")
    PAID_PENDING_TOO = N_("paid, pending callbacks too")
    PAID_SLOW = N_("paid, answers come too slowly")
    TAKEN_BACK = N_("paid, then taken back")
    FAILED = N_("failed, twin callbacks")
    FAILED_LOST = N_("failed, every callback lost")
    LATE_SUCCESS = N_("failed, then paid after all")
    FORGED = N_("never paid, forged callbacks")
    ABANDONED = N_("never paid, no callback")
    WRONG_AMOUNT = N_("paid, another amount confirmed")
    WRONG_REFERENCE = N_("paid, another reference told")


AnyFate = Fate | PayinFate | PayoutFate

SHARES: dict[AnyFate, int] = {
    Fate.PAID: 36,
    Fate.PAID_ONE_CALLBACK: 10,
    Fate.PAID_LOST: 14,
    Fate.PAID_FORGED_BEFORE: 8,
    Fate.PAID_REPEATED: 8,
    Fate.PAID_AHEAD: 4,
    Fate.FAILED: 7,
    Fate.FAILED_LOST: 3,
    Fate.FORGED: 4,
    Fate.ABANDONED: 4,
    Fate.WRONG_AMOUNT: 2,
}
"""What the customers of the demo do, in parts of a hundred."""

EVERYTHING = SHARES | PAYIN_SHARES | PAYOUT_SHARES
"""The same, with those who pay without the gateway's page, and with payouts."""

EVERY_FOURTH = 4
"""So many orders belong to the second account, where there is one."""

PAYING = frozenset(fate for fate in Fate if fate.value.startswith("paid"))
FAILING = frozenset({Fate.FAILED, Fate.FAILED_LOST, Fate.LATE_SUCCESS})
MISMATCHED = frozenset({Fate.WRONG_AMOUNT, Fate.WRONG_REFERENCE})
FORGING = frozenset({Fate.PAID_FORGED_BEFORE, Fate.FORGED})

MANNERS: dict[Fate, Json] = {
    Fate.PAID_LOST: {"twins": "none"},
    Fate.FAILED_LOST: {"twins": "none"},
    Fate.PAID_REPEATED: {"copies": 3, "delay": 4, "gap": 0.3},
}

SECOND_THOUGHTS: dict[Fate, tuple[Status, Json]] = {
    Fate.TAKEN_BACK: (Status.NOTCOMPLETED, {}),
    Fate.LATE_SUCCESS: (Status.COMPLETED, {"copies": 4, "gap": 2.0}),
}
"""What the gateway says once the books have taken its first word for it, and how its callbacks come: spread out where
nobody would ask again without one."""

CONFIRM_LAGS = 4.0
"""Seconds the gateway's confirm stays behind its own callback, for those invoices whose callback is ahead."""

TOO_SLOW = 4.0
"""Seconds until an answer that nobody waits for any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One customer: when they order, when they decide, and how the gateway tells of it. Times in seconds from the start."""

    transaction_id: str
    amount: int
    fate: AnyFate
    orders_at: float
    decides_at: float
    decision: Json = field(default_factory=dict)
    second_thought: Json = field(default_factory=dict)
    faults: Json = field(default_factory=dict)
    """What befalls the calls about this one payment, in the words of the simulator's control API."""
    payment: Payment | None = None
    """How it is paid without the gateway's page; None on it."""
    payout: Outgoing | None = None
    """Which way it goes out; None for money that comes in."""
    account: str = DEFAULT

    @property
    def should_end(self) -> Status:
        """Where the books must end on the gateway's first word: on evidence, and only there."""
        if isinstance(self.fate, PayinFate):
            return PAYIN_ENDS[self.fate]
        if isinstance(self.fate, PayoutFate):
            return PAYOUT_ENDS[self.fate]
        if self.fate in FAILING:
            return Status.NOTCOMPLETED
        return Status.COMPLETED if self.fate in PAYING - MISMATCHED else Status.PENDING

    @property
    def finally_ends(self) -> Status:
        """Where they must end after the second thought: completed is never taken back."""
        return Status.COMPLETED if self.second_thought else self.should_end


def write_story(
    *, invoices: int, seconds: float, seed: int, prefix: str, shares: Mapping[AnyFate, int] = SHARES
) -> list[Visit]:
    """One visit per invoice, spread over `seconds`; same seed, same story.

    Fates are drawn by their `shares`, and each of them is there as soon as `invoices` allows.
    """
    draw = random.Random(seed)  # noqa: S311 - a story, not a secret
    fates = list(shares) + draw.choices(list(shares), weights=list(shares.values()), k=max(0, invoices - len(shares)))
    fates = fates[:invoices]
    draw.shuffle(fates)
    fates.sort(key=lambda fate: fate not in EARLY)
    return [
        _visit(draw, fate, number=number, orders_at=seconds * number / invoices, prefix=prefix)
        for number, fate in enumerate(fates)
    ]


def with_a_second_account(visits: Sequence[Visit], account: str) -> list[Visit]:
    """The same story with some orders in a second account; a file of payouts goes out of one account as a whole."""
    return [
        replace(visit, account=account) if number % EVERY_FOURTH == 0 and visit.fate not in OUT_OF_A_FILE else visit
        for number, visit in enumerate(visits, start=1)
    ]


def _visit(draw: random.Random, fate: AnyFate, *, number: int, orders_at: float, prefix: str) -> Visit:
    if isinstance(fate, PayinFate):
        return _payin(draw, fate, number=number, orders_at=orders_at, prefix=prefix)
    if isinstance(fate, PayoutFate):
        return _payout(draw, fate, number=number, orders_at=orders_at, prefix=prefix)
    amount = draw.randrange(500, 50_000, 50)
    return Visit(
        transaction_id=f"{prefix}-{number:05d}",
        amount=amount,
        fate=fate,
        orders_at=orders_at,
        decides_at=orders_at + draw.uniform(0.5, 3.0),
        decision=_decision(draw, fate, amount=amount),
        second_thought=_second_thought(fate),
        faults={"confirm": {"kind": "slow", "share": 0.3, "seconds": TOO_SLOW}} if fate is Fate.PAID_SLOW else {},
    )


def _payin(draw: random.Random, fate: PayinFate, *, number: int, orders_at: float, prefix: str) -> Visit:
    """The operator is the payer's own: the decision names none."""
    end = PAYIN_ENDS[fate]
    decision: Json = {
        "status": (Status.NOTCOMPLETED if end is Status.NOTCOMPLETED else Status.COMPLETED).value,
        "callbacks": {"twins": "none" if fate in CALLBACKS_LOST else draw.choice(["json-form", "form-json"])},
    }
    return Visit(
        transaction_id=f"{prefix}-{number:05d}",
        amount=draw.randrange(500, 50_000, 50),
        fate=fate,
        orders_at=orders_at,
        decides_at=orders_at + draw.uniform(0.5, 3.0),
        decision=decision,
        faults={"create": {"kind": "reply_lost"}} if fate is PayinFate.REPLY_LOST else {},
        payment=payment_of(fate, number=number),
    )


def _payout(draw: random.Random, fate: PayoutFate, *, number: int, orders_at: float, prefix: str) -> Visit:
    return Visit(
        transaction_id=f"{prefix}-{number:05d}",
        amount=amount_of(draw, fate),
        fate=fate,
        orders_at=orders_at,
        decides_at=orders_at + decides_after(draw, fate),
        decision=decision_on(draw, fate),
        second_thought=_second_thought(Fate.LATE_SUCCESS) if fate is PayoutFate.LATE_SUCCESS else {},
        faults=FAULTS.get(fate, {}),
        payout=outgoing(draw, fate, number=number),
    )


def _second_thought(fate: Fate) -> Json:
    if fate not in SECOND_THOUGHTS:
        return {}
    status, manners = SECOND_THOUGHTS[fate]
    return {"status": status.value, "callbacks": {"twins": "json-form"} | manners}


def _decision(draw: random.Random, fate: Fate, *, amount: int) -> Json:
    """The body for the simulator's control API; empty when the customer never decides."""
    if fate not in PAYING | FAILING:
        return {}
    callbacks: Json = {
        "twins": draw.choice(["json-form", "form-json"]),
        "form_shape": draw.choice(["json-text", "flattened", "indexed"]),
        "gap": draw.choice([0, 0.05, 0.2]),
    }
    if fate is Fate.PAID_ONE_CALLBACK:
        callbacks["twins"] = draw.choice(["json-only", "form-only"])
    if fate is Fate.PAID_LATE:
        callbacks["delay"] = round(draw.uniform(5, 20), 1)
    if fate is Fate.PAID_PENDING_TOO:
        callbacks["pending"] = draw.choice(["first", "last"])
    decision: Json = {
        "status": "notcompleted" if fate in FAILING else "completed",
        "operator_id": draw.choice(["11", "12"]),
        "callbacks": callbacks | MANNERS.get(fate, {}),
    }
    if fate in FAILING:
        decision["failed_as"] = draw.choice(["00", "01", "nocompleted"])
    if fate is Fate.PAID_AHEAD:
        decision["confirm_after"] = CONFIRM_LAGS
    if fate is Fate.WRONG_REFERENCE:
        decision["confirm_reference"] = "somebody-elses"
    if fate is Fate.WRONG_AMOUNT:
        decision["confirm_amount"] = amount - 100
    return decision
