"""Accounts, shown: a line for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from models.queries.accounts import AccountLoad
from tasks.toolbox import Account, BreakerState
from worker.language import _, number
from worker.ops.shown import console, safe
from worker.ops.tables import narrow_table


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLine:
    """One account. What is not known of one that is not set up here is None."""

    account: str
    is_set_up: bool
    keys: str | None
    rate: float | None
    callback_url: str | None
    operators: tuple[str, ...] | None
    breaker: BreakerState | None
    asked_about: int
    """Transactions with a date of their next question."""
    overdue: int


def lines_of(accounts: Sequence[Account], waiting: Sequence[AccountLoad]) -> list[AccountLine]:
    """Those that are set up, in their order, then those that only the books know."""
    by_name = {load.account: load for load in waiting}
    lines = [_line(account.name, account, by_name.pop(account.name, None)) for account in accounts]
    return [*lines, *(_line(name, None, load) for name, load in by_name.items())]


def _line(name: str, account: Account | None, load: AccountLoad | None) -> AccountLine:
    return AccountLine(
        account=name,
        is_set_up=account is not None,
        keys=account.keys if account else None,
        rate=account.rate if account else None,
        callback_url=account.shop.callback_url if account else None,
        operators=tuple(account.operators) if account else None,
        breaker=account.breaker.view().state if account else None,
        asked_about=load.asked_about if load else 0,
        overdue=load.overdue if load else 0,
    )


def print_accounts(lines: Sequence[AccountLine], faults: Sequence[str]) -> None:
    """For a person."""
    table = narrow_table()
    table.add_column(_("account"), overflow="fold")
    table.add_column(_("breaker"), no_wrap=True)
    table.add_column(_("per s"), justify="right", no_wrap=True)
    table.add_column(_("open"), justify="right", no_wrap=True)
    table.add_column(_("overdue"), justify="right", no_wrap=True)
    table.add_column(_("keys"), no_wrap=True)
    table.add_column(_("callbacks"), overflow="fold")
    for line in lines:
        table.add_row(
            safe(line.account),
            _state(line),
            number(line.rate, ",g") if line.rate is not None else "",
            number(line.asked_about),
            number(line.overdue),
            line.keys or "",
            safe(line.callback_url or ""),
        )
    out = console()
    out.print(table)
    for fault in faults:
        told = _("not read: {fault}; those read before are used").format(fault=safe(fault))
        out.print(Text(told, style="bold red"))


def _state(line: AccountLine) -> Text:
    if line.breaker is None:
        return Text(_("not set up"), style="bold red")
    return Text(_(line.breaker.value), style="green" if line.breaker is BreakerState.CLOSED else "red")
