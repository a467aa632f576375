"""`reconciler invoices create`, `register` and `send-code`: putting an invoice into the books by hand."""

from __future__ import annotations

import secrets
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models.account import DEFAULT
from models.errors import AskCustomer, GatewayRefused, Invalid
from models.order import CURRENCY, LONGEST_TOKEN, InvoiceOrder, Item, check_amount, check_order
from models.payin import Payer, clean_otp
from models.phone import gateway_form
from models.transaction import Mode
from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.options import AccountOption, JsonOption

if TYPE_CHECKING:
    from tasks.invoices import Booked
    from tasks.toolbox import Toolbox

AmountOption = Annotated[int, typer.Option("--amount", help="Whole francs (XOF).", show_default=False)]
DescriptionOption = Annotated[str, typer.Option("--description", help="What is paid for.", show_default=False)]

CustomerOption = Annotated[
    str, typer.Option("--customer", metavar="NUMBER", help="Phone number with its country code.", show_default=False)
]

LONGEST_OTP_FILE = 100
"""Bytes."""


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(create)
    app.command()(register)
    app.command()(send_code)


def create(  # noqa: PLR0913 - each is an option
    ctx: typer.Context,
    *,
    amount: AmountOption,
    transaction_id: Annotated[
        str, typer.Option(help="Your own id of it; one nobody can guess when left out.", show_default=False)
    ] = "",
    description: DescriptionOption = "",
    item: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME:QTY:UNIT_PRICE", help="One line of it; may be repeated.", show_default=False),
    ] = None,
    mode: Annotated[Mode, typer.Option(help="Where it is paid.")] = Mode.HOSTED,
    customer: CustomerOption = "",
    operator: Annotated[
        str,
        typer.Option(
            "--operator",
            metavar="ID",
            help="Whose number it is; `reconciler operators` lists the ids.",
            show_default=False,
        ),
    ] = "",
    otp_file: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="File with the customer's one-time code; - reads it from stdin.", show_default=False
        ),
    ] = "",
    account: AccountOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Have the gateway create an invoice, once: the same order again shows the invoice that is there."""
    from tasks.invoices import create as create_invoice

    otp = clean_otp(_file(otp_file, most=LONGEST_OTP_FILE)) if otp_file else ""
    order = InvoiceOrder(
        transaction_id=transaction_id or secrets.token_hex(16),
        amount=amount,
        description=_text(description, field="description"),
        items=tuple(_item(text) for text in item or ()),
        payer=_payer(mode, customer=customer, operator_id=operator, otp=otp),
    )
    check_order(order)
    tools = desk_of(ctx).tools
    try:
        booked = create_invoice(tools, order, otp=otp, account=account)
    except (AskCustomer, GatewayRefused):
        if not as_json:
            _tell_how_to_come_by_a_code(tools, order.transaction_id)
        raise
    _tell(booked, as_json=as_json)


def send_code(
    ctx: typer.Context, *, customer: CustomerOption, amount: AmountOption, account: AccountOption = DEFAULT
) -> None:
    """Have LigdiCash send a wallet's owner a one-time code, for an invoice in mode wallet. Each call sends another one."""
    from tasks.invoices import send_wallet_otp

    check_amount(amount)
    send_wallet_otp(desk_of(ctx).tools, number=gateway_form(customer), amount=amount, account=account)
    typer.echo(_("LigdiCash says that it sent a one-time code"))


