"""What becomes of the payouts of a demo: each way they go, with the trouble each can have on its way."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.transaction import Route, Status
from worker.language import N_

Json = dict[str, object]


class PayoutFate(StrEnum):
    """What becomes of a payout, in words for the ledger."""

    PAID = N_("to mobile money")
    WALLET = N_("to a wallet")
    LOST = N_("every callback lost")
    REPEATED = N_("repeated and replayed")
    FAILED = N_("failed after a while")
    LATE_SUCCESS = N_("failed, then paid out")
    BALANCE = N_("balance low, sent again")
    OPERATOR = N_("refused, unknown operator")
    APPROVED = N_("over the ceiling, approved")
    REJECTED = N_("over the ceiling, rejected")
    FILE = N_("from a file")
    FILE_KILLED = N_("from a file, sender killed")
    KILLED = N_("door killed in the call")
    REPLY_LOST = N_("reply to the call lost")


PAYOUT_SHARES: dict[PayoutFate, int] = {
    PayoutFate.PAID: 8,
    PayoutFate.WALLET: 5,
    PayoutFate.LOST: 3,
    PayoutFate.REPEATED: 0,
    PayoutFate.FAILED: 3,
    PayoutFate.LATE_SUCCESS: 2,
    PayoutFate.BALANCE: 2,
    PayoutFate.OPERATOR: 2,
    PayoutFate.APPROVED: 0,
    PayoutFate.REJECTED: 0,
    PayoutFate.FILE: 5,
    PayoutFate.FILE_KILLED: 0,
    PayoutFate.KILLED: 0,
    PayoutFate.REPLY_LOST: 2,
}
"""Parts of all that is ordered, what is paid on the hosted page having a hundred. Those with 0 come once: somebody has to do
something about each, or something has to be killed."""

UNKNOWN = frozenset({PayoutFate.REPLY_LOST, PayoutFate.KILLED, PayoutFate.FILE_KILLED})
"""The gateway takes these, and we never learn their tokens."""

OUT_OF_A_FILE = frozenset({PayoutFate.FILE, PayoutFate.FILE_KILLED})

PAYOUT_ENDS: Mapping[PayoutFate, Status] = (
    dict.fromkeys(PayoutFate, Status.COMPLETED)
    | dict.fromkeys(UNKNOWN, Status.PENDING)
    | {
        PayoutFate.FAILED: Status.NOTCOMPLETED,
        PayoutFate.LATE_SUCCESS: Status.NOTCOMPLETED,
        PayoutFate.OPERATOR: Status.REFUSED,
        PayoutFate.REJECTED: Status.REFUSED,
    }
)
"""Where the books must end on the gateway's first word; what is unknown ends as a hole, which has no outcome."""

EARLY = frozenset(
    {PayoutFate.LOST, PayoutFate.REPEATED, PayoutFate.APPROVED, PayoutFate.REJECTED, PayoutFate.FILE} | UNKNOWN
) - {PayoutFate.KILLED}
"""These are ordered first: a payout of which no callback tells is asked about after half a minute, and people take their time."""

CEILING = 500_000
"""Francs above which a payout of the demo waits for a person."""

NEVER_IN_TIME = 10.0
"""Seconds until the gateway's reply to a payout during whose call somebody is killed: killed or not, nobody learns of it."""

HELD_UP: Json = {"create": {"kind": "slow", "seconds": NEVER_IN_TIME}}
FAULTS: Mapping[PayoutFate, Json] = {
    PayoutFate.BALANCE: {"create": {"kind": "refuse01"}},
    PayoutFate.REPLY_LOST: {"create": {"kind": "reply_lost"}},
    PayoutFate.KILLED: HELD_UP,
}
"""What befalls their calls, in the words of the simulator's control API."""

BURKINA, SENEGAL = "2267", "22177"
"""How a number begins; the simulator's project has no operator in Senegal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Which way one payout goes, and to whom."""

    route: Route
    customer: str
    top_up_wallet: int | None = None


def outgoing(draw: random.Random, fate: PayoutFate, *, number: int) -> Outgoing:
    """The way of the payout of this number in the story."""
    begins = SENEGAL if fate is PayoutFate.OPERATOR else BURKINA
    customer = f"{begins}{number:07d}"
    if fate is PayoutFate.WALLET:
        return Outgoing(route=Route.WALLET, customer=customer, top_up_wallet=draw.choice([0, 1]))
    return Outgoing(route=Route.MOBILE_MONEY, customer=customer)


def amount_of(draw: random.Random, fate: PayoutFate) -> int:
    """Whole francs."""
    if fate in (PayoutFate.APPROVED, PayoutFate.REJECTED):
        return draw.randrange(CEILING + 50_000, 900_000, 500)
    return draw.randrange(500, 50_000, 50)


def decides_after(draw: random.Random, fate: PayoutFate) -> float:
    """Seconds from order to decision."""
    return draw.uniform(4.0, 8.0) if fate is PayoutFate.FAILED else draw.uniform(0.5, 2.0)


def decision_on(draw: random.Random, fate: PayoutFate) -> Json:
    """What the gateway makes of it, as the body for the simulator's control API; empty where it never gets there."""
    if fate in (PayoutFate.OPERATOR, PayoutFate.REJECTED):
        return {}
    failing = PAYOUT_ENDS[fate] is Status.NOTCOMPLETED
    callbacks: Json = {"twins": draw.choice(["json-form", "form-json"])}
    if fate is PayoutFate.LOST:
        callbacks["twins"] = "none"
    if fate is PayoutFate.REPEATED:
        callbacks |= {"copies": 3, "gap": 0.3}
    if fate is PayoutFate.FAILED:
        callbacks["pending"] = "first"
    return {"status": (Status.NOTCOMPLETED if failing else Status.COMPLETED).value, "callbacks": callbacks}
