"""Options that more than one command has."""

from __future__ import annotations

import getpass
import re
from datetime import timedelta
from typing import Annotated

import typer

from worker.language import _

BIGGEST_ID = 2**63 - 1
"""Ids are PostgreSQL's bigint."""

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def duration(written: str) -> timedelta:
    """`90s`, `15m`, `2h` or `1d`."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", written)
    if found is None:
        raise typer.BadParameter(_("a number with its unit is needed: 90s, 15m, 2h or 1d"))
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def login_name() -> str:
    """Who is at the keyboard, as far as the system knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's bare user number has no name
        return "unknown"


JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LimitOption = Annotated[int, typer.Option("--limit", min=1, max=1000, help="Rows of one page.")]
AfterOption = Annotated[
    int | None,
    typer.Option(
        "--after", metavar="ID", min=0, max=BIGGEST_ID, show_default=False, help="Go on behind this id: the next page."
    ),
]
OldestOption = Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest instead of the newest.")]
AccountOption = Annotated[
    str, typer.Option("--account", metavar="NAME", help="Which LigdiCash project; see `reconciler accounts`.")
]
TransactionArgument = Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="Your own id of the invoice.")]
PaymentArgument = Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="Your own id of the invoice or payout.")]
NowOption = Annotated[
    bool, typer.Option("--now", help="Insist: wait until it may be asked about, instead of saying why not.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, for whoever reads the books later.", show_default=False)
]
AuthorOption = Annotated[
    str,
    typer.Option(
        "--by", metavar="NAME", help="Who answers for it.", default_factory=login_name, show_default="login name"
    ),
]
