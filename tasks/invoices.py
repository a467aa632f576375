"""Create invoices through the gateway, or register those a merchant created elsewhere.

The row is stored before the gateway is called: whatever happens to the reply, there is something to look at.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace

import structlog
from sqlalchemy.orm import Session

from config import policy
from models import trace
from models.account import DEFAULT
from models.case import CaseKind
from models.errors import (
    AskCustomer,
    Conflict,
    GatewayMisconfigured,
    GatewayRefused,
    MayHaveBegun,
    NotSent,
    OutcomeUnknown,
    StoreAway,
    TooSoon,
    TryAgain,
)
from models.operators import Operator
from models.order import InvoiceOrder
from models.payin import Hitch, operator_of
from models.queries import invoices as books
from models.queries.invoices import NewInvoice
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Invoice, Mode, Status
from tasks.holes import HOLE_ADVICE
from tasks.same_order import same_order
from tasks.tokens import keep_token
from tasks.toolbox import Account, Shop, Toolbox
from tasks.uptime import check_prompt

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An invoice in the books, and whether this very request put it there."""

    invoice: Invoice
    is_new: bool


def create(tools: Toolbox, order: InvoiceOrder, *, otp: str = "", account: str = DEFAULT) -> Booked:
    """Have the gateway create this invoice in this account, once: the same order again gives the invoice that is there.

    Raises `Conflict` for another order or account under the same id, `Invalid` for an account that nobody set up,
    `GatewayRefused` or `GatewayMisconfigured` when the gateway says no, `NotSent` when it was never reached (send the same
    order again), and `OutcomeUnknown`, with a case, when its reply is lost. An order the gateway refused before is tried again: nothing exists there. So a payer whose `otp`
    was wrong tries another one with the same order; the code is passed on and kept nowhere.

    Raises `AskCustomer` without asking the gateway where only the customer has what is missing. An order that lacks
    nothing but the one-time code is in the books then, as refused.
    """
    mine = tools.account(account)
    try:
        operator = _operator(mine, order)
    except AskCustomer:
        if (there := _under_way(tools, order, account=mine)) is not None:  # whatever the settings say by now
            return Booked(invoice=there, is_new=False)
        raise
    lacking = _lacks(order, operator) if not otp else ""
    began = tools.uptime()
    with transaction(tools.sessions) as step:
        new = _new(order, account=mine, digest=order_digest(order), operator=operator)
        booked = _begin(step.session, new)
        if booked.is_new and lacking:
            books.refuse_invoice(step.session, booked.invoice.id, reason=lacking, code=Hitch.OTP_NEEDED.value)
    if booked.is_new and lacking:
        raise AskCustomer(lacking, code=Hitch.OTP_NEEDED)
    if booked.is_new:
        _have_created(tools, mine, booked.invoice, order=_with_shop(order, mine.shop), otp=otp, began=began)
        return Booked(invoice=_reread(tools, order.transaction_id), is_new=True)
    return booked


def send_wallet_otp(tools: Toolbox, *, number: str, amount: int, account: str = DEFAULT) -> None:
    """Have LigdiCash send the owner of this wallet a one-time code. Nothing is written down; each call sends another one.

    Raises `Invalid` for an account that nobody set up, `TooSoon` when this number, or all together, were sent as many as they
    may lately, and as `Gateway.send_wallet_otp` does. What came to nothing counts too: nobody knows whether it was sent.
    """
    gateway = tools.account(account).gateway
    leave = tools.otps.take(number)
    if leave.wait:
        whom = "anybody" if leave.is_for_all else "this number"
        raise TooSoon(
            f"no one-time code is sent to {whom} for {math.ceil(leave.wait)} s: as many as may be were sent lately",
            code=Hitch.OTP_TOO_SOON,
            wait=leave.wait,
        )
    gateway.send_wallet_otp(number, amount)


def register(
    tools: Toolbox, order: InvoiceOrder, *, token: str, payment_url: str = "", account: str = DEFAULT
) -> Booked:
    """Take over an invoice created elsewhere, by the token of its creation; the gateway is not called.

    Raises `Conflict` when the id or the token is in use for something else. All or nothing, in one transaction: nothing
    is asked of the gateway in between, and whoever registers again after an error starts from where they were.
    """
    mine = tools.account(account)
    digest = hashlib.sha256(order_digest(order) + token.encode()).digest()
    with transaction(tools.sessions) as step:
        booked = _begin(step.session, _new(order, account=mine, digest=digest))
        if booked.is_new:
            books.finish_invoice(
                step.session, booked.invoice.id, token=token, payment_url=payment_url, first_check=tools.pending_after
            )
    return Booked(invoice=_reread(tools, order.transaction_id), is_new=True) if booked.is_new else booked


def order_digest(order: InvoiceOrder) -> bytes:
    """SHA-256 over the order as the merchant gave it: two orders with one digest are the same order.

    What is empty is left out, so that a field added in a later release does not make every old order another one.
    """
    given = {name: value for name, value in asdict(order).items() if value}
    return hashlib.sha256(json.dumps(given, sort_keys=True, ensure_ascii=False).encode()).digest()


