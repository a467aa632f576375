"""Where an invoice is paid, and what its customer has to do next, for a person and for a machine."""

from __future__ import annotations

from models.operators import find
from models.payin import CustomerStep, PayinState, customer_step, known_hitch
from models.queries.history import InvoiceFacts
from models.transaction import Invoice, Mode, Status
from worker.language import SOURCE, _, speaking
from worker.ops.shown import masked_address, safe
from worker.payin_texts import told


def step_of(invoice: Invoice | InvoiceFacts) -> CustomerStep | None:
    """What the customer has to do now."""
    return customer_step(
        PayinState(
            status=Status(invoice.status),
            mode=Mode(invoice.mode),
            amount=invoice.amount,
            operator=find(invoice.asked_operator),
            payment_url=invoice.payment_url or "",
            hitch=known_hitch(invoice.refusal_code),
            may_have_begun=isinstance(invoice, InvoiceFacts) and invoice.may_have_begun,
        )
    )


def mode_line(invoice: InvoiceFacts) -> str:
    """`direct, 226******00, ORANGE BURKINA 11`; empty for a hosted page, which needs no word."""
    if invoice.mode is Mode.HOSTED:
        return ""
    operator = find(invoice.asked_operator)
    called = f"{operator.gateway_name if operator else ''} {safe(invoice.asked_operator)}".strip()
    return ", ".join(part for part in (_(invoice.mode.value), safe(invoice.payer), called) if part)


def customer_line(invoice: InvoiceFacts) -> str:
    """What to tell the customer; empty for a hosted page, where the page tells it, and where there is nothing to do."""
    step = None if invoice.mode is Mode.HOSTED else step_of(invoice)
    return told(step) if step else ""


def payin_document(invoice: InvoiceFacts) -> dict[str, object]:
    """The same for a machine, in English. The address is masked, because the token stands in it."""
    step = step_of(invoice)
    with speaking(SOURCE):
        words = told(step) if step else ""
    return {
        "mode": invoice.mode,
        "payer": invoice.payer,
        "asked_operator": invoice.asked_operator,
        "refusal_code": invoice.refusal_code,
        "customer": step
        and {
            "kind": step.kind,
            "message": words,
            "ussd_code": step.ussd_code,
            "url": masked_address(step.url),
            "gives_otp": step.gives_otp,
        },
    }
