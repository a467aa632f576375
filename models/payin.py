"""The three ways to pay an invoice, and what the customer has to do next. Pure: no clock, no books, no network."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from models.errors import AskCustomer, Invalid
from models.operators import OPERATORS, Operator, Validation, find, served_by
from models.transaction import Mode, Status

OTP = re.compile(r"[0-9A-Za-z]{4,12}")
"""No page says what a one-time code looks like; those that were seen have six digits."""


WHERE_SET = "LIGDICASH_OPERATORS, or operators of its account"
"""Where it is said which operators a project has."""


class Hitch(StrEnum):
    """Why a payin did not begin, where the customer can do something about it. Stable: merchants' programs branch on it."""

    OTP_NEEDED = "otp_needed"
    """The operator wants a one-time code with the order, and none came."""
    WRONG_OTP = "wrong_otp"
    EXPIRED_OTP = "expired_otp"
    OTHER_AMOUNT_OTP = "wrong_otp_amount"
    """The code was made out for another sum."""
    WRONG_WALLET = "wrong_wallet"
    """The gateway does not take these credentials of a wallet."""
    BALANCE = "insufficient_balance"
    OPERATOR_DOWN = "operator_unavailable"
    """The gateway could not hand the payment on to the operator."""
    OPERATOR_NEEDED = "operator_needed"
    """The number alone does not tell the operator, and the order names none."""
    NOT_SERVED = "operator_not_served"
    """No operator of the project serves this number, or not the one that the order names."""
    AMOUNT = "amount_not_served"
    """The operator takes no payment of this sum."""
    OTP_NOT_SENT = "otp_not_sent"
    """The gateway would not send a one-time code."""
    OTP_TOO_SOON = "otp_too_soon"
    """One was sent a moment ago, or many lately."""


def known_hitch(code: str) -> Hitch | None:
    """The hitch of this code; None for none, and for one that only a later release of ours knows."""
    return next((hitch for hitch in Hitch if hitch.value == code), None)


class StepKind(StrEnum):
    """What the customer has to do next. Stable, as `Hitch`."""

    DIAL = "dial"
    """Dial a code on the phone."""
    APPROVE = "approve"
    """Give the PIN to what the phone shows; with a `ussd_code`, dial it should nothing show up."""
    ENTER_OTP = "enter_otp"
    """Hand over the one-time code that was sent."""
    OPEN_URL = "open_url"
    """Open an address: in a browser, never in an iframe."""
    RETRY = "retry"
    """Put something right, and have the same order sent again."""
    CHOOSE_OPERATOR = "choose_operator"
    """Say whose number it is."""
    PAY_OTHERWISE = "pay_otherwise"
    """Take another number, another operator, or another mode: by a new order."""
    FIND_OUT = "find_out"
    """Nothing, and by no means pay again: the merchant has to find out first whether this was paid."""
    WAIT = "wait"
    """Nothing: the operator is at work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStep:
    """One step. `ussd_code` and `url` are what to dial and what to open, each empty where there is none, or none is known."""

    kind: StepKind
    ussd_code: str = ""
    url: str = field(default="", repr=False)  # it holds the token
    hitch: Hitch | None = None
    """What went wrong before, if this step is there to put it right."""
    gives_otp: bool = False
    """Whether the step ends with a one-time code, to be sent with the same order again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays, where the merchant asks for the number and not the gateway's page. Never holds a one-time code.

    Which operator serves a number cannot be told from it (`models.phone`), so the customer says it.
    """

    mode: Mode
    """`direct` or `wallet`."""
    number: str = field(repr=False)
    """In the gateway's form, see `models.phone`. Personal."""
    operator_id: str = ""
    """As the merchant named it: the customer chose. A wallet has none."""

    @property
    def masked(self) -> str:
        """As much of the number as tells a support agent which one it was: its country and its last two digits."""
        return f"{self.number[:3]}{'*' * max(0, len(self.number) - 5)}{self.number[-2:]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayinState:
    """What the next step depends on. Amount in francs."""

    status: Status
    mode: Mode
    amount: int
    operator: Operator | None = None
    """None for a hosted page, for a wallet, and for an operator that we do not know."""
    payment_url: str = field(default="", repr=False)
    hitch: Hitch | None = None
    """Why the last try did not begin; of a refused one."""
    may_have_begun: bool = False
    """Of a refused one: a callback came about it all the same, so its order is not sent again."""


OTP_HITCHES = frozenset({Hitch.OTP_NEEDED, Hitch.WRONG_OTP, Hitch.EXPIRED_OTP, Hitch.OTHER_AMOUNT_OTP})
"""Those that a new one-time code puts right."""

RETRY_HITCHES = frozenset({Hitch.BALANCE, Hitch.OPERATOR_DOWN, Hitch.OTP_NOT_SENT, Hitch.OTP_TOO_SOON})
"""Those after which the same request may go through."""


