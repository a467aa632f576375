"""`reconciler payouts send`: the payouts of a CSV file, checked as a whole and then sent, each once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.account import DEFAULT
from models.queries.cases import Signature
from models.transaction import Route
from worker.language import _
from worker.ops.desk import desk_of
from worker.ops.options import AccountOption, AuthorOption, JsonOption, ReasonOption

FileArgument = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        readable=True,
        help="CSV with a heading: transaction_id, customer, amount, and where wanted route, top_up_wallet, description.",
    ),
]


def send(  # noqa: PLR0913 - an option each
    ctx: typer.Context,
    file: FileArgument,
    *,
    reason: ReasonOption,
    author: AuthorOption,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file and say what would be sent.")] = False,
    route: Annotated[
        Route | None, typer.Option("--route", help="The way where the file names none.", show_default=False)
    ] = None,
    top_up_wallet: Annotated[
        int | None,
        typer.Option(
            "--top-up-wallet",
            min=0,
            max=1,
            help="On the route wallet, where the file does not say: 1 stays there, 0 goes on to mobile money.",
            show_default=False,
        ),
    ] = None,
    account: AccountOption = DEFAULT,
    rate: Annotated[float, typer.Option("--rate", min=0.01, max=200, help="Payouts a second, at most.")] = 2,
    as_json: JsonOption = False,
) -> None:
    """Send the payouts of a file, each once. The same command again goes on where it stopped.

    The file is checked as a whole first: with a fault in it, nothing is sent.
    """
    from worker.ops.bulk import view
    from worker.ops.bulk.sending import Sending, until_interrupted, why_sending_is_off
    from worker.ops.bulk.sheet import Rules, read_sheet
    from worker.ops.bulk.standing import stand
    from worker.ops.replay_watch import INTERRUPTED

    if not reason.strip() or not author.strip():
        raise typer.BadParameter(_("say why, with --reason TEXT"))
    tools = desk_of(ctx).tools
    operators = tools.account(account).operators
    stays = None if top_up_wallet is None else top_up_wallet == 1
    sheet = read_sheet(file.read_bytes(), Rules(route=route, stays_in_wallet=stays, operators=operators))
    lines = stand(tools, sheet, account=account)
    if sheet.faults:
        view.print_faults(sorted(sheet.faults), as_json=as_json)
        raise typer.Exit(1)
    if route is Route.MOBILE_MONEY and stays is not None and all(one.row.order.route is route for one in lines):
        raise typer.BadParameter(_("nothing in the file goes to a wallet: leave --top-up-wallet out"))
    if dry_run:
        view.print_preview(lines, operators=list(operators), halted=why_sending_is_off(tools), as_json=as_json)
        return
    by = Signature(author=author.strip(), reason=reason.strip())
    with until_interrupted() as stop, view.followed() as told:
        tally = Sending(tools, by=by, account=account, told=told).run(lines, rate=rate, stop=stop)
    view.print_totals(tools, tally, as_json=as_json)
    if not tally.is_clean:
        raise typer.Exit(INTERRUPTED if tally.interrupted else 1)
