"""`reconciler payouts`: sending money out, looking at it, and asking the gateway about one."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from models.account import DEFAULT
from models.errors import GatewayMisconfigured, GatewayRefused, Invalid, NotSent
from models.order import CURRENCY
from models.payout import PayoutOrder, check_payout
from models.phone import gateway_form
from models.queries.cases import Signature
from models.transaction import Route, Status
from worker.language import _
from worker.ops.bulk.command import send
from worker.ops.desk import desk_of
from worker.ops.options import (
    AccountOption,
    AfterOption,
    AuthorOption,
    JsonOption,
    LimitOption,
    NowOption,
    OldestOption,
    ReasonOption,
)

if TYPE_CHECKING:
    from tasks.payouts import Booked
    from tasks.toolbox import Toolbox

app = typer.Typer(help="Payouts: send money out, look at it, ask about it.", no_args_is_help=True)

PayoutArgument = Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="Your own id of the payout.")]


class Way(StrEnum):
    """Where the money goes."""

    MOBILE_MONEY = "mobile-money"
    WALLET = "wallet"
    """It stays there."""
    THROUGH_WALLET = "through-wallet"
    """It goes on to mobile money from there."""


@app.command()
def create(
    ctx: typer.Context,
    *,
    transaction_id: Annotated[
        str,
        typer.Option(
            help="Your own id of it. Needed: the same id again never pays twice, and a new one does.",
            show_default=False,
        ),
    ],
    amount: Annotated[int, typer.Option("--amount", help="Whole francs (XOF).", show_default=False)],
    to: Annotated[
        str, typer.Option("--to", metavar="NUMBER", help="Phone number with its country code.", show_default=False)
    ],
    way: Annotated[
        Way,
        typer.Option(
            "--way",
            help="mobile-money: straight there. wallet: to the LigdiCash wallet, to stay. through-wallet: there, and on to"
            " mobile money.",
            show_default=False,
        ),
    ],
    description: Annotated[str, typer.Option("--description", help="What it is for.", show_default=False)] = "",
    account: AccountOption = DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Have the gateway pay out, once: the same order again shows the payout that is there."""
    from tasks.payouts import create as create_payout

    if not description.isprintable():
        raise Invalid(_("{field} must be readable text, without control characters").format(field="description"))
    tools = desk_of(ctx).tools
    order = PayoutOrder(
        transaction_id=transaction_id,
        amount=amount,
        route=Route.MOBILE_MONEY if way is Way.MOBILE_MONEY else Route.WALLET,
        customer=gateway_form(to),
        stays_in_wallet=None if way is Way.MOBILE_MONEY else way is Way.WALLET,
        description=description,
    )
    check_payout(order, operators=tools.account(account).operators)
    _tell(create_payout(tools, order, account=account), as_json=as_json)


app.command("send")(send)


@app.command("list")
def list_(  # noqa: PLR0913 - an option each
    ctx: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those of this status.", show_default=False)] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this account.", show_default=False)
    ] = None,
    awaiting: Annotated[bool, typer.Option("--awaiting", help="Only those that wait for approval.")] = False,
    queued: Annotated[bool, typer.Option("--queued", help="Only those that wait for sending to go on.")] = False,
    limit: LimitOption = 50,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    as_json: JsonOption = False,
) -> None:
    """One page of payouts, newest first."""
    from models.queries.browse import Paging, list_payouts
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.tables import print_payouts

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    with transaction(desk_of(ctx).tools.sessions) as step:
        page = list_payouts(step.session, paging, status=status, account=account, awaiting=awaiting, queued=queued)
    if as_json:
        print_json(asdict(page))
    else:
        print_payouts(page, paging)


@app.command()
def approve(
    ctx: typer.Context,
    transaction_id: PayoutArgument,
    *,
    reason: ReasonOption,
    author: AuthorOption,
    as_json: JsonOption = False,
) -> None:
    """Let a payout go that waits for approval, and send it, once. Nobody checks that somebody else ordered it."""
    from tasks.payouts import approve as approve_payout

    tools = desk_of(ctx).tools
    try:
        booked = approve_payout(tools, transaction_id, _signature(author, reason))
    except (GatewayRefused, GatewayMisconfigured, NotSent):
        _tell_that_it_waits(tools, transaction_id)
        raise
    _tell(booked, as_json=as_json)


