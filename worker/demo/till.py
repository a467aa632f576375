"""Plays the customers who pay without the gateway's page: what they dial, enter wrongly, read on the phone, and try again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import requests

from models.errors import NeedsHuman
from models.transaction import Mode, Status
from worker.demo.payins import FIRST_NOES, PayinFate, Payment

Json = dict[str, object]
Ask = Callable[..., requests.Response]

LESS = 10
"""Francs by which a code is made out for another sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """One customer at the till. `order` sends a body to the door until it answers; `phone` is the simulator's control."""

    fate: PayinFate
    payment: Payment
    amount: int
    body: Json = field(repr=False)
    order: Callable[[str, Json], requests.Response]
    phone: Ask

    def pay(self) -> str:
        """Order, and order again as the answers say; the status in which it ends.

        A door that was killed in the middle leaves a hole, of which the next order learns. Raises `NeedsHuman` when an
        answer is another than the story has.
        """
        first = self._first()
        if first.ok:
            return _status(first)
        if first.json().get("code") != FIRST_NOES.get(self.fate):
            raise refused(first)
        if self.fate is PayinFate.POOR:
            return Status.REFUSED.value
        return _status(self._again())

    def _first(self) -> requests.Response:
        match self.fate:
            case PayinFate.CODE:
                return self._send("")
            case PayinFate.CODE_WRONG | PayinFate.WALLET_WRONG:
                return self._send(_another_than(self._code(self.amount)))
            case PayinFate.CODE_EXPIRED:
                self._set(otp_life=0)
                return self._send(self._code(self.amount))
            case PayinFate.CODE_OTHER:
                return self._send(self._code(self.amount - LESS))
            case PayinFate.OPERATOR_BACK:
                self._set(operator_is_down=True)
            case PayinFate.POOR:
                self._set(balance=0)
            case _:
                pass
        return self._send(self._code(self.amount))

    def _again(self) -> requests.Response:
        """With all put right."""
        self._set(operator_is_down=False, otp_life=300)
        reply = self._send(self._code(self.amount))
        if not reply.ok:
            raise refused(reply)
        return reply

    def _code(self, amount: int) -> str:
        """A new one-time code, where the payment wants one: dialled for, or read on the phone after the door had it sent."""
        if not self.payment.wants_code:
            return ""
        number = self.payment.number
        if self.payment.mode is Mode.DIRECT:
            return str(self.phone("POST", f"phones/{number}/dial", {"amount": amount}).json()["otp"])
        self.order("/v1/wallet-otps", {"customer": number, "amount": amount, "account": self.body.get("account")})
        return str(self.phone("GET", f"phones/{number}", {}).json()["sms"])

    def _set(self, **phone: object) -> None:
        self.phone("PUT", f"phones/{self.payment.number}", dict(phone))

    def _send(self, otp: str) -> requests.Response:
        invoice = {"total_amount": self.amount, "customer": self.payment.number, "otp": otp}
        more: Json = {"mode": self.payment.mode.value, "operator_id": self.payment.operator_id}
        commande = self.body["commande"]
        assert isinstance(commande, dict)  # noqa: S101 - for mypy: the body of an order has this object
        return self.order("/v1/invoices", self.body | more | {"commande": commande | {"invoice": invoice}})


def refused(reply: requests.Response) -> NeedsHuman:
    """The error that a refusal is which the story does not have."""
    return NeedsHuman(f"the API refused an order: {reply.status_code} {reply.text[:150]}")


def _status(reply: requests.Response) -> str:
    return str(reply.json()["status"])


def _another_than(otp: str) -> str:
    """A code that is certainly wrong."""
    return otp[:-1] + str((int(otp[-1]) + 1) % 10)
