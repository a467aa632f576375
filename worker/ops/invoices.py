"""`reconciler invoices`: looking at them, and asking the gateway about one."""

from __future__ import annotations

from typing import Annotated

import typer

from models.transaction import Status
from worker.ops import new_invoices
from worker.ops.desk import desk_of
from worker.ops.options import AfterOption, JsonOption, LimitOption, OldestOption, TransactionArgument

app = typer.Typer(help="Invoices: create, register, look at, ask about.", no_args_is_help=True)
new_invoices.add_to(app)


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    status: Annotated[Status | None, typer.Option(help="Only those of this status.", show_default=False)] = None,
    account: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this account.", show_default=False)
    ] = None,
    limit: LimitOption = 50,
    after: AfterOption = None,
    oldest_first: OldestOption = False,
    as_json: JsonOption = False,
) -> None:
    """One page of invoices, newest first."""
    from models.queries.browse import Paging, list_invoices
    from models.session import transaction
    from worker.ops.shown import print_json
    from worker.ops.tables import print_invoices

    paging = Paging(limit=limit, after=after, oldest_first=oldest_first)
    with transaction(desk_of(ctx).tools.sessions) as step:
        page = list_invoices(step.session, paging, status=status, account=account)
    if as_json:
        print_json(page)
    else:
        print_invoices(page, paging)


@app.command()
def show(ctx: typer.Context, transaction_id: TransactionArgument, *, as_json: JsonOption = False) -> None:
    """One invoice with its timeline: what was received, asked, answered and settled."""
    from worker.ops.history_view import history_document, print_history
    from worker.ops.lookup import find_invoice
    from worker.ops.shown import print_json

    history = find_invoice(desk_of(ctx).tools, transaction_id)
    if as_json:
        print_json(history_document(history))
    else:
        print_history(history)


@app.command()
def check(
    ctx: typer.Context,
    transaction_id: TransactionArgument,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Insist: wait until it may be asked about, instead of saying why not.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the gateway about one invoice, here and now, and say what came of it. Needs no worker."""
    from worker.ops.asking import ask_once, ask_patiently
    from worker.ops.asking_view import inquiry_document, print_inquiry
    from worker.ops.shown import print_json

    tools = desk_of(ctx).tools
    inquiry = ask_patiently(tools, transaction_id) if now else ask_once(tools, transaction_id)
    if as_json:
        print_json(inquiry_document(inquiry))
    else:
        print_inquiry(inquiry)
