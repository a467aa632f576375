"""`reconciler invoices`: looking at them, and asking the gateway about one."""

from __future__ import annotations

from typing import Annotated

import typer

from models.transaction import Status
from worker.ops import new_invoices
from worker.ops.desk import desk_of
from worker.ops.options import AfterOption, JsonOption, LimitOption, NowOption, OldestOption, TransactionArgument

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
    from worker.ops.history_view import tell_history
    from worker.ops.lookup import find_invoice

    tell_history(find_invoice(desk_of(ctx).tools, transaction_id), as_json=as_json)


@app.command()
def check(
    ctx: typer.Context, transaction_id: TransactionArgument, *, now: NowOption = False, as_json: JsonOption = False
) -> None:
    """Ask the gateway about one invoice, here and now, and say what came of it. Needs no worker."""
    from worker.ops.asking_view import ask_and_tell

    ask_and_tell(desk_of(ctx).tools, transaction_id, insist=now, as_json=as_json)
