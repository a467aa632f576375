"""What came of asking, told to a person and to a machine."""

from __future__ import annotations

import typer

from models.queries.browse import CaseLine
from tasks.toolbox import Toolbox
from worker.language import _
from worker.ops.asking import Inquiry, ask_once, ask_patiently
from worker.ops.sentences import told
from worker.ops.shown import francs, print_json, safe
from worker.ops.switch_view import describe as describe_stop
from worker.ops.timeline import describe, what_is_next


def ask_and_tell(tools: Toolbox, transaction_id: str, *, insist: bool, as_json: bool) -> None:
    """Ask about it, and say what came of it. Raises what `ask_once` does."""
    inquiry = ask_patiently(tools, transaction_id) if insist else ask_once(tools, transaction_id)
    if as_json:
        print_json(inquiry_document(inquiry))
    else:
        print_inquiry(inquiry)


def print_inquiry(inquiry: Inquiry) -> None:
    """The answer, what it moved, the cases it opened, and what is next: a line each."""
    if not inquiry.check:
        typer.echo(_("not asked: {why_not}").format(why_not=inquiry.why_not))
    for name, what in facts_of(inquiry):
        typer.echo(f"{name:<8} {what}")


def facts_of(inquiry: Inquiry) -> list[tuple[str, str]]:
    """The same as names and values."""
    facts = [(_("answer"), describe(inquiry.check))] if inquiry.check else []
    facts.append((_("books"), _moved(inquiry)))
    if inquiry.stop:
        facts.append((_("switch"), describe_stop(inquiry.stop)))
    for case in _opened(inquiry):
        what = _("{kind}: {detail}").format(kind=_(case.kind.value), detail=told(safe(case.detail)))
        facts.append((_("case"), what))
    return [*facts, (_("next"), what_is_next(inquiry.after.invoice))]


def inquiry_document(inquiry: Inquiry) -> dict[str, object]:
    """For a machine."""
    before, after = inquiry.before, inquiry.after
    return {
        "transaction_id": after.invoice.transaction_id,
        "asked": inquiry.check is not None,
        "why_not": inquiry.why_not,
        "check": inquiry.check,
        "status_before": before.invoice.status,
        "status": after.invoice.status,
        "settlement": after.settlement,
        "settling_is_off": inquiry.stop,
        "cases_opened": _opened(inquiry),
        "next_check_at": after.invoice.next_check_at,
        "parked_at": after.invoice.parked_at,
    }


def _moved(inquiry: Inquiry) -> str:
    old, new = inquiry.before.invoice.status, inquiry.after.invoice.status
    if old is new:
        return _("still {status}").format(status=_(new.value))
    moved = _("moved from {old} to {new}").format(old=_(old.value), new=_(new.value))
    money = inquiry.after.settlement
    return moved + (_(", settled {amount}").format(amount=francs(money.amount)) if money else "")


def _opened(inquiry: Inquiry) -> list[CaseLine]:
    known = {case.id for case in inquiry.before.cases}
    return [case for case in inquiry.after.cases if case.id not in known]
