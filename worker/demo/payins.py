"""What customers do who pay without the gateway's page: by mobile money or from a wallet, with the trouble each can have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.transaction import Mode, Status
from worker.language import N_

Json = dict[str, object]


class PayinFate(StrEnum):
    """What becomes of such an invoice, in words for the ledger."""

    PUSH = N_("direct, approved on the phone")
    GUIDED = N_("direct, dialled as told")
    PAGE = N_("direct, on the operator's page")
    CODE = N_("direct, with a dialled code")
    CODE_WRONG = N_("direct, first code wrong")
    CODE_EXPIRED = N_("direct, first code expired")
    CODE_OTHER = N_("direct, first code for less")
    OPERATOR_BACK = N_("direct, operator down at first")
    PUSH_LOST = N_("direct, every callback lost")
    DECLINED = N_("direct, declined on the phone")
    POOR = N_("direct, balance too low")
    REPLY_LOST = N_("direct, reply to create lost")
    WALLET = N_("wallet, with the code sent")
    WALLET_WRONG = N_("wallet, first code wrong")
    WALLET_LOST = N_("wallet, every callback lost")


PAYIN_SHARES: dict[PayinFate, int] = dict.fromkeys(PayinFate, 3) | {PayinFate.PUSH: 8, PayinFate.CODE: 8}
"""Parts of what all customers do, those of the hosted page having a hundred."""

PAYIN_ENDS: Mapping[PayinFate, Status] = dict.fromkeys(PayinFate, Status.COMPLETED) | {
    PayinFate.DECLINED: Status.NOTCOMPLETED,
    PayinFate.POOR: Status.REFUSED,
    PayinFate.REPLY_LOST: Status.PENDING,
}
"""Where the books must end; one whose reply is lost ends as a hole, which has no outcome."""

CALLBACKS_LOST = frozenset({PayinFate.PUSH_LOST, PayinFate.WALLET_LOST})
FIRST_NOES: Mapping[PayinFate, str] = {
    PayinFate.CODE: "otp_needed",
    PayinFate.CODE_WRONG: "wrong_otp",
    PayinFate.CODE_EXPIRED: "expired_otp",
    PayinFate.CODE_OTHER: "wrong_otp_amount",
    PayinFate.OPERATOR_BACK: "operator_unavailable",
    PayinFate.POOR: "insufficient_balance",
    PayinFate.WALLET_WRONG: "wrong_otp",
}
"""With which code the first order of these is refused."""

BURKINA, BENIN, IVORY_COAST, MALI = "2267", "2299", "22507", "2237"
"""How a customer's number begins."""

HOMES: Mapping[PayinFate, tuple[str, str]] = {
    PayinFate.GUIDED: (IVORY_COAST, "15"),
    PayinFate.PAGE: (MALI, "18"),
    PayinFate.CODE: (BURKINA, "11"),
    PayinFate.CODE_WRONG: (BURKINA, "11"),
    PayinFate.CODE_EXPIRED: (BURKINA, "11"),
    PayinFate.CODE_OTHER: (BURKINA, "11"),
    PayinFate.POOR: (BURKINA, "11"),
}
"""Country and operator, by how that operator has a payment approved; all others are asked on the phone, in Benin."""

NUMBER_DIGITS = {IVORY_COAST: 8}
"""How many digits follow; 7 elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """How one customer pays: from a number of their own, so that nobody's code or balance is another's."""

    mode: Mode
    number: str
    operator_id: str = ""

    @property
    def wants_code(self) -> bool:
        """Whether a one-time code goes with the order."""
        return self.mode is Mode.WALLET or self.operator_id == HOMES[PayinFate.CODE][1]


def payment_of(fate: PayinFate, *, number: int) -> Payment:
    """The payment of the customer of this number in the story."""
    begins, operator_id = HOMES.get(fate, (BENIN, "1"))
    if fate in (PayinFate.WALLET, PayinFate.WALLET_WRONG, PayinFate.WALLET_LOST):
        return Payment(mode=Mode.WALLET, number=f"{BURKINA}{number:07d}")
    digits = NUMBER_DIGITS.get(begins, 7)
    return Payment(mode=Mode.DIRECT, number=f"{begins}{number:0{digits}d}", operator_id=operator_id)
