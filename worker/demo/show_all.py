"""What a person sees of a run of everything, beside the ledger of what came in: money that went out, and each account."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from models.check import Lane
from models.transaction import Status
from worker.demo.ledger import Ledger
from worker.demo.payouts import PayoutFate
from worker.demo.tables import ledger_table, or_point
from worker.language import _, number

LANES = (Lane.CALLBACK, Lane.SWEEP)


def show_money_out(ledger: Ledger, console: Console) -> None:
    """Payouts apart from what came in; nothing where the story has none."""
    if ledger.money_out is None:
        return
    headings = (_("all"), _("callback"), _("sweep"), _("failed"), _("refused"), _("in doubt"))
    table = ledger_table(_("Payouts by outcome; those paid out by what told of them"), _("what became of it"), headings)
    sums = [0] * len(headings)
    for fate, ends in ledger.fates.items():
        if isinstance(fate, PayoutFate):
            row = _row(ends)
            sums = [a + b for a, b in zip(sums, row, strict=True)]
            table.add_row(_(fate.value), *map(or_point, row))
    table.add_section()
    table.add_row(_("all"), *map(or_point, sums), style="bold")
    console.print(table)


def _row(ends: Counter[str]) -> list[int]:
    paid = [ends[f"{Status.COMPLETED}/{lane}"] for lane in LANES]
    failed = sum(count for how, count in ends.items() if how.startswith(Status.NOTCOMPLETED.value))
    return [ends.total(), *paid, failed, ends[Status.REFUSED.value], ends[Status.CREATED.value]]


def show_accounts(ledger: Ledger, console: Console) -> None:
    """One line for each account; nothing where there is one."""
    if ledger.accounts:
        console.print(_accounts(ledger))


def _accounts(ledger: Ledger) -> Table:
    headings = (_("invoices"), _("XOF in"), _("payouts"), _("XOF out"), _("questions"))
    table = ledger_table(_("By account"), _("account"), headings)
    for one in ledger.accounts:
        money = (number(amount) for amount in (one.came_in, one.went_out))
        came_in, went_out = money
        table.add_row(one.account, str(one.payins), came_in, str(one.payouts), went_out, str(one.questions))
    return table
