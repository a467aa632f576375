"""What came of ending and deciding cases, told to a person and to a machine."""

from __future__ import annotations

from collections.abc import Callable

import typer

from models.queries.cases import CaseFacts, OldOnes
from models.transaction import Status
from worker.language import _, ngettext
from worker.ops.case_actions import commands_for
from worker.ops.deciding import Decision, End
from worker.ops.shown import francs, safe, short, stamp
from worker.ops.switch_view import describe as describe_stop
from worker.ops.timeline import describe


def print_decision(decision: Decision) -> None:
    """A line for the answer, if one was asked for, and a line for the case."""
    if decision.check is not None:
        typer.echo(_("the gateway says: {answer}").format(answer=describe(decision.check)))
    elif decision.unasked and decision.end is not End.FAILED:
        typer.echo(safe(_("not asked: {why}").format(why=decision.unasked)))
    typer.echo(safe(_("case {id}: {outcome}").format(id=decision.case.id, outcome=outcome_of(decision))))
    if decision.stop and decision.end is End.OVERRIDDEN:
        told = _("{stop}. That holds back the gateway's answers, and not what you answer for.")
        typer.echo(told.format(stop=describe_stop(decision.stop)))


def decision_document(decision: Decision) -> dict[str, object]:
    """For a machine."""
    case = decision.case
    return {
        "case": case.id,
        "outcome": decision.end,
        "transaction_id": case.transaction_id,
        "status": case.status,
        "check": decision.check,
        "unasked": decision.unasked,
        "override": decision.override_id,
        "settling_is_off": decision.stop,
        "settled_amount": case.settled_amount,
        "resolved_at": case.resolved_at,
        "resolved_by": case.resolved_by,
        "resolution": case.resolution,
    }


def print_old(old: OldOnes) -> None:
    """What a bulk ending would do. Said before it is done, and instead of it."""
    told = ngettext(
        "{count:,} open case of kind {kind}, opened up to {until} UTC",
        "{count:,} open cases of kind {kind}, opened up to {until} UTC",
        old.endable,
    )
    oldest = "" if old.oldest_at is None else _("; the oldest on {at} UTC").format(at=stamp(old.oldest_at))
    typer.echo(told.format(count=old.endable, kind=old.kind.value, until=stamp(old.until)) + oldest)
    if old.held_open:
        kept = ngettext(
            "{count:,} more keeps an open payment in view and has to be decided by itself",
            "{count:,} more keep an open payment in view and have to be decided one by one",
            old.held_open,
        )
        typer.echo(kept.format(count=old.held_open))


def print_ended(count: int) -> None:
    """What a bulk ending did."""
    typer.echo(ngettext("ended {count:,} case", "ended {count:,} cases", count).format(count=count))


def outcome_of(decision: Decision) -> str:
    """What came of it, without the full stop."""
    state = _state(decision.case)
    outcomes: dict[End, Callable[[], str]] = {
        End.ENDED: lambda: _("ended; nothing else was changed"),
        End.AGREED: lambda: _("the books agree: {state}; ended"),
        End.OVERRIDDEN: lambda: _("changed by hand, override {override}: {state}; ended"),
        End.DISAGREED: lambda: _disagreed(decision),
        End.OTHERWISE: lambda: _("not done: by now {state}"),
        End.HELD_BACK: lambda: _held_back(decision),
        End.HELD_OPEN: lambda: _held_open(decision.case),
        End.TOO_LATE: lambda: _too_late(decision.case),
        End.FAILED: lambda: _("left as it was: {why}").format(why=decision.unasked),
    }
    return outcomes[decision.end]().replace("{override}", str(decision.override_id)).replace("{state}", state)


def _disagreed(decision: Decision) -> str:
    if decision.check is None:
        return _("nothing was changed: there is no fresh answer of the gateway; --override does it in your name")
    return _("nothing was changed: the gateway does not say so; --override does it in your name")


def _held_back(decision: Decision) -> str:
    told = _("nothing was changed: the gateway's last answer decides it, and is held back. {stop}")
    return told.format(stop=describe_stop(decision.stop) if decision.stop else "")


def _state(case: CaseFacts) -> str:
    transaction, status = case.transaction_id, _(case.status.value) if case.status else ""
    if case.status is Status.COMPLETED and case.settled_amount is not None:
        return _("{transaction} is completed, settled {amount}").format(
            transaction=transaction, amount=francs(case.settled_amount)
        )
    return _("{transaction} is {status}").format(transaction=transaction, status=status)


def _held_open(case: CaseFacts) -> str:
    told = _("{transaction} is {status}, and nobody would look after it any more; say what became of it: {command}")
    deciding = next((command for command in commands_for(case) if "--as" in command), "")
    return told.format(
        transaction=case.transaction_id, status=_(case.status.value) if case.status else "", command=deciding
    )


def _too_late(case: CaseFacts) -> str:
    if case.resolved_at is None:
        return _("somebody else was quicker: {state}; look at it again").format(state=_state(case))
    ago = short(case.now - case.resolved_at)
    if not case.resolved_by:
        return _("it ended by itself {ago} ago: {reason}").format(ago=ago, reason=case.resolution)
    return _("{author} ended it {ago} ago: {reason}").format(author=case.resolved_by, ago=ago, reason=case.resolution)