def register(
    ctx: typer.Context,
    *,
    transaction_id: Annotated[
        str, typer.Option(help="Your own id of it, as custom_data named it.", show_default=False)
    ],
    amount: AmountOption,
    token_file: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="File with the token of its creation; - reads it from stdin.", show_default=False
        ),
    ],
    description: DescriptionOption = "",
    account: AccountOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Take over an invoice that was created elsewhere. The token is never an argument: those are seen by all."""
    from tasks.invoices import register as register_invoice

    order = InvoiceOrder(
        transaction_id=transaction_id, amount=amount, description=_text(description, field="description")
    )
    check_order(order)
    booked = register_invoice(desk_of(ctx).tools, order, token=_token(token_file), account=account)
    _tell(booked, as_json=as_json)


def _payer(mode: Mode, *, customer: str, operator_id: str, otp: str) -> Payer | None:
    if mode is not Mode.HOSTED:
        return Payer(mode=mode, number=gateway_form(customer), operator_id=operator_id)
    if customer or operator_id or otp:
        raise Invalid(_("on a hosted page the customer gives number and code: take --mode direct or --mode wallet"))
    return None


def _file(source: str, *, most: int) -> str:
    """Whatever a file or stdin holds, up to `most` bytes."""
    try:
        raw = sys.stdin.buffer.read(most) if source == "-" else Path(source).read_bytes()[:most]
    except OSError as exc:
        message = _("the file {source} cannot be read: {cause}")
        raise Invalid(message.format(source=source, cause=exc.strerror)) from exc
    return raw.decode("ascii", errors="replace")


def _item(text: str) -> Item:
    """`NAME:QTY:UNIT_PRICE`; the name may hold colons."""
    name, quantity, unit_price = ("", "", "", *text.rsplit(":", 2))[-3:]
    if not (name and quantity.isdecimal() and unit_price.isdecimal()):
        raise typer.BadParameter(
            _("{text!r} is not NAME:QTY:UNIT_PRICE, as in 'Rice 5 kg:2:2500'").format(text=text),
            param_hint="'--item'",
        )
    count, price = int(quantity), int(unit_price)
    return Item(name=_text(name, field="item"), quantity=count, unit_price=price, total_price=count * price)


def _text(value: str, *, field: str) -> str:
    if not value.isprintable():
        raise Invalid(_("{field} must be readable text, without control characters").format(field=field))
    return value


def _token(source: str) -> str:
    """Read the token. No fault repeats any of it."""
    try:
        raw = sys.stdin.buffer.read(LONGEST_TOKEN + 100) if source == "-" else Path(source).read_bytes()
    except OSError as exc:
        message = _("the token file {source} cannot be read: {cause}")
        raise Invalid(message.format(source=source, cause=exc.strerror)) from exc
    token = raw.strip().decode("ascii", errors="replace")
    if not 1 <= len(token) <= LONGEST_TOKEN:
        message = _("the token must have 1 to {most} characters; {length} were read from {source}")
        raise Invalid(message.format(most=LONGEST_TOKEN, length=len(token), source=source))
    if not all("\x21" <= c <= "\x7e" for c in token):
        message = _("{source} holds more than a token: it must be visible characters without spaces")
        raise Invalid(message.format(source=source))
    return token


def _tell_how_to_come_by_a_code(tools: Toolbox, transaction_id: str) -> None:
    """What the customer has to dial or look for, where a one-time code is all that the order lacks, and how to go on with it."""
    from models.queries.invoices import find_invoice
    from models.session import transaction
    from worker.ops.payin_view import step_of
    from worker.payin_texts import told

    with transaction(tools.sessions) as look:
        invoice = find_invoice(look.session, transaction_id)
    step = step_of(invoice) if invoice is not None else None
    if step is not None and step.gives_otp:
        typer.echo(_("for the customer: {message}").format(message=told(step)))
        then = _("then the same order again, with the code: --transaction-id {transaction_id} --otp-file -")
        typer.echo(then.format(transaction_id=shlex.quote(transaction_id)))


def _tell(booked: Booked, *, as_json: bool) -> None:
    """The one place that shows the payment address whole: the customer is to be sent there."""
    from worker.ops.payin_view import step_of
    from worker.ops.shown import francs, print_json
    from worker.payin_texts import told as told_customer

    invoice = booked.invoice
    step = step_of(invoice)
    if as_json:
        print_json(
            {
                "transaction_id": invoice.transaction_id,
                "account": invoice.account,
                "status": invoice.status,
                "amount": invoice.amount,
                "currency": CURRENCY,
                "mode": invoice.mode,
                "payment_url": invoice.payment_url or "",
                "customer": step and step.kind,
                "ussd_code": step.ussd_code if step else "",
                "is_new": booked.is_new,
                "created_at": invoice.created_at,
                "next_check_at": invoice.next_check_at,
            }
        )
        return
    known = "" if booked.is_new else _(", already in the books")
    told = _("{transaction_id}: {amount}, {status}").format(
        transaction_id=invoice.transaction_id, amount=francs(invoice.amount), status=_(invoice.status)
    )
    typer.echo(told + known)
    if invoice.payment_url:
        typer.echo(_("payment page: {url}").format(url=invoice.payment_url))
    if step and invoice.mode != Mode.HOSTED:
        typer.echo(_("for the customer: {message}").format(message=told_customer(step)))