def _tell_that_it_waits(tools: Toolbox, transaction_id: str) -> None:
    """Of one that was approved and not taken, on stderr: before what went wrong is told."""
    from models.queries.payouts import find_payout
    from models.session import transaction
    from tasks.payouts import is_awaiting, is_queued

    with transaction(tools.sessions) as step:
        payout = find_payout(step.session, transaction_id)
    if payout is not None and is_awaiting(payout):
        typer.echo(_("It was not taken, and waits for approval again."), err=True)
    if payout is not None and is_queued(payout):
        typer.echo(_("It could not be sent yet: it waits in the queue, and is tried again by itself."), err=True)


@app.command()
def reject(
    ctx: typer.Context,
    transaction_id: PayoutArgument,
    *,
    reason: ReasonOption,
    author: AuthorOption,
    as_json: JsonOption = False,
) -> None:
    """Close a payout that waits, for approval or for sending to go on. It is not sent, and its id is used up."""
    from tasks.payouts import Booked
    from tasks.payouts import reject as reject_payout

    payout = reject_payout(desk_of(ctx).tools, transaction_id, _signature(author, reason))
    _tell(Booked(payout=payout, is_new=True), as_json=as_json)


def _signature(author: str, reason: str) -> Signature:
    if not reason.strip() or not author.strip():
        raise typer.BadParameter(_("say why, with --reason TEXT"))
    return Signature(author=author.strip(), reason=reason.strip())


@app.command()
def show(ctx: typer.Context, transaction_id: PayoutArgument, *, as_json: JsonOption = False) -> None:
    """One payout with its timeline: when it was sent, and what was received, asked, answered and settled."""
    from worker.ops.history_view import tell_history
    from worker.ops.lookup import find_payout

    tell_history(find_payout(desk_of(ctx).tools, transaction_id), as_json=as_json)


@app.command()
def check(
    ctx: typer.Context, transaction_id: PayoutArgument, *, now: NowOption = False, as_json: JsonOption = False
) -> None:
    """Ask the gateway about one payout, here and now, and say what came of it. Sends nothing. Needs no worker."""
    from worker.ops.asking_view import ask_and_tell
    from worker.ops.lookup import find_payout

    tools = desk_of(ctx).tools
    find_payout(tools, transaction_id)
    ask_and_tell(tools, transaction_id, insist=now, as_json=as_json)


def _tell(booked: Booked, *, as_json: bool) -> None:
    from tasks.payouts import is_awaiting, is_queued
    from worker.ops.shown import francs, print_json

    payout = booked.payout
    if as_json:
        print_json(
            {
                "transaction_id": payout.transaction_id,
                "account": payout.account,
                "status": payout.status,
                "amount": payout.amount,
                "currency": CURRENCY,
                "route": payout.route,
                "customer": payout.customer,
                "is_new": booked.is_new,
                "awaiting_approval": is_awaiting(payout),
                "queued": is_queued(payout),
                "created_at": payout.created_at,
                "sent_at": payout.sent_at,
                "next_check_at": payout.next_check_at,
            }
        )
        return
    known = "" if booked.is_new else _(", already in the books")
    told = _("{transaction_id}: {amount} to {customer}, {status}").format(
        transaction_id=payout.transaction_id,
        amount=francs(payout.amount),
        customer=payout.customer,
        status=_(payout.status),
    )
    typer.echo(told + known)
    if is_awaiting(payout):
        typer.echo(_("It waits for approval: `reconciler payouts approve` sends it."))
    if is_queued(payout):
        typer.echo(_("Sending is switched off: it is stored, and sent by itself when sending goes on."))
    if payout.status == Status.CREATED and payout.sent_at is not None:
        typer.echo(_("It was sent, and nobody knows yet what became of it: see `reconciler cases list`."))
