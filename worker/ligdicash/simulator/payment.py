"""One payment as the gateway sees it: what was ordered, what the payer did, who asked, what was sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.ligdicash.simulator.manners import Encoding, FailedAs, Manners, PayoutRoute, Status
from worker.ligdicash.simulator.phones import Channel

OPERATORS = {
    "11": "ORANGE BURKINA",
    "12": "MOOV AFRICA BURKINA",
    "16": "ORANGE CI",
    "15": "MTN CI",
    "14": "MOOV CI",
    "18": "ORANGE MALI",
    "1": "MTN BENIN",
    "2": "MOOV BENIN",
    "27": "AIRTEL NIGER",
    "33": "ORANGE GUINEE",
}
"""Operator ids and names, from the vendor page `reference/supported-operators`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An invoice as the merchant asked for it. `amount` is whole francs; custom_data is text to text, as it comes back."""

    amount: int
    description: str = ""
    firstname: str = ""
    lastname: str = ""
    email: str = ""
    customer: str = ""
    external_id: str = ""
    store_name: str = ""
    store_url: str = ""
    return_url: str = ""
    cancel_url: str = ""
    callback_url: str = ""
    custom_data: dict[str, str] = field(default_factory=dict)

    @property
    def transaction_id(self) -> str:
        """The merchant's own reference; empty when it sent none."""
        return self.custom_data.get("transaction_id", "") or self.external_id

    @property
    def external_id_out(self) -> str:
        """What comes back as `external_id`: the values of all custom_data keys whose name contains "id", glued together.

        Vendor page `callback/payin-payload`. With no such key, what was sent.
        """
        glued = "".join(value for key, value in self.custom_data.items() if "id" in key)
        return glued or self.external_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One invoice and what became of it. Times are unix seconds. A change makes a new value: see `Books`.

    `confirm_from` is when confirm begins to tell the decision; callbacks may tell it earlier. `paid_at` is when a payment
    first became completed, and stays. `clock_ahead` is by how many seconds the gateway's own clock was wrong when the
    payment last changed: dates on the wire carry it, and so does `expires_at`, but no other time here.
    """

    order: Order
    token: str
    request_id: str
    logfile: str
    hash: str
    created_at: float
    expires_at: float
    manners: Manners
    failed_as: FailedAs = FailedAs.CODE_00
    mishap: str = ""
    project: str = ""
    """Whose credentials made it."""
    payout: PayoutRoute | None = None
    """None for money that comes in."""
    channel: Channel = Channel.REDIRECT
    asked_operator: str = ""
    """Whose the payer's number is, where one was given and it counts."""
    status: Status = Status.PENDING
    decided_at: float | None = None
    paid_at: float | None = None
    confirm_from: float = 0.0
    clock_ahead: float = 0.0
    operator_id: str = ""
    phone: str = ""
    confirm_amount: int | None = None
    confirm_reference: str | None = None
    callback_amount: int | None = None
    callback_status: Status | None = None

    @property
    def told_operator(self) -> tuple[str, str]:
        """Id and name as the wire has them. A wallet has no id, and a name of its own (`operators/ligdicash-wallet`)."""
        name = OPERATORS.get(self.operator_id, "")
        return ("", f"LIGDICASH {name}".strip()) if self.channel is Channel.WALLET else (self.operator_id, name)

    @property
    def key(self) -> str:
        """What the control API calls it: the merchant's reference, or the gateway's where there is none."""
        return self.order.transaction_id or self.request_id

    def told_at(self, moment: float) -> Status:
        """What confirm says at that moment."""
        return self.status if moment >= self.confirm_from else Status.PENDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST of a callback. `http_status` is None when nothing was answered; then `trouble` names the class of error."""

    event: Status
    encoding: Encoding
    sent_at: float
    http_status: int | None = None
    trouble: str = ""
    took: float = 0.0
    """Seconds until the reply began, or until it was given up."""

    @property
    def arrived(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.http_status is not None and 200 <= self.http_status < 300  # noqa: PLR2004 - HTTP's own numbers


@dataclass(slots=True, kw_only=True)
class Record:
    """A payment with its history. Guarded by the lock of `Books`. A delivery is noted when its reply is there."""

    payment: Payment
    asked_at: list[float] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def shortest_gap(self) -> float | None:
        """Seconds between the two closest questions; None with fewer than two."""
        pairs = zip(self.asked_at, self.asked_at[1:], strict=False)
        return min((later - earlier for earlier, later in pairs), default=None)
