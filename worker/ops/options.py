"""Options that more than one command has."""

from __future__ import annotations

from typing import Annotated

import typer

BIGGEST_ID = 2**63 - 1
"""Ids are PostgreSQL's bigint."""

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows of one page.")]
AfterOption = Annotated[
    int | None,
    typer.Option(
        "--after", metavar="ID", min=0, max=BIGGEST_ID, show_default=False, help="Go on behind this id: the next page."
    ),
]
OldestOption = Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest instead of the newest.")]
TransactionArgument = Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="Your own id of the invoice.")]
