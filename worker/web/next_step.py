"""What the customer has to do next, as the API gives it: as data, and as a sentence in the language of the request."""

from __future__ import annotations

from pydantic import BaseModel, Field

from models.operators import find
from models.payin import CustomerStep, PayinState, StepKind, customer_step, known_hitch
from models.transaction import Invoice, Mode, Status
from worker.payin_texts import told


class NextStep(BaseModel):
    """What the customer has to do now. Null where there is nothing: it is over, or nobody knows."""

    kind: StepKind = Field(
        description="`dial`: dial `ussd_code` on the phone. `approve`: give the PIN to what the phone shows. `enter_otp`: "
        "hand over the one-time code that LigdiCash sent (POST /v1/wallet-otps has another one sent). `open_url`: open "
        "`url`, never in an iframe. `retry`: put right what `message` says, and send the same order again. "
        "`choose_operator`: send the order with an `operator_id`. `pay_otherwise`: another number, operator or mode, under "
        "a new transaction_id. `find_out`: nothing, until you have found out whether it was paid; it is not sent again. "
        "`wait`: nothing."
    )
    message: str = Field(
        description="The same for the customer, in the language of the request: `?lang=`, else Accept-Language."
    )
    ussd_code: str | None = Field(None, description="What to dial, where it is known.")
    url: str | None = Field(None, description="What to open.")
    gives_otp: bool = Field(
        False, description="Whether the step ends with a one-time code: send the same order again, with it in `otp`."
    )

    @classmethod
    def of(cls, step: CustomerStep) -> NextStep:
        """The view of this step, in the language of here and now."""
        return cls(
            kind=step.kind,
            message=told(step),
            ussd_code=step.ussd_code or None,
            url=step.url or None,
            gives_otp=step.gives_otp,
        )


def after_all(invoice: Invoice, *, may_have_begun: bool) -> NextStep | None:
    """What is next for an invoice in the books; `may_have_begun` when a callback came about it after a refusal."""
    state = PayinState(
        status=Status(invoice.status),
        mode=Mode(invoice.mode),
        amount=invoice.amount,
        operator=find(invoice.asked_operator),
        payment_url=invoice.payment_url or "",
        hitch=known_hitch(invoice.refusal_code),
        may_have_begun=may_have_begun,
    )
    return _told(state)


def after_a_no(mode: Mode, *, amount: int, code: str) -> NextStep | None:
    """What is next after a request that came to nothing for this reason, and left nothing in the books."""
    return _told(PayinState(status=Status.REFUSED, mode=mode, amount=amount, hitch=known_hitch(code)))


def _told(state: PayinState) -> NextStep | None:
    step = customer_step(state)
    return NextStep.of(step) if step else None