def _new(order: InvoiceOrder, *, account: Account, digest: bytes, operator: Operator | None = None) -> NewInvoice:
    named = order.payer.operator_id if order.payer else ""
    return NewInvoice(
        account=account.name,
        transaction_id=order.transaction_id,
        amount=order.amount,
        description=order.description,
        digest=digest,
        mode=order.mode,
        payer=order.payer.masked if order.payer else "",
        asked_operator=operator.id if operator else named,
    )


def _operator(account: Account, order: InvoiceOrder) -> Operator | None:
    return operator_of(order.payer, amount=order.amount, project=account.operators) if order.payer else None


def _under_way(tools: Toolbox, order: InvoiceOrder, *, account: Account) -> Invoice | None:
    """The invoice of this very order and account, if it went to the gateway."""
    with transaction(tools.sessions) as step:
        there = books.find_invoice(step.session, order.transaction_id)
    if there is None or there.status == Status.REFUSED or there.account != account.name:
        return None
    return there if there.order_digest == order_digest(order) else None


def _lacks(order: InvoiceOrder, operator: Operator | None) -> str:
    """Why this order cannot be sent without a one-time code; empty when it can. The sentences have French in the catalogs."""
    if order.mode is Mode.WALLET:
        return "A wallet is debited with a one-time code, and none came with the order."
    if operator is not None and operator.validation is not None and operator.validation.needs_code_first:
        return "The operator wants a one-time code, and none came with the order."
    return ""


def _with_shop(order: InvoiceOrder, shop: Shop) -> InvoiceOrder:
    return replace(
        order,
        callback_url=shop.callback_url,
        return_url=order.return_url or shop.return_url,
        cancel_url=order.cancel_url or shop.cancel_url,
        store_name=order.store_name or shop.name,
        store_url=order.store_url or shop.url,
    )


def _begin(session: Session, new: NewInvoice) -> Booked:
    """Put the row there, or find the one that is; a refused order is taken up again."""
    invoice = books.begin_invoice(session, new, grace=policy.CREATE_GRACE)
    if invoice is not None:
        return Booked(invoice=invoice, is_new=True)
    found = books.find_invoice(session, new.transaction_id)
    there = same_order(found, transaction_id=new.transaction_id, account=new.account, digest=new.digest)
    again = there.status == Status.REFUSED and books.retry_refused(session, there.id, grace=policy.CREATE_GRACE)
    session.refresh(there)  # whoever lost that race shows what the winner made of it
    if there.status == Status.REFUSED and books.may_have_begun(session, there.id):
        raise MayHaveBegun(
            f"order {new.transaction_id!r} was refused, and a callback came about it all the same: the customer may have been"
            " debited. It is not sent again; find out what became of it, and use a new transaction_id"
        )
    return Booked(invoice=there, is_new=again)


def _have_created(
    tools: Toolbox, account: Account, invoice: Invoice, *, order: InvoiceOrder, otp: str, began: float
) -> None:
    try:
        check_prompt(tools.uptime() - began, what="create")
        created = account.gateway.create_invoice(order, otp=otp)
    except (GatewayRefused, GatewayMisconfigured) as exc:
        _refuse(tools, invoice.id, reason=str(exc), code=exc.code)
        raise
    except NotSent as exc:
        _refuse(tools, invoice.id, reason=str(exc))
        raise
    except OutcomeUnknown as exc:
        _give_to_a_person(tools, invoice.id, str(exc))
        raise
    _finish(tools, invoice.id, token=created.token, payment_url=created.payment_url)


def _finish(tools: Toolbox, pk: int, *, token: str, payment_url: str) -> None:
    def store(session: Session) -> bool:
        return books.finish_invoice(session, pk, token=token, payment_url=payment_url, first_check=tools.pending_after)

    try:
        finished = keep_token(tools.sessions, pk, store)
    except StoreAway as exc:
        raise OutcomeUnknown(
            "the gateway created the invoice and the database went away before its token was stored"
        ) from exc
    if not finished:
        raise OutcomeUnknown("the gateway created the invoice, and its row no longer waits for the reply")


def _refuse(tools: Toolbox, pk: int, *, reason: str, code: str = "") -> None:
    with transaction(tools.sessions) as step:
        books.refuse_invoice(step.session, pk, reason=reason, code=code)


def _give_to_a_person(tools: Toolbox, pk: int, what: str) -> None:
    """Park it with a case. Should even that fail, the sweep finds the hole by itself."""
    try:
        with transaction(tools.sessions) as step:
            books.park_hole(step.session, pk)
            detail = f"{what.rstrip('.')}. {HOLE_ADVICE}"
            open_cases(step.session, [NewCase(kind=CaseKind.TOKEN_LOST, detail=detail, transaction_pk=pk)])
    except TryAgain:
        log.warning("case_left_to_the_sweep", trace=trace.of_transaction(pk))


def _reread(tools: Toolbox, transaction_id: str) -> Invoice:
    with transaction(tools.sessions) as step:
        invoice = books.find_invoice(step.session, transaction_id)
    if invoice is None:  # rows are never deleted; if somebody did, say so instead of guessing
        raise Conflict(f"transaction_id {transaction_id!r} vanished from the books")
    return invoice
