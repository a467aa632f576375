"""One invoice or payout, shown whole: how it stands, and its timeline."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from rich.table import Table
from rich.text import Text

from models.order import CURRENCY
from models.queries.history import History, InvoiceFacts
from models.transaction import Kind
from worker.language import _, ngettext
from worker.ops.payin_view import customer_line, mode_line, payin_document
from worker.ops.sentences import told
from worker.ops.shown import brief_stamp, console, francs, masked_address, print_json, safe, short, stamp
from worker.ops.tables import narrow_table, print_lines, word
from worker.ops.timeline import Moment, gathered, timeline, what_is_next


def tell_history(history: History, *, as_json: bool) -> None:
    """For a person, or for a machine."""
    if as_json:
        print_json(history_document(history))
    else:
        print_history(history)


def print_history(history: History) -> None:
    """For a person."""
    invoice = history.invoice
    title = Text.assemble(safe(invoice.transaction_id), "  ", francs(invoice.amount), "  ", word(invoice.status.value))
    print_lines([title])
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in facts_of(invoice):
        if value:
            facts.add_row(name, value)
    out = console()
    out.print(facts)
    out.print()
    out.print(moments_table(timeline(history), now=invoice.now))
    if unread := left_out(history):
        out.print(f"\n{unread}")


def history_document(history: History) -> dict[str, object]:
    """For a machine. Never the token, and the payment address masked, because the token stands in it."""
    invoice = history.invoice
    return {
        "id": invoice.id,
        "transaction_id": invoice.transaction_id,
        "account": invoice.account,
        "status": invoice.status,
        "amount": invoice.amount,
        "currency": CURRENCY,
        "description": invoice.description,
        "operator_id": invoice.operator_id,
        "operator_name": invoice.operator_name,
        "request_id": invoice.request_id,
        "refusal": invoice.refusal,
        **_way_of_payment(history),
        "created_at": invoice.created_at,
        "final_at": invoice.final_at,
        "next_check_at": invoice.next_check_at,
        "parked_at": invoice.parked_at,
        "last_asked_at": invoice.last_asked_at,
        "erased_at": invoice.erased_at,
        "asked": invoice.asked,
        "answered": invoice.answered,
        "callbacks_in_all": history.callbacks_in_all,
        "callbacks": [asdict(one.line) | {"repeats": one.repeats} for one in history.callbacks],
        "checks_in_all": history.checks_in_all,
        "checks": history.checks,
        "settlement": history.settlement,
        "cases": history.cases,
        "overrides": history.overrides,
        "notices": history.notices,
        "trace": invoice.trace,
        "timeline": [
            {"at": m.at, "after_seconds": m.after.total_seconds(), "who": m.who, "what": m.what}
            for m in timeline(history)
        ],
    }


def _way_of_payment(history: History) -> dict[str, object]:
    """What only an invoice has, or only a payout: how it is paid, or where the money goes."""
    one = history.invoice
    if one.kind is Kind.INVOICE:
        return {"payment_url": masked_address(one.payment_url), **payin_document(one)}
    return {
        "route": one.route,
        "customer": one.customer,
        "stays_in_wallet": one.stays_in_wallet,
        "sent_at": one.sent_at,
        "ordered_by": one.ordered_by,
        "ordered_why": one.ordered_why,
        "approval": one.approval,
        "approval_by": one.approval_by,
        "approval_why": one.approval_why,
        "approval_at": one.approval_at,
        "queued_at": one.queued_at,
        "wait_ended_at": one.wait_ended_at,
    }


def facts_of(invoice: InvoiceFacts) -> list[tuple[str, str]]:
    """Names and values, in order; a value may be empty."""
    operator = " ".join(part for part in (invoice.operator_name, invoice.operator_id) if part)
    return [
        (_("description"), safe(invoice.description)),
        (_("mode"), mode_line(invoice)),
        (_("payment page"), safe(masked_address(invoice.payment_url))),
        *(payout_facts(invoice) if invoice.kind is Kind.PAYOUT else ()),
        (_("operator"), safe(operator)),
        (_("request id"), safe(invoice.request_id)),
        (_("refused"), told(safe(invoice.refusal))),
        (_("customer"), customer_line(invoice)),
        (_("persons"), _erased(invoice)),
        (_("created"), f"{stamp(invoice.created_at)} UTC"),
        (_("asked"), _asked(invoice)),
        (_("next"), what_is_next(invoice)),
        (_("in the logs"), invoice.trace),
    ]


def _erased(invoice: InvoiceFacts) -> str:
    return _("erased on {day}").format(day=stamp(invoice.erased_at)[:10]) if invoice.erased_at else ""


def payout_facts(invoice: InvoiceFacts) -> list[tuple[str, str]]:
    """Where the money of a payout goes, and whether it is on its way."""
    return [
        (_("way"), way_of(invoice)),
        (_("to"), safe(invoice.customer or "")),
        (_("sent"), f"{stamp(invoice.sent_at)} UTC" if invoice.sent_at else _("not yet")),
        (_("queued"), _("since {at} UTC").format(at=stamp(invoice.queued_at)) if invoice.queued_at else ""),
        (_("sent by"), _signed(invoice.ordered_by, invoice.ordered_why)),
        (_("approval"), _approval(invoice)),
    ]


def way_of(payout: InvoiceFacts) -> str:
    """Which way the money goes."""
    ways = {
        None: _("to mobile money"),
        True: _("to the wallet, to stay there"),
        False: _("to the wallet, and on to mobile money"),
    }
    return ways[payout.stays_in_wallet]


def _signed(author: str | None, why: str | None) -> str:
    return _("{author}: {reason}").format(author=safe(author), reason=safe(why or "")) if author else ""


def _approval(invoice: InvoiceFacts) -> str:
    if invoice.approval is None:
        return ""
    signed = _signed(invoice.approval_by, invoice.approval_why)
    return ", ".join(filter(None, (_(invoice.approval), signed)))


def _asked(invoice: InvoiceFacts) -> str:
    if not invoice.asked:
        return _("not yet")
    times = ngettext("once, {answered} answered", "{asked} times, {answered} answered", invoice.asked)
    silences = ngettext(
        ", {silences} without an answer in a row", ", {silences} without an answer in a row", invoice.silences
    )
    return times.format(asked=invoice.asked, answered=invoice.answered) + (
        silences.format(silences=invoice.silences) if invoice.silences else ""
    )


def moments_table(moments: list[Moment], *, now: datetime) -> Table:
    """Moments, one a row; what was asked again and again to the same answer is told in short."""
    table = narrow_table()
    table.add_column(_("time UTC"), no_wrap=True)
    table.add_column(_("after"), justify="right", no_wrap=True)
    table.add_column(_("who"), no_wrap=True)
    table.add_column(_("what"), overflow="fold")
    for moment in gathered(moments):
        table.add_row(brief_stamp(moment.at, now=now), short(moment.after), _(moment.who.value), moment.what)
    return table


def left_out(history: History) -> str:
    """What is too old to be shown, in a few words; empty when all is."""
    callbacks = history.callbacks_in_all - len(history.callbacks)
    checks = history.checks_in_all - len(history.checks)
    if not callbacks and not checks:
        return ""
    message = _("not shown: {callbacks} earlier callbacks, {checks} earlier questions")
    return message.format(callbacks=callbacks, checks=checks)
