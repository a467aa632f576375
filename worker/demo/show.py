"""What a person sees at the end of a run: the ledger, and whether every promise held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from models.check import Lane
from models.transaction import Status
from worker.demo.ledger import Ledger, Pace
from worker.demo.payouts import PayoutFate
from worker.demo.show_all import show_accounts, show_money_out
from worker.demo.tables import francs, ledger_table, or_point
from worker.language import _, number

BUCKETS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
"""Upper ends in seconds; one more row for all above."""

BAR = 36
"""Characters of the longest bar."""

LANES = {Lane.CALLBACK.value: ("callback", "green"), Lane.SWEEP.value: ("sweep", "yellow")}


def show_ledger(ledger: Ledger, console: Console, *, restarts: Mapping[str, int]) -> None:
    """Print the ledger; fits 80 columns and needs no colour to be read."""
    console.print()
    console.print(_fates(ledger))
    show_money_out(ledger, console)
    console.print(_paces(ledger))
    console.print(_picture(ledger))
    show_accounts(ledger, console)
    console.print(_promises(ledger))
    _figures(ledger, console)
    again = ", ".join(f"{name} {times}" for name, times in restarts.items() if times) or _("none")
    figure(console, _("started again"), again)


def show_verdict(ledger: Ledger, console: Console, *, seconds: float) -> None:
    """The last line."""
    verdict = _("every promise held") if ledger.is_clean else _("A PROMISE WAS BROKEN")
    within = _(", in {seconds} s of traffic, faults and recovery.").format(seconds=f"{seconds:.0f}")
    console.print(f"\n[bold]{verdict}[/bold]{within}")


def figure(console: Console, name: str, what: object) -> None:
    """One line below the tables."""
    console.print(f"  {name:<20} {what}", soft_wrap=True)


def complaint(console: Console, name: str, what: str) -> None:
    """The same of something that went wrong."""
    console.print(f"  [red]{name:<20}[/red] {what}", highlight=False)


def _fates(ledger: Ledger) -> Table:
    title = _("Invoices by outcome; the paid ones by what told of them")
    headings = (_("all"), _("callback"), _("sweep"), _("failed"), _("pending"), _("holes"))
    table = ledger_table(title, _("what the customer did"), headings)
    sums = [0] * 6
    for fate, ends in ledger.fates.items():
        if isinstance(fate, PayoutFate):
            continue
        failed = sum(n for how, n in ends.items() if how.startswith((Status.NOTCOMPLETED.value, Status.REFUSED.value)))
        by = [ends[f"{Status.COMPLETED}/{lane}"] for lane in LANES]
        row = [ends.total(), *by, failed, ends[Status.PENDING.value], 0]
        row[5] = row[0] - sum(row[1:5])
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        table.add_row(_(fate.value), *map(or_point, row))
    table.add_section()
    table.add_row(_("all"), *map(or_point, sums), style="bold")
    return table


def _paces(ledger: Ledger) -> Table:
    title = _("From payment to settled, seconds")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    table.add_column(_("learned by"))
    for heading in (_("settled"), "p50", "p95", "p99"):
        table.add_column(heading, justify="right")
    for lane, pace in ledger.paces.items():
        words, colour = LANES.get(lane, (lane, "white"))
        table.add_row(Text(_(words), style=colour), *_pace(pace))
    table.add_row(_("all"), *_pace(Pace.of([wait for waits in ledger.waits.values() for wait in waits])), style="bold")
    return table


def _pace(pace: Pace) -> tuple[str, ...]:
    return (str(pace.count), *(number(seconds, ".2f") for seconds in (pace.p50, pace.p95, pace.p99)))


def _picture(ledger: Ledger) -> Table:
    """One row per span of time, a bar per lane: # learned by callback, = by the sweep."""
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", min_width=10)
    table.add_column()
    rows = [[_in_bucket(ledger.waits.get(lane, ()), i) for lane in LANES] for i in range(len(BUCKETS) + 1)]
    longest = max(1, *(sum(row) for row in rows))
    for i, row in enumerate(rows):
        bar = Text()
        for count, sign, (_lane, colour) in zip(row, "#=", LANES.values(), strict=True):
            bar.append(sign * -(-count * BAR // longest), style=colour)
        bar.append(f" {sum(row)}" if sum(row) else "", style="dim")
        label = f"< {number(BUCKETS[i], 'g')} s" if i < len(BUCKETS) else f">= {number(BUCKETS[-1], 'g')} s"
        table.add_row(label, bar)
    table.add_row("", Text(_("# learned by callback   = learned by the sweep"), style="dim"))
    return table


def _in_bucket(seconds: Sequence[float], index: int) -> int:
    low = BUCKETS[index - 1] if index else 0.0
    high = BUCKETS[index] if index < len(BUCKETS) else float("inf")
    return sum(low <= each < high for each in seconds)


def _promises(ledger: Ledger) -> Table:
    title = _("Promises")
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("")
    table.add_column(_("promise"))
    table.add_column(_("figures"))
    for promise in ledger.promises:
        mark = Text(_("held"), style="green") if promise.held else Text(_("BROKEN"), style="bold red")
        table.add_row(mark, promise.name, promise.figures)
    return table


def _figures(ledger: Ledger, console: Console) -> None:
    cases = ", ".join(f"{_(kind)} {count}" for kind, count in sorted(ledger.open_cases.items())) or _("none")
    if ledger.money_out is None:
        figure(console, _("settled"), francs(ledger.settled_amount))
    else:
        figure(console, _("came in"), francs(ledger.settled_amount))
        figure(console, _("went out"), francs(ledger.money_out.settled))
        doubt = _("{amount} in {count} payouts: a case each, not sent again")
        doubt = doubt.format(amount=francs(ledger.money_out.in_doubt), count=ledger.money_out.unknown)
        figure(console, _("in doubt"), doubt)
    figure(console, _("questions asked"), ledger.questions)
    callbacks = _("{sent} sent, {stored} stored")
    figure(console, _("callbacks"), callbacks.format(sent=ledger.callbacks_sent, stored=ledger.callbacks_stored))
    figure(console, _("duplicates absorbed"), ledger.duplicates_absorbed)
    figure(console, _("forgeries ignored"), ledger.forgeries)
    figure(console, _("cases for a person"), cases)
    if ledger.holes:
        holes = _("{holes}, cut short at their creation; each gets a case")
        figure(console, _("holes"), holes.format(holes=ledger.holes))
    for trouble in ledger.troubles[:5]:
        complaint(console, _("trouble"), trouble)
