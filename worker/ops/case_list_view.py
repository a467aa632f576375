"""Cases for a person: how much is at stake in each kind, and one page of them. A flood of callbacks is one line."""

from __future__ import annotations

from collections.abc import Sequence

from models.case import CALLBACK_KINDS, CaseKind
from models.queries.browse import Page, Paging
from models.queries.cases import CaseFacts, KindTotal
from models.transaction import Kind
from worker.language import _, ngettext
from worker.ops.case_actions import action_for
from worker.ops.sentences import told
from worker.ops.shown import console, safe, short, stamp
from worker.ops.statement_cases import statement_about
from worker.ops.tables import narrow_table, print_lines


def print_totals(totals: Sequence[KindTotal], *, grouped: bool) -> None:
    """Every kind that has open cases. With `grouped`, those about callbacks are told here and are not in the page."""
    out = console()
    if not totals:
        out.print(_("no open cases"))
        return
    table = narrow_table()
    table.add_column(_("kind"), no_wrap=True)
    table.add_column(_("open"), justify="right", no_wrap=True)
    # Two sums: what may be missing of what came in, and what may have gone out, make no third one together.
    table.add_column(_("XOF at stake"), justify="right", no_wrap=True)
    pays_out = any(total.going_out for total in totals)
    if pays_out:
        table.add_column(_("XOF of payouts"), justify="right", no_wrap=True)
    table.add_column(_("oldest UTC"), no_wrap=True)
    for total in totals:
        sums = [_sum(total.at_risk - total.going_out), *([_sum(total.going_out)] if pays_out else [])]
        table.add_row(total.kind.value, f"{total.open:,}", *sums, stamp(total.oldest_at))
    out.print(table)
    for total in totals:
        if grouped and total.kind in CALLBACK_KINDS:
            out.print()
            print_lines(_crowd(total))


def print_page(page: Page[CaseFacts], paging: Paging, *, again: str) -> None:
    """One page; `again` is the command that shows the next."""
    out = console()
    if not page.items:
        if paging.after is not None:
            out.print(_("no cases after {id}").format(id=paging.after))
        return
    table = narrow_table()
    table.add_column(_("case"), justify="right", no_wrap=True)
    table.add_column(_("open for"), justify="right", no_wrap=True)
    table.add_column(_("kind"), no_wrap=True)
    table.add_column(_("about"), overflow="fold")
    table.add_column("XOF", justify="right", no_wrap=True)
    table.add_column(_("what to do"), overflow="fold")
    for case in page.items:
        table.add_row(str(case.id), _age(case), case.kind.value, about(case), _stake(case), to_do(case))
    out.print()
    out.print(table)
    if page.next is not None:
        out.print("\n" + _("more: {command}").format(command=f"{again} --after {page.next}"), soft_wrap=True)


def _crowd(total: KindTotal) -> list[str]:
    """How many there are, and how they are seen and ended."""
    many = ngettext(
        "{count:,} {kind} callback is not listed here",
        "{count:,} {kind} callbacks are not listed here",
        total.open,
    )
    kind = total.kind.value
    see = f"reconciler cases list --kind {kind}"
    end = f'reconciler cases resolve --kind {kind} --older-than 1d --reason "..."'
    return [
        many.format(count=total.open, kind=kind),
        "  " + _("to see them: {command}").format(command=see),
        "  " + _("to end them: {command}").format(command=end),
    ]


def _sum(amount: int) -> str:
    return f"{amount:,}" if amount else ""


def _age(case: CaseFacts) -> str:
    return short((case.resolved_at or case.now) - case.opened_at)


def about(case: CaseFacts) -> str:
    """What it is about, in a word."""
    if case.transaction_id is not None:
        return safe(case.transaction_id)
    if case.statement is not None:
        return statement_about(case.statement)
    if case.kind in (CaseKind.ENDPOINT, CaseKind.ACCOUNT):
        return safe(case.account or "")
    return _("callback {id}").format(id=case.callback_id)


def _stake(case: CaseFacts) -> str:
    """With the direction of the money where it goes out."""
    if case.at_risk is None:
        return ""
    return _("{amount} out").format(amount=f"{case.at_risk:,}") if case.about is Kind.PAYOUT else f"{case.at_risk:,}"


def to_do(case: CaseFacts) -> str:
    """What to do about it, or how it ended."""
    if case.resolved_at is None:
        return _(action_for(case).brief)
    if case.resolved_by:
        return safe(_("ended by {author}: {reason}").format(author=case.resolved_by, reason=case.resolution))
    return _("ended by itself: {reason}").format(reason=told(safe(case.resolution)))