def customer_step(state: PayinState) -> CustomerStep | None:
    """What the customer has to do now; None where there is nothing: it is over, or nobody knows."""
    match state.status:
        case Status.PENDING:
            return _while_pending(state)
        case Status.REFUSED:
            return _after_refusal(state)
        case Status.CREATED | Status.COMPLETED | Status.NOTCOMPLETED:
            return None


def _while_pending(state: PayinState) -> CustomerStep | None:
    if state.payment_url:  # whatever the operator usually does, the gateway's word counts
        return CustomerStep(kind=StepKind.OPEN_URL, url=state.payment_url)
    if state.mode is Mode.HOSTED:
        return None
    dialled = state.operator.dial(state.amount) if state.operator else ""
    match state.operator and state.operator.validation:
        case Validation.USSD_PUSH:
            return CustomerStep(kind=StepKind.APPROVE, ussd_code=dialled)
        case Validation.GUIDED_USSD:
            return CustomerStep(kind=StepKind.DIAL, ussd_code=dialled)
        case _:
            return CustomerStep(kind=StepKind.WAIT)


def _after_refusal(state: PayinState) -> CustomerStep | None:
    if state.may_have_begun:
        return CustomerStep(kind=StepKind.FIND_OUT)
    hitch = state.hitch
    if hitch is None:
        return None
    if hitch in OTP_HITCHES:
        return _for_another_code(state, hitch)
    if hitch in RETRY_HITCHES:
        return CustomerStep(kind=StepKind.RETRY, hitch=hitch)
    kind = StepKind.CHOOSE_OPERATOR if hitch is Hitch.OPERATOR_NEEDED else StepKind.PAY_OTHERWISE
    return CustomerStep(kind=kind, hitch=hitch)


def _for_another_code(state: PayinState, hitch: Hitch) -> CustomerStep:
    """How the customer comes by one: out of a message where a wallet is debited, else by dialling."""
    if state.mode is Mode.WALLET:
        return CustomerStep(kind=StepKind.ENTER_OTP, hitch=hitch, gives_otp=True)
    dialled = state.operator.dial(state.amount) if state.operator else ""
    return CustomerStep(kind=StepKind.DIAL, ussd_code=dialled, hitch=hitch, gives_otp=True)


def clean_otp(written: str) -> str:
    """A one-time code without the blanks people read it aloud with; empty for none. No fault repeats it."""
    otp = "".join(written.split())
    if otp and not OTP.fullmatch(otp):
        raise Invalid("the one-time code must be 4 to 12 letters or digits, as the customer got it")
    return otp


def operator_of(payer: Payer, *, amount: int, project: Collection[str]) -> Operator | None:
    """The operator that is to take `amount` francs from this payer. `project` are the ids of those the project has.

    None for a wallet, and for an operator that we do not know, which the gateway may well know. Raises `AskCustomer` where
    it is certain that the gateway would say no, and where nobody said which operator it is.
    """
    if payer.mode is Mode.WALLET:
        return None
    operator = _named(payer, project) if payer.operator_id else _only_one(payer, project)
    if operator is not None:
        _check_amount(operator, amount)
    return operator


def _named(payer: Payer, project: Collection[str]) -> Operator | None:
    operator = find(payer.operator_id)
    if project and payer.operator_id not in project:
        called = payer.operator_id if operator is None else _called(operator)
        raise AskCustomer(f"the project has no operator {called} ({WHERE_SET})", code=Hitch.NOT_SERVED)
    if operator is not None and not payer.number.startswith(operator.country.dialling):
        raise AskCustomer(
            f"{_called(operator)} serves numbers that begin with +{operator.country.dialling}, and this one does not",
            code=Hitch.NOT_SERVED,
        )
    return operator


def _only_one(payer: Payer, project: Collection[str]) -> Operator:
    served = served_by(payer.number, project)
    if served == ():
        raise AskCustomer(
            f"no operator of the project works in the country of this phone number ({WHERE_SET})",
            code=Hitch.NOT_SERVED,
        )
    if served is not None and len(served) == 1:
        return served[0]
    choice = served or [one for one in OPERATORS if payer.number.startswith(one.country.dialling)]
    named = ", ".join(f"{one.id} {_called(one)}" for one in choice) or "none that we know"
    raise AskCustomer(
        f"which operator the number belongs to must be said, by operator_id; there are: {named}",
        code=Hitch.OPERATOR_NEEDED,
    )


def _check_amount(operator: Operator, amount: int) -> None:
    if operator.minimum is not None and amount < operator.minimum:
        raise AskCustomer(
            f"{_called(operator)} takes at least {operator.minimum:,} XOF, not {amount:,}", code=Hitch.AMOUNT
        )
    if operator.maximum is not None and amount > operator.maximum:
        raise AskCustomer(
            f"{_called(operator)} takes at most {operator.maximum:,} XOF, not {amount:,}", code=Hitch.AMOUNT
        )


def _called(operator: Operator) -> str:
    return operator.gateway_name or f"{operator.name} {operator.country.name}"
