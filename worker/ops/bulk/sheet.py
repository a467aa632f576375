"""Read a CSV of payouts into orders, and tell every fault of it with its line and its column. Knows no books.

Sentences are English here, as everywhere below what is shown; `FAULTS` are their patterns.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from models.errors import Invalid
from models.order import check_transaction_id
from models.payout import PayoutOrder, check_payout_amount, check_reach
from models.phone import gateway_form
from models.transaction import Route
from worker.language import N_

NEEDED = ("transaction_id", "customer", "amount")
COLUMNS = (*NEEDED, "route", "top_up_wallet", "description")
SEPARATORS = (",", ";", "\t")
"""In some countries, the French-speaking ones among them, spreadsheets write a semicolon."""

LONGEST_TEXT = 1000
"""Characters of a description, as at the HTTP door."""

MOST_DIGITS = 12
"""Of an amount: far over what any rule allows, and keeps numbers of thousands of digits out of the sentences."""

FAULTS = (
    N_("the file is not text in UTF-8: save it as CSV UTF-8"),
    N_("the file is empty"),
    N_("there is no order below the heading"),
    N_("the column is missing"),
    N_("column {place} of the heading has no name; take it out, with what stands below it"),
    N_("the column is there twice"),
    N_("no column has this name; take it out. There are: {named}"),
    N_("the line has {count} cells, and the heading has {wanted}"),
    N_("a quotation mark is not closed, or stands where none may be"),
    N_("must be whole francs, in digits alone, not {text}"),
    N_("must be wallet or mobile_money, not {text}"),
    N_("is empty, and no --route says which one"),
    N_("must be 1 (the money stays in the wallet) or 0 (it goes on to mobile money), not {text}"),
    N_("is empty, and no --top-up-wallet says which one"),
    N_("must be empty on the route mobile_money"),
    N_("must be readable text of at most {most} characters"),
    N_("is there already, on line {line}"),
    N_("is in the books with another order"),
    N_("is in the books as an invoice"),
    N_("is in the books under the account {account}"),
)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """What is wrong in one cell; `column` is empty where it is about the whole line."""

    line: int
    column: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One order, and the line on which it begins."""

    line: int
    order: PayoutOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for all lines: what is meant where a cell is empty, and the project's operators (none: not known)."""

    route: Route | None = None
    stays_in_wallet: bool | None = None
    operators: Collection[str] = ()


@dataclass(slots=True)
class Sheet:
    """What a file says. With a fault in it, `rows` are not to be sent."""

    rows: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def blame(self, line: int, column: str, what: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(line=line, column=column, what=what))


def read_sheet(raw: bytes, rules: Rules) -> Sheet:
    """Read the whole file. Never raises: whatever is wrong is a fault."""
    sheet = Sheet()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        sheet.blame(raw.count(b"\n", 0, exc.start) + 1, "", "the file is not text in UTF-8: save it as CSV UTF-8")
        return sheet
    if "\0" in text:  # UTF-16 without its mark looks so
        sheet.blame(1, "", "the file is not text in UTF-8: save it as CSV UTF-8")
        return sheet
    _read(text, rules, sheet)
    return sheet


def _read(text: str, rules: Rules, sheet: Sheet) -> None:
    lines = _lines(text, sheet)
    line, heading = next(lines, (1, []))
    if not heading:
        if not sheet.faults:
            sheet.blame(1, "", "the file is empty")
        return
    names = [name.strip().lower() for name in heading]
    if not _is_heading(names, line, sheet):
        return
    first: dict[str, int] = {}
    has_lines = False
    for line, cells in lines:
        has_lines = True
        if len(cells) != len(names):
            sheet.blame(line, "", f"the line has {len(cells)} cells, and the heading has {len(names)}")
            continue
        row = dict(zip(names, cells, strict=True))
        order = _Cells(row, line, rules=rules, sheet=sheet).order()
        ours = row["transaction_id"]
        if ours and first.setdefault(ours, line) != line:
            sheet.blame(line, "transaction_id", f"is there already, on line {first[ours]}")
        elif order is not None:
            sheet.rows.append(Row(line=line, order=order))
    if not has_lines and not sheet.faults:
        sheet.blame(line, "", "there is no order below the heading")


