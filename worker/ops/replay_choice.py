"""The filters of a plan: from the command line, and back to what somebody would have to type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import typer

from models.callback import Outcome
from models.case import CaseKind
from models.queries.replay.choice import CallbackChoice, Choice, TransactionChoice
from models.transaction import Status
from worker.language import _

OPTIONS = {
    "outcomes": "--outcome",
    "statuses": "--status",
    "failed": "--failed",
    "parked": "--parked",
    "case": "--case",
    "operator": "--operator",
    "since": "--since",
    "until": "--until",
}
MOST_IDS = 5
"""Ids that are repeated to a person; the plan's items are the whole list."""


def choice_of(  # noqa: PLR0913 - a filter each
    *,
    failed: bool,
    outcomes: Sequence[Outcome] | None,
    callbacks: Sequence[int] | None,
    statuses: Sequence[Status] | None,
    parked: bool,
    case: CaseKind | None,
    transactions: Sequence[str] | None,
    operator: str,
    since: timedelta | None,
    until: timedelta | None,
) -> Choice | None:
    """What these options choose; None for none. Refuses what names both kinds, or nothing but a time or an operator."""
    of_callbacks = bool(failed or outcomes or callbacks)
    of_transactions = bool(statuses or parked or case or transactions)
    if of_callbacks and of_transactions:
        raise typer.BadParameter(
            _("a plan is about callbacks (--failed, --outcome, --callback) or transactions (the others), not both")
        )
    if not of_callbacks and not of_transactions:
        if operator or since or until:
            raise typer.BadParameter(
                _("name callbacks (--failed, --outcome, --callback) or transactions (--status, --parked, --case)")
            )
        return None
    if since is not None and until is not None and until >= since:
        raise typer.BadParameter(_("--since must reach further back than --until"))
    if of_callbacks:
        return CallbackChoice(
            failed=failed,
            outcomes=tuple(outcomes or ()),
            ids=tuple(sorted(set(callbacks or ()))),
            operator=operator,
            since=since,
            until=until,
        )
    return TransactionChoice(
        statuses=tuple(statuses or ()),
        parked=parked,
        case=case,
        ids=tuple(dict.fromkeys(transactions or ())),
        operator=operator,
        since=since,
        until=until,
    )


def as_options(filters: Mapping[str, str]) -> str:
    """The same filters as somebody would type them."""
    words = []
    for name, option in OPTIONS.items():
        for value in filters.get(name, "").splitlines():
            shown = _length(float(value)) if name in ("since", "until") else value
            words.append(option if name in ("failed", "parked") else f"{option} {shown}")
    ids = filters.get("ids", "").splitlines()
    option = "--callback" if filters.get("what") == "callbacks" else "--transaction"
    words += [f"{option} {one}" for one in ids[:MOST_IDS]]
    if len(ids) > MOST_IDS:
        words.append(f"... ({len(ids):,})")
    return " ".join(words)


def _length(seconds: float) -> str:
    """As `--since` takes it: 2h."""
    whole = int(seconds)
    for size, letter in ((86_400, "d"), (3600, "h"), (60, "m")):
        if whole % size == 0:
            return f"{whole // size}{letter}"
    return f"{whole}s"
