"""What a customer is told about a payin: what went wrong, and what to do now. Addressed to the customer, in few words."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from models.payin import CustomerStep, Hitch, StepKind
from worker.language import N_, _

HITCHES: Mapping[Hitch, str] = MappingProxyType(
    {
        Hitch.OTP_NEEDED: N_("A one-time code is needed."),
        Hitch.WRONG_OTP: N_("The one-time code is wrong."),
        Hitch.EXPIRED_OTP: N_("The one-time code has expired."),
        Hitch.OTHER_AMOUNT_OTP: N_("The one-time code was made out for another amount."),
        Hitch.WRONG_WALLET: N_("LigdiCash does not accept this wallet."),
        Hitch.BALANCE: N_("The balance is too low for this payment. Top up the account."),
        Hitch.OPERATOR_DOWN: N_("The operator cannot be reached at the moment. Wait a few minutes."),
        Hitch.OPERATOR_NEEDED: N_("Whose number it is cannot be told from the number."),
        Hitch.NOT_SERVED: N_("This number cannot be used to pay here."),
        Hitch.AMOUNT: N_("This operator takes no payment of this amount."),
        Hitch.OTP_TOO_SOON: N_("One-time codes were asked for too often. Look for the last one, or wait a while."),
        Hitch.OTP_NOT_SENT: N_("LigdiCash sent no one-time code. Check the number."),
    }
)

DIAL_FOR_CODE = N_("Dial {code} on your phone, and enter the one-time code that you get.")
DIAL_FOR_CODE_UNKNOWN = N_("Dial your operator's payment code on your phone, and enter the one-time code that you get.")
DIAL_TO_CONFIRM = N_("Dial {code} on your phone, and confirm the payment.")
DIAL_AS_TOLD = N_("You get a message with a code to dial. Dial it on your phone, and confirm the payment.")
APPROVE = N_("Approve the payment on your phone with your PIN.")
APPROVE_OR_DIAL = N_("Approve the payment on your phone with your PIN. If nothing shows up there, dial {code}.")

STEPS: Mapping[StepKind, str] = MappingProxyType(
    {
        StepKind.ENTER_OTP: N_("LigdiCash sends a one-time code by message or in its app. Enter it here."),
        StepKind.OPEN_URL: N_("Open the payment page, and pay there."),
        StepKind.RETRY: N_("Then try again."),
        StepKind.CHOOSE_OPERATOR: N_("Choose your operator."),
        StepKind.PAY_OTHERWISE: N_("Choose another number, or another way to pay."),
        StepKind.FIND_OUT: N_("This payment may have gone through. Do not pay again before the shop has found out."),
        StepKind.WAIT: N_("The payment is under way. Follow what your phone shows, if it shows anything."),
    }
)
"""Of the kinds that have one text; `DIAL` and `APPROVE` have several."""


def told(step: CustomerStep) -> str:
    """One step in the language of here and now."""
    what = _text(step).format(code=step.ussd_code)
    return f"{_(HITCHES[step.hitch])} {what}" if step.hitch else what


def _text(step: CustomerStep) -> str:
    match step.kind:
        case StepKind.DIAL if step.gives_otp:
            return _(DIAL_FOR_CODE) if step.ussd_code else _(DIAL_FOR_CODE_UNKNOWN)
        case StepKind.DIAL:
            return _(DIAL_TO_CONFIRM) if step.ussd_code else _(DIAL_AS_TOLD)
        case StepKind.APPROVE:
            return _(APPROVE_OR_DIAL) if step.ussd_code else _(APPROVE)
        case _:
            return _(STEPS[step.kind])
