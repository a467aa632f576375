"""Lists for a person: one table per page, and a line on how to go on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich import box
from rich.table import Table
from rich.text import Text

from models.callback import Outcome
from models.queries.browse import CallbackLine, InvoiceLine, Page, Paging, PayoutLine, T
from models.transaction import Status
from worker.language import _, number
from worker.ops.sentences import told
from worker.ops.shown import brief_stamp, console, safe, short

STYLES: dict[str, str] = {
    Status.COMPLETED.value: "green",
    Status.NOTCOMPLETED.value: "red",
    Status.REFUSED.value: "red",
    Status.PENDING.value: "yellow",
    Status.CREATED.value: "yellow",
    Outcome.MATCHED.value: "green",
    Outcome.UNMATCHED.value: "yellow",
    Outcome.RECEIVED.value: "yellow",
    Outcome.ORPHAN.value: "red",
    Outcome.UNREADABLE.value: "red",
}


def word(text: str) -> Text:
    """A status or an outcome, in its colour where there are colours."""
    return Text(_(text), style=STYLES.get(text, ""))


def print_invoices(page: Page[InvoiceLine], paging: Paging) -> None:
    """One page of invoices."""
    if not page.items:
        print_none(paging, none=_("no invoices"), behind=_("no invoices after {after}"))
        return
    table = _table(("id", "right"), ("transaction_id", "left"), ("XOF", "right"), (_("status"), "left"))
    table.add_column(_("created UTC"), no_wrap=True)
    table.add_column(_("next"), overflow="fold")
    now = datetime.now(UTC)
    for line in page.items:
        table.add_row(
            str(line.id),
            safe(line.transaction_id),
            number(line.amount),
            word(line.status.value),
            brief_stamp(line.created_at, now=now, seconds=False),
            _next(line, now=now),
        )
    console().print(table)
    _print_next(page, paging)


def print_payouts(page: Page[PayoutLine], paging: Paging) -> None:
    """One page of payouts."""
    if not page.items:
        print_none(paging, none=_("no payouts"), behind=_("no payouts after {after}"))
        return
    table = _table(("id", "right"), ("transaction_id", "left"), ("XOF", "right"), (_("to"), "left"))
    table.add_column(_("status"), overflow="fold")
    table.add_column(_("created UTC"), no_wrap=True)
    table.add_column(_("next"), overflow="fold")
    now = datetime.now(UTC)
    for line in page.items:
        table.add_row(
            str(line.id),
            safe(line.transaction_id),
            number(line.amount),
            safe(line.customer),
            word(line.status.value),
            brief_stamp(line.created_at, now=now, seconds=False),
            _next(line, now=now),
        )
    console().print(table)
    _print_next(page, paging)


def print_callbacks(page: Page[CallbackLine], paging: Paging) -> None:
    """One page of callbacks."""
    if not page.items:
        print_none(paging, none=_("no callbacks"), behind=_("no callbacks after {after}"))
        return
    table = _table(("id", "right"), (_("received UTC"), "left"), (_("outcome"), "left"), (_("about"), "left"))
    table.add_column(_("note"), overflow="fold")
    now = datetime.now(UTC)
    for line in page.items:
        table.add_row(
            str(line.id),
            brief_stamp(line.received_at, now=now),
            word(line.outcome.value),
            safe(line.transaction_id or ""),
            told(safe(line.note)),
        )
    console().print(table)
    _print_next(page, paging)


def narrow_table() -> Table:
    """A table that leaves as much of 80 columns as it can to what stands in it."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))


def _table(*columns: tuple[str, str]) -> Table:
    table = narrow_table()
    for heading, justify in columns:
        # Ids may be long: they are broken over lines and never cut, so that they can be copied.
        table.add_column(heading, justify="right" if justify == "right" else "left", overflow="fold")
    return table


def _next(line: InvoiceLine, *, now: datetime) -> str:
    """What happens next about an invoice, in few words, a line each."""
    words = [_("case: {kind}").format(kind=_(case.value)) for case in line.open_cases]
    if line.next_check_at is not None:
        wait = line.next_check_at - now
        words.insert(0, _("in {wait}").format(wait=short(wait)) if wait > timedelta(0) else _("is due"))
    elif line.parked_at is not None:
        words.insert(0, _("parked"))
    return "\n".join(words)


def print_none(paging: Paging, *, none: str, behind: str) -> None:
    """A page without anything on it."""
    console().print(none if paging.after is None else behind.format(after=paging.after))


def _print_next(page: Page[T], paging: Paging) -> None:
    if page.next is not None:
        direction = " --oldest-first" if paging.oldest_first else ""
        console().print("\n" + _("more: {options}").format(options=f"--after {page.next}{direction}"))


def print_lines(lines: Sequence[str | Text]) -> None:
    """Plain lines, broken by the terminal alone: what is copied from them is whole."""
    out = console()
    for line in lines:
        out.print(line, soft_wrap=True)
