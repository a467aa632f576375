"""What a person sees of a chaos run: the schedule before, the account after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from worker.chaos.account import Account
from worker.chaos.schedule import Kind, Strike
from worker.demo.show import complaint, figure, show_ledger, show_verdict
from worker.language import _, number

VIOLATIONS = 20
"""Violations that are printed; the others are counted."""


def show_schedule(schedule: Sequence[Strike], console: Console) -> None:
    """One line for each strike."""
    for strike in schedule:
        console.print(f"  {number(strike.at, '6.1f')} s  {strike.words}", highlight=False)
    sum_up = _("{strikes} strikes of {kinds} kinds")
    kinds = len({strike.kind for strike in schedule})
    console.print("\n  " + sum_up.format(strikes=len(schedule), kinds=kinds), highlight=False)


def show_account(account: Account, console: Console) -> None:
    """Print it; fits 80 columns and needs no colour to be read."""
    console.print()
    console.print(_strikes(account.toll.struck))
    show_ledger(account.ledger, console, restarts=account.restarts)
    _callbacks(account, console)
    for violation in account.violations[:VIOLATIONS]:
        console.print(f"  [red]{violation}[/red]", highlight=False, soft_wrap=True)
    if len(account.violations) > VIOLATIONS:
        more = _("and {count} more").format(count=len(account.violations) - VIOLATIONS)
        console.print(f"  [red]{more}[/red]", highlight=False)
    for trouble in account.toll.troubles:
        complaint(console, _("not struck"), trouble)
    show_verdict(account.ledger, console, seconds=account.seconds)


def _strikes(struck: Counter[Kind]) -> Table:
    title = _("What struck, and how often")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column(_("strike"))
    table.add_column(_("hit"), justify="right")
    for kind in Kind:
        if kind in struck:
            table.add_row(_(kind.value), str(struck[kind]))
    table.add_section()
    table.add_row(_("all"), str(struck.total()), style="bold")
    return table


def _callbacks(account: Account, console: Console) -> None:
    ledger, toll = account.ledger, account.toll
    turned_away = _("{refused} refused, {unanswered} unanswered")
    turned_away = turned_away.format(refused=ledger.callbacks_refused, unanswered=ledger.callbacks_unanswered)
    figure(console, _("of the callbacks"), turned_away)
    figure(console, _("by way of the spool"), toll.spooled)
