"""One invoice or payout: why it stands as it does, what happened, and having the gateway asked now."""

from __future__ import annotations

import shlex

from starlette.responses import Response

from models.errors import NotFound
from models.transaction import Kind
from tasks.toolbox import Toolbox
from worker.console.rooms import Action, Page, Room
from worker.console.visit import Visit, to
from worker.language import _
from worker.ops.asking import ask_once
from worker.ops.asking_view import facts_of as facts_of_inquiry
from worker.ops.history_view import facts_of, left_out
from worker.ops.lookup import find_transaction
from worker.ops.payin_view import customer_line
from worker.ops.shown import safe
from worker.ops.timeline import gathered, timeline, what_is_next
from worker.ops.why.diagnosis import diagnose
from worker.ops.why.facts import Facts
from worker.ops.why.reader import look
from worker.ops.why.wording import put_in_words

IN_HEX = "~"


def address_of(transaction_id: str, *, page: str = "", **query: object) -> str:
    """Of a page about this transaction. An id that a browser would change, or that reads like a page, stands there in hex."""
    parts = transaction_id.split("/")
    is_plain = not transaction_id.startswith(IN_HEX) and parts[-1] != "evidence"
    if not is_plain or any(part in ("", ".", "..") for part in parts):
        transaction_id = IN_HEX + transaction_id.encode().hex()
    return to(f"/transactions/{transaction_id}{page}", **query)


def id_of(visit: Visit) -> str:
    """The transaction that the address names. Raises `NotFound` for hex that is none."""
    named = visit.text("transaction_id")
    if not named.startswith(IN_HEX):
        return named
    try:
        return bytes.fromhex(named.removeprefix(IN_HEX)).decode()
    except ValueError:
        raise NotFound(_("there is no such page")) from None


def argument_of(transaction_id: str) -> str:
    """For a command line: a merchant may have put anything into their ids."""
    return shlex.quote(safe(transaction_id))


def show(visit: Visit) -> Response:
    """The answer to "why", then all that it rests on."""
    history = find_transaction(visit.tools, id_of(visit))
    invoice = history.invoice
    facts = _why(visit.tools, invoice.transaction_id)
    noun = "payouts" if invoice.kind is Kind.PAYOUT else "invoices"
    argument = argument_of(invoice.transaction_id)
    return visit.show(
        "transaction.html",
        title=(_("Payout {id}") if invoice.kind is Kind.PAYOUT else _("Invoice {id}")).format(
            id=safe(invoice.transaction_id)
        ),
        invoice=invoice,
        history=history,
        wording=facts and put_in_words(facts, diagnose(facts)),
        next=what_is_next(invoice),
        customer=customer_line(invoice),
        moments=list(gathered(timeline(history))),
        left_out=left_out(history),
        facts=[(name, value) for name, value in facts_of(invoice) if value],
        evidence=address_of(invoice.transaction_id, page="/evidence"),
        commands=[*([f"reconciler why {argument}"] if facts else []), f"reconciler {noun} show {argument}"],
        check=f"reconciler {noun} check {argument}",
    )


def _why(tools: Toolbox, transaction_id: str) -> Facts | None:
    """What the answer to "why" rests on; None for a payout, about which nobody answers it."""
    try:
        return look(tools, transaction_id)
    except NotFound:
        return None


def check(visit: Visit) -> Response:
    """Have the gateway asked, as `invoices check` does. Asked twice at once, the second is told the answer of the first."""
    transaction_id = dict(visit.form.pairs).get("id", "")  # blanks at its ends are part of it
    inquiry = ask_once(visit.tools, transaction_id)
    lines = [f"{name}: {what}" for name, what in facts_of_inquiry(inquiry)]
    if inquiry.check is None:
        lines.insert(0, _("not asked: {why_not}").format(why_not=inquiry.why_not))
    answer = visit.go_to("/", told="; ".join(lines), done=inquiry.check is not None)
    answer.headers["location"] = address_of(transaction_id)
    return answer


ROOM: Room = [Page("/transactions/{transaction_id:path}", show), Action("/check", check)]
