"""The options of `reconciler replay`: the filters of a plan, and how it is drafted and run."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from models.callback import Outcome
from models.case import CaseKind
from models.transaction import Status
from worker.ops.options import BIGGEST_ID, duration

PlanArgument = Annotated[
    int, typer.Argument(metavar="PLAN", min=1, max=BIGGEST_ID, help="Id of the plan, as `replay list` shows it.")
]

FailedOption = Annotated[
    bool, typer.Option("--failed", help="Callbacks nobody could use: unmatched, orphan, unreadable, never read.")
]
OutcomesOption = Annotated[
    list[Outcome] | None, typer.Option(help="Callbacks of this outcome; may be repeated.", show_default=False)
]
CallbacksOption = Annotated[
    list[int] | None,
    typer.Option(metavar="ID", min=1, max=BIGGEST_ID, help="This callback; may be repeated.", show_default=False),
]
StatusesOption = Annotated[
    list[Status] | None, typer.Option(help="Transactions of this status; may be repeated.", show_default=False)
]
ParkedOption = Annotated[bool, typer.Option("--parked", help="Transactions that are not asked about any more.")]
CaseOption = Annotated[
    CaseKind | None, typer.Option(help="Transactions with an open case of this kind.", show_default=False)
]
TransactionsOption = Annotated[
    list[str] | None,
    typer.Option(metavar="TRANSACTION_ID", help="This transaction; may be repeated.", show_default=False),
]
OperatorOption = Annotated[str, typer.Option(metavar="ID", help="Of this operator, by id or name.")]
SinceOption = Annotated[
    timedelta | None,
    typer.Option(parser=duration, metavar="AGE", help="No older than this: 90s, 15m, 2h, 1d.", show_default=False),
]
UntilOption = Annotated[
    timedelta | None, typer.Option(parser=duration, metavar="AGE", help="At least this old.", show_default=False)
]

AskOption = Annotated[
    bool, typer.Option("--ask", help="Ask the gateway what would happen. Nothing moves, nothing is recorded.")
]
ExpiresOption = Annotated[
    timedelta | None,
    typer.Option(parser=duration, metavar="LENGTH", help="For how long it may be run.", show_default="1d"),
]
ResumeOption = Annotated[
    int | None,
    typer.Option(
        metavar="PLAN", min=1, max=BIGGEST_ID, help="Finish a plan whose drafting was cut short.", show_default=False
    ),
]

WhyOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why it is run. Required to start it.", show_default=False)
]
HashOption = Annotated[
    str, typer.Option("--hash", metavar="PREFIX", help="Run it only with this hash, as reviewed.", show_default=False)
]
HereOption = Annotated[bool, typer.Option("--here", help="Work it in this process, without a worker.")]
ItemsOption = Annotated[bool, typer.Option("--items", help="Show every item, page by page, not only what differs.")]