def _lines(text: str, sheet: Sheet) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of the line it begins on; blank ones are left out."""
    heading = next((one for one in text.splitlines() if one.strip()), "")
    separator = max(SEPARATORS, key=heading.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error:
        sheet.blame(begins, "", "a quotation mark is not closed, or stands where none may be")


def _is_heading(names: Sequence[str], line: int, sheet: Sheet) -> bool:
    for name, times in Counter(names).items():
        if not name:  # spreadsheets leave such ones behind: "a;b;;"
            place = names.index(name) + 1
            sheet.blame(line, "", f"column {place} of the heading has no name; take it out, with what stands below it")
        elif name not in COLUMNS:
            # A misspelt route would be the default one, and the money would go another way.
            sheet.blame(line, name, f"no column has this name; take it out. There are: {', '.join(COLUMNS)}")
        elif times > 1:
            sheet.blame(line, name, "the column is there twice")
    for name in NEEDED:
        if name not in names:
            sheet.blame(line, name, "the column is missing")
    return not sheet.faults


class _Cells:
    """The cells of one line, each read by itself, so that every fault of the line is told."""

    def __init__(self, cells: dict[str, str], line: int, *, rules: Rules, sheet: Sheet) -> None:
        self._cells = cells
        self._line = line
        self._rules = rules
        self._sheet = sheet

    def order(self) -> PayoutOrder | None:
        """The order; None when something is wrong."""
        before = len(self._sheet.faults)
        ours = self._cells["transaction_id"]
        self._check("transaction_id", lambda: check_transaction_id(ours))
        route = self._route()
        stays = self._stays(route)
        amount = self._amount(route)
        customer = self._customer(route)
        description = self._cells.get("description", "")
        if len(description) > LONGEST_TEXT or not description.isprintable():
            self._blame("description", f"must be readable text of at most {LONGEST_TEXT} characters")
        if len(self._sheet.faults) > before or route is None:
            return None
        return PayoutOrder(
            transaction_id=ours,
            amount=amount,
            route=route,
            customer=customer,
            stays_in_wallet=stays,
            description=description,
        )

    def _route(self) -> Route | None:
        written = self._trimmed("route")
        if not written:
            if self._rules.route is None:
                self._blame("route", "is empty, and no --route says which one")
            return self._rules.route
        if written not in set(Route):
            self._blame("route", f"must be wallet or mobile_money, not {written!r}")
            return None
        return Route(written)

    def _stays(self, route: Route | None) -> bool | None:
        written = self._trimmed("top_up_wallet")
        if route is Route.MOBILE_MONEY:
            if written:
                self._blame("top_up_wallet", "must be empty on the route mobile_money")
            return None
        if written not in ("", "0", "1"):
            self._blame(
                "top_up_wallet",
                f"must be 1 (the money stays in the wallet) or 0 (it goes on to mobile money), not {written!r}",
            )
        elif not written and route is Route.WALLET and self._rules.stays_in_wallet is None:
            self._blame("top_up_wallet", "is empty, and no --top-up-wallet says which one")
        return written == "1" if written else self._rules.stays_in_wallet

    def _amount(self, route: Route | None) -> int:
        written = self._trimmed("amount")
        if not (written.isascii() and written.isdecimal()) or len(written) > MOST_DIGITS:
            self._blame("amount", f"must be whole francs, in digits alone, not {written[:40]!r}")
            return 0
        amount = int(written)
        if route is not None:
            self._check("amount", lambda: check_payout_amount(amount, route))
        return amount

    def _customer(self, route: Route | None) -> str:
        try:
            customer = gateway_form(self._trimmed("customer"))
        except Invalid as exc:
            self._blame("customer", str(exc))
            return ""
        if route is not None:
            self._check("customer", lambda: check_reach(customer, route, operators=self._rules.operators))
        return customer

    def _trimmed(self, column: str) -> str:
        return self._cells.get(column, "").strip()

    def _check(self, column: str, rule: Callable[[], None]) -> None:
        try:
            rule()
        except Invalid as exc:
            self._blame(column, str(exc))

    def _blame(self, column: str, what: str) -> None:
        self._sheet.blame(self._line, column, what)
