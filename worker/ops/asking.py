"""Asking the gateway about one invoice for a person who waits. Goes the workers' own way: same locks, same spacing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from config import policy
from models.check import Lane
from models.errors import Invalid
from models.queries.history import CheckLine, History
from tasks.confirm import confirm
from tasks.toolbox import Toolbox
from worker.ops.lookup import find_invoice
from worker.ops.shown import short

PAUSE = 0.3
"""Seconds between two tries of somebody who insists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What came of wanting to ask. Without a `check` nothing was learned, and `why_not` says why in one sentence."""

    before: History
    after: History
    check: CheckLine | None
    why_not: str = ""


def ask_once(tools: Toolbox, transaction_id: str) -> Inquiry:
    """Ask, if it may be asked about now. Raises `NotFound`, and `Invalid` for an invoice without a token."""
    before = find_invoice(tools, transaction_id)
    invoice = before.invoice
    if not invoice.has_token:
        raise Invalid(
            f"{transaction_id} is {invoice.status.value} and has no token: there is nothing to ask the gateway with"
        )
    confirm(tools, [invoice.id], lane=Lane.PERSON)
    after = find_invoice(tools, transaction_id)
    known = max((check.id for check in before.checks), default=0)
    ours = [check for check in after.checks if check.id > known and check.lane is Lane.PERSON]
    if ours:
        return Inquiry(before=before, after=after, check=ours[-1])
    return Inquiry(before=before, after=after, check=None, why_not=_why_not(before, after))


def ask_patiently(tools: Toolbox, transaction_id: str) -> Inquiry:
    """Ask as soon as it may be asked about; give up when even a slow question of somebody else must be over."""
    deadline = time.monotonic() + tools.lengths.question + policy.SPACING
    while True:
        inquiry = ask_once(tools, transaction_id)
        if inquiry.check is not None or time.monotonic() > deadline:
            return inquiry
        time.sleep(PAUSE)


def _why_not(before: History, after: History) -> str:
    last = after.invoice.last_asked_at
    if after.invoice.asked > before.invoice.asked:
        return "it is being asked about right now, and no answer is recorded yet"
    if last is not None and (ago := after.invoice.now - last) < timedelta(seconds=policy.SPACING):
        return f"it was asked about {short(ago)} ago; the gateway wants {policy.SPACING:g} s between two questions"
    return "somebody else is asking about it right now"
