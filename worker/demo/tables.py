"""The form of the ledger's tables: 80 columns, whole numbers, nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table

from models.order import CURRENCY
from worker.language import number


def ledger_table(title: str, first: str, headings: Sequence[str]) -> Table:
    """A table with words in its first column and numbers in the others."""
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def or_point(count: int) -> str:
    """The number; a point for none."""
    return str(count) if count else "."


def francs(amount: int) -> str:
    """Whole francs, grouped as the reader's language does."""
    return f"{number(amount)} {CURRENCY}"
