"""One case, shown whole: what happened, both sides' evidence, and what to do."""

from __future__ import annotations

from dataclasses import asdict

from rich.table import Table

from models.queries.cases import CaseFacts
from models.queries.history import CheckLine, History
from models.transaction import Kind
from worker.language import SOURCE, _, ngettext, speaking
from worker.ops.case_actions import action_for, commands_for
from worker.ops.case_story import story
from worker.ops.history_view import history_document, moments_table
from worker.ops.sentences import told
from worker.ops.shown import console, francs, safe, short, stamp
from worker.ops.statement_cases import statement_sides
from worker.ops.tables import print_lines
from worker.ops.timeline import describe, gathered, timeline, what_is_next

RECENT = 10
"""Moments of the invoice's history that are shown beside its case."""


def print_case(case: CaseFacts, history: History | None) -> None:
    """For a person."""
    title = _("case {case_id}  {kind}  {standing}")
    print_lines([title.format(case_id=case.id, kind=_(case.kind.value), standing=standing_of(case))])
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in [(_("what happened"), story(case)), *facts_of(case, history)]:
        if value:
            facts.add_row(name, value)
    out = console()
    out.print(facts)
    if history is not None:
        _print_recent(history)
    if case.resolved_at is None:
        out.print()
        out.print(_("what to do: {what}").format(what=_(action_for(case).what)))
        print_lines([f"  {command}" for command in commands_for(case)])
        if any("--as" in command for command in commands_for(case)):
            out.print(_("With --as the gateway is asked first; --override goes against its answer, in your name."))


def case_document(case: CaseFacts, history: History | None) -> dict[str, object]:
    """For a machine. Sentences are English."""
    with speaking(SOURCE):
        return {
            **asdict(case),
            "story": story(case),
            "suggested": {"action": action_for(case).what, "commands": commands_for(case)},
            "check": _evidence(case, history),
            "invoice": None if history is None else history_document(history),
        }


def standing_of(case: CaseFacts) -> str:
    """Open for how long, or ended by whom."""
    if case.resolved_at is None:
        return _("open for {age}").format(age=short(case.now - case.opened_at))
    if case.resolved_by:
        return safe(_("ended by {author}").format(author=case.resolved_by))
    return _("ended by itself")


def facts_of(case: CaseFacts, history: History | None) -> list[tuple[str, str]]:
    """Names and values, in order; a value may be empty."""
    ended = f"{stamp(case.resolved_at)} UTC: {case.resolution}" if case.resolved_at else ""
    return [
        (_("opened"), f"{stamp(case.opened_at)} UTC"),
        (_("ended"), safe(ended)),
        *(statement_sides(case.statement) if case.statement else []),
        *(_money(case, history) if history else [] if case.statement else _from_outside(case)),
    ]


def _from_outside(case: CaseFacts) -> list[tuple[str, str]]:
    """A case about a callback or an endpoint: what was noted when it came, in the words of the books."""
    return [
        (_("callback"), str(case.callback_id or "")),
        (_("noted"), f"“{told(safe(case.detail))}”" if case.detail else ""),
    ]


def _money(case: CaseFacts, history: History) -> list[tuple[str, str]]:
    invoice = history.invoice
    return [
        (
            _("payout") if case.about is Kind.PAYOUT else _("invoice"),
            f"{safe(invoice.transaction_id)}, {_(invoice.status.value)}",
        ),
        (_("our amount"), _direction(case).format(amount=francs(invoice.amount))),
        (_("settled"), "" if case.settled_amount is None else francs(case.settled_amount)),
        (_("gateway says"), _gateway(case)),
        (_("check"), _check(case, history)),
        (_("callbacks"), _callbacks(history)),
        (_("next"), what_is_next(invoice)),
    ]


def _direction(case: CaseFacts) -> str:
    return _("{amount}, to be paid out") if case.about is Kind.PAYOUT else "{amount}"


def _gateway(case: CaseFacts) -> str:
    if case.said is None:
        return _("nothing that is on record for this case")
    amount = "" if case.said_amount is None else f", {francs(case.said_amount)}"
    reference = _(", for {reference}").format(reference=safe(case.said_reference)) if case.said_reference else ""
    return _(case.said) + amount + reference


def _check(case: CaseFacts, history: History) -> str:
    found = _evidence(case, history)
    if found is None:
        return "" if case.check_id is None else f"{case.check_id}, {stamp(case.asked_at)} UTC" if case.asked_at else ""
    return f"{found.id}, {stamp(found.asked_at)} UTC, {_(found.lane.value)}: {describe(found)}"


def _evidence(case: CaseFacts, history: History | None) -> CheckLine | None:
    return next((check for check in history.checks if check.id == case.check_id), None) if history else None


def _callbacks(history: History) -> str:
    if not history.callbacks:
        return _("none")
    count = history.callbacks_in_all
    last = history.callbacks[-1].line
    many = ngettext("{count:,}, on {at} UTC, from {source}", "{count:,}, the last on {at} UTC, from {source}", count)
    return safe(many.format(count=count, at=stamp(last.received_at), source=last.source))


def _print_recent(history: History) -> None:
    moments = list(gathered(timeline(history)))
    out = console()
    out.print()
    out.print(moments_table(moments[-RECENT:], now=history.invoice.now))
    if len(moments) > RECENT:
        out.print(
            _("{count} earlier moments: reconciler {noun} show {transaction}").format(
                count=len(moments) - RECENT,
                noun="payouts" if history.invoice.kind is Kind.PAYOUT else "invoices",
                transaction=safe(history.invoice.transaction_id),
            ),
            soft_wrap=True,
        )
