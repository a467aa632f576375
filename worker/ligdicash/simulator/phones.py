"""The payers' phones: which operator one belongs to, how that operator has a payment approved, and the one-time codes on it.

Vendor pages `direct-payin/validation-modes` and `direct-payin/operators/ligdicash-wallet`. Nobody publishes which numbers
belong to which operator; here each country has one, until a test says otherwise for a number.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from worker.ligdicash.simulator.manners import STRICT, Seconds


class Channel(StrEnum):
    """Through which of the three creates an invoice came."""

    REDIRECT = "redirect"
    STRAIGHT = "straight"
    WALLET = "wallet"


class Way(StrEnum):
    """How an operator has its customer approve a payment that was created without a page."""

    DIALLED_CODE = "dialled-code"
    PUSH = "push"
    GUIDED = "guided"
    PAGE = "page"
    """The customer is sent to a page: of the gateway, or of the operator."""


WAYS = {
    "1": Way.PUSH,
    "2": Way.PUSH,
    "11": Way.DIALLED_CODE,
    "12": Way.PUSH,
    "14": Way.PUSH,
    "15": Way.GUIDED,
    "16": Way.PAGE,
    "18": Way.PAGE,
    "27": Way.PUSH,
    "33": Way.PAGE,
}
"""By `operator_id` (vendor page `reference/supported-operators`)."""

HOME_OPERATORS = {"226": "11", "229": "1", "225": "15", "223": "18", "224": "33", "227": "27"}
"""By country code: whose a number is that nobody said anything about."""

CODE_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """What a test may set for one number. Amounts are whole francs, `otp_life` is in seconds."""

    __pydantic_config__ = STRICT

    operator_id: str = ""
    """Another than that of the country."""
    balance: Annotated[int, Field(strict=True, ge=0)] | None = None
    """What is on the account, for payments approved by a code; None is always enough."""
    operator_is_down: bool = False
    has_wallet: bool = True
    otp_life: Seconds = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A one-time code and what it was made out for."""

    digits: str = field(repr=False)
    amount: int
    made_at: float


class Phones:
    """All phones there are, for any number. Codes are kept in memory only, and each is good for one payment. Thread-safe."""

    def __init__(self) -> None:
        self._phones: dict[str, Phone] = {}
        self._codes: dict[tuple[str, Channel], Code] = {}
        self._lock = threading.Lock()

    def get(self, number: str) -> Phone:
        """What is set for this number."""
        with self._lock:
            return self._phones.get(number, Phone())

    def set(self, number: str, phone: Phone) -> None:
        """From now on it is so."""
        with self._lock:
            self._phones[number] = phone

    def operator_of(self, number: str) -> str:
        """The id of its operator; empty where the project has none for it."""
        return self.get(number).operator_id or HOME_OPERATORS.get(number[:3], "")

    def way_of(self, number: str) -> Way | None:
        """How a payment from it is approved; None where the project has no operator for it."""
        return WAYS.get(self.operator_of(number))

    def give_code(self, number: str, *, amount: int, channel: Channel) -> str:
        """Show a new code on this phone, dialled for or sent by message; the one before it is worth nothing any more."""
        code = Code(digits=f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}", amount=amount, made_at=time.time())
        with self._lock:
            self._codes[number, channel] = code
        return code.digits

    def last_code(self, number: str, channel: Channel) -> str:
        """The code that the phone shows; empty when it shows none."""
        with self._lock:
            code = self._codes.get((number, channel))
        return code.digits if code else ""

    def refusal(self, number: str, *, amount: int, otp: str, channel: Channel) -> str:
        """The sub-code with which a payment from this phone is refused; empty when it begins, and the code is used up."""
        way, phone = self.way_of(number), self.get(number)
        if channel is Channel.STRAIGHT and way is None:
            return "07"
        if phone.operator_is_down:
            return "05"
        if channel is Channel.WALLET and not phone.has_wallet:
            return "14"
        if channel is Channel.STRAIGHT and way is not Way.DIALLED_CODE:
            return ""
        return self._code_refusal(number, amount=amount, otp=otp, channel=channel)

    def _code_refusal(self, number: str, *, amount: int, otp: str, channel: Channel) -> str:
        with self._lock:
            code = self._codes.get((number, channel))
        balance = self.get(number).balance
        if code is None or code.digits != otp:
            return "15"
        if time.time() > code.made_at + self.get(number).otp_life:
            return "16"
        if code.amount != amount:
            return "17"
        if balance is not None and balance < amount:
            return "18"
        with self._lock:
            self._codes.pop((number, channel), None)
        return ""
