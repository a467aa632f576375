"""A report for a person and for a machine: a table on the screen, a document, CSV, XLSX or a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from models.queries.report import Settled
from models.report import Amount, By, Group, Report
from models.statement import Direction
from worker.language import N_, _, ngettext, number
from worker.ops.files import Cell, Table, write_csv, write_xlsx, written
from worker.ops.shown import console, francs, safe, stamp
from worker.ops.tables import narrow_table

IN, OUT = Direction.IN, Direction.OUT
CURRENCY = "XOF"

ROUTES = (N_("payout mobile_money"), N_("payout wallet"))
"""What stands in the place of a mode for money that went out."""

COLUMNS = (
    "first_day", "last_day", "by", "group",
    "in_count", "in_francs", "out_count", "out_francs",
    "in_by_hand_count", "in_by_hand_francs", "out_by_hand_count", "out_by_hand_francs",
)  # fmt: skip
"""Of the CSV: their names stay, whatever language is spoken."""

EACH = (
    "settled_at", "transaction_id", "direction", "account", "mode", "operator_id", "operator_name", "gateway_id",
    "francs", "by_hand", "created_at",
)  # fmt: skip


def heading(by: By) -> str:
    """What the groups are."""
    names = {
        By.OPERATOR: _("operator"),
        By.DAY: _("day UTC"),
        By.ACCOUNT: _("account"),
        By.MODE: _("mode"),
        By.DIRECTION: _("direction"),
    }
    return names[by]


def group_name(group: Group, by: By) -> str:
    """One group for a person."""
    if not group.key:
        return _("not told by the gateway")
    if by is By.DIRECTION:
        return _("money out") if group.key == OUT.value else _("money in")
    return safe(_(group.key) if by is By.MODE else group.key)


def title(report: Report) -> str:
    """What it is about."""
    days = report.days
    one_day = days.first == days.last
    told = _("Settled on {period}, UTC{of}") if one_day else _("Settled from {first} to {last}, UTC{of}")
    of = "" if report.account is None else _(", account {account}").format(account=safe(report.account))
    return told.format(period=days.first, first=days.first, last=days.last, of=of)


def print_report(report: Report) -> None:
    """On the screen."""
    out = console()
    out.print(title(report), soft_wrap=True)
    out.print()
    if not report.settlements.count:
        out.print(_("nothing was settled"))
    else:
        out.print(_table(report))
        out.print()
    for line in footer(report):
        out.print(line, soft_wrap=False)


def shown_columns(report: Report) -> list[tuple[str, Direction, bool]]:
    """Heading, direction, and whether it is what was settled by hand; ways on which nothing moved are left out."""
    total = report.total
    columns = []
    for way, money, hand in ((IN, _("XOF in"), _("by hand in")), (OUT, _("XOF out"), _("by hand out"))):
        if total.money[way].count or way is IN:
            columns.append((money, way, False))
        if total.by_hand[way].count:
            columns.append((hand, way, True))
    return columns


def cells(group: Group, columns: list[tuple[str, Direction, bool]]) -> list[tuple[str, str]]:
    """Count and francs of each column, for a person."""
    amounts = [(group.by_hand if by_hand else group.money)[way] for _heading, way, by_hand in columns]
    return [(number(one.count), number(one.francs)) if one.count else ("", "") for one in amounts]


def _table(report: Report) -> object:
    table = narrow_table()
    columns = shown_columns(report)
    table.add_column(heading(report.by), overflow="fold")
    for name, _way, _by_hand in columns:
        table.add_column("")
        table.columns[-1].justify = "right"
        table.add_column(name, justify="right", no_wrap=True)
    for group in report.groups:
        table.add_row(group_name(group, report.by), *(cell for pair in cells(group, columns) for cell in pair))
    table.add_section()
    table.add_row(_("all"), *(cell for pair in cells(report.total, columns) for cell in pair))
    return table


def footer(report: Report) -> list[str]:
    """What the figures mean, and whether they add up."""
    read = _("Read at {at} UTC.") if report.is_over else _("Read at {at} UTC; the period is not over.")
    read = read.format(at=stamp(report.read_at))
    if not report.settlements.count:
        return [read]
    lines = [_("What counts is the moment of settling here.")]
    if any(amount.count for amount in report.total.by_hand.values()):
        lines.append(_("By hand is part of the sums beside it: a person answers for it."))
    fees = _(
        "Fees are not in these figures: no answer of LigdiCash names one. `reconciler reconcile` adds up a statement's."
    )
    return [*lines, fees, read, checked(report) if report.is_sound else unsound(report)]


def checked(report: Report) -> str:
    """That it adds up."""
    said = ngettext(
        "Checked: the groups come to what {count} settlement does, {amount}, in one reading of the books.",
        "Checked: the groups come to what {count} settlements do, {amount}, in one reading of the books.",
        report.settlements.count,
    )
    return said.format(count=number(report.settlements.count), amount=francs(report.settlements.francs))


def unsound(report: Report) -> str:
    """That it does not."""
    off = report.unaccounted
    what = ngettext(
        "{count} settlement over {amount} is in the books and in no group.",
        "{count} settlements over {amount} are in the books and in no group.",
        off.count,
    ).format(count=number(off.count), amount=francs(off.francs))
    return _("Does not add up: {what} Run `reconciler fsck`, and use none of these figures.").format(what=what)


def report_document(report: Report) -> dict[str, object]:
    """For a machine."""
    return {
        "first_day": report.days.first.isoformat(),
        "last_day": report.days.last.isoformat(),
        "account": report.account,
        "by": report.by.value,
        "currency": CURRENCY,
        "groups": [{"group": group.key, **_amounts(group)} for group in report.groups],
        "total": _amounts(report.total),
        "settlements": _amount(report.settlements),
        "fees": None,
        "adds_up": report.is_sound,
        "is_over": report.is_over,
        "read_at": report.read_at,
    }


def _amounts(group: Group) -> dict[str, dict[str, int]]:
    ways = {way.value: _amount(group.money[way]) for way in Direction}
    return ways | {f"{way.value}_by_hand": _amount(group.by_hand[way]) for way in Direction}


def _amount(amount: Amount) -> dict[str, int]:
    return {"count": amount.count, "francs": amount.francs}


def write_report(report: Report, each: Iterator[Settled] | None, *, form: str, output: Path | None) -> None:
    """Write it as a file, or to stdout; with `each`, every settlement too."""
    with written(output, suffix=f".{form}") as path:
        if form == "html":
            from worker.ops.report.page import write_page

            write_page(path, report)
            return
        groups = Table(name="report", columns=COLUMNS, rows=_group_rows(report, with_total=form == "xlsx"))
        lines = None if each is None else Table(name="settlements", columns=EACH, rows=map(_row, each))
        if form == "csv":
            write_csv(path, lines or groups)
        else:
            write_xlsx(path, [groups, lines] if lines else [groups])


def _group_rows(report: Report, *, with_total: bool) -> Iterator[list[Cell]]:
    """Those of a CSV are groups alone, so that nobody adds up a total with what it is the total of."""
    for group in report.groups:
        yield _group_row(report, group, "day" if report.by is By.DAY else "text")
    if with_total:
        total = report.total
        total.key = "TOTAL"
        yield _group_row(report, total, "text")


def _group_row(report: Report, group: Group, kind: str) -> list[Cell]:
    key: Cell = date.fromisoformat(group.key) if kind == "day" else group.key
    amounts = [group.money[IN], group.money[OUT], group.by_hand[IN], group.by_hand[OUT]]
    figures = [figure for one in amounts for figure in (one.count, one.francs)]
    return [report.days.first, report.days.last, report.by.value, key, *figures]


def _row(one: Settled) -> list[Cell]:
    return [
        one.settled_at,
        one.transaction_id,
        one.direction.value,
        one.account,
        one.mode,
        one.operator_id,
        one.operator_name,
        one.gateway_id,
        one.amount,
        one.by_hand,
        one.created_at,
    ]
