"""Asking the gateway about one invoice for a person who waits. Goes the workers' own way: same locks, same spacing."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from config import policy
from models.check import Lane
from models.errors import Invalid
from models.queries.history import CheckLine, History
from models.queries.stops import StopLine, off_now
from models.session import transaction
from models.stop import Switch
from tasks.confirm import confirm
from tasks.toolbox import Toolbox
from worker.language import _, number
from worker.ops.lookup import find_transaction
from worker.ops.shown import short
from worker.ops.timeline import describe

PAUSE = 0.3
"""Seconds between two tries of somebody who insists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """What came of wanting to ask. Without a `check` nothing was learned, and `why_not` says why in one sentence."""

    before: History
    after: History
    check: CheckLine | None
    why_not: str = ""
    stop: StopLine | None = None
    """Settling is switched off: whatever the answer says, no status moves."""


def ask_once(tools: Toolbox, transaction_id: str) -> Inquiry:
    """Ask, if it may be asked about now; of two at once the second waits for the answer to the first one's question.

    Raises `NotFound`, `Invalid` for an invoice without a token, and `TryAgain` while no question may go out.
    """
    before = find_transaction(tools, transaction_id)
    invoice = before.invoice
    if not invoice.has_token:
        message = _("{transaction_id} is {status} and has no token: there is nothing to ask the gateway with")
        raise Invalid(message.format(transaction_id=transaction_id, status=_(invoice.status.value)))
    is_answered = confirm(tools, [invoice.id], lane=Lane.PERSON) > 0
    after = find_transaction(tools, transaction_id)
    with transaction(tools.sessions) as step:
        stop = next((one for one in off_now(step.session) if one.switch is Switch.SETTLE), None)
    # Somebody else's answer may have come just now, to a person too.
    ours = [check for check in _news(before, after) if check.lane is Lane.PERSON] if is_answered else []
    if ours:
        return Inquiry(before=before, after=after, check=ours[-1], stop=stop)
    after = _after_the_others_answer(tools, after)
    return Inquiry(before=before, after=after, check=None, why_not=_why_not(before, after), stop=stop)


def ask_patiently(tools: Toolbox, transaction_id: str) -> Inquiry:
    """Ask as soon as it may be asked about; give up when even a slow question of somebody else must be over."""
    deadline = time.monotonic() + tools.lengths.question + policy.SPACING
    while True:
        inquiry = ask_once(tools, transaction_id)
        if inquiry.check is not None or time.monotonic() > deadline:
            return inquiry
        time.sleep(PAUSE)


def _news(before: History, after: History) -> list[CheckLine]:
    """The answers that came in between."""
    known = max((check.id for check in before.checks), default=0)
    return [check for check in after.checks if check.id > known]


def _is_under_way(tools: Toolbox, history: History) -> bool:
    """Whether somebody's question is out and may still be answered."""
    invoice = history.invoice
    if invoice.last_asked_at is None or invoice.now - invoice.last_asked_at > timedelta(seconds=tools.lengths.question):
        return False
    return invoice.asked > history.checks_in_all


def _after_the_others_answer(tools: Toolbox, history: History) -> History:
    """The history once the question that is under way has been answered, or cannot be any more."""
    while _is_under_way(tools, history):
        time.sleep(PAUSE)
        history = find_transaction(tools, history.invoice.transaction_id)
    return history


def _why_not(before: History, after: History) -> str:
    if news := _news(before, after):
        return _("somebody else asked at the same time; the answer was: {answer}").format(answer=describe(news[-1]))
    last = after.invoice.last_asked_at
    if after.invoice.asked > before.invoice.asked:
        return _("it is being asked about right now, and no answer is recorded yet")
    if last is not None and (ago := after.invoice.now - last) < timedelta(seconds=policy.SPACING):
        message = _("it was asked about {ago} ago; the gateway wants {spacing} s between two questions")
        why_not = message.format(ago=short(ago), spacing=number(policy.SPACING, "g"))
        if not after.checks:
            return why_not
        return why_not + _(". The answer was: {answer}").format(answer=describe(after.checks[-1]))
    return _("somebody else is asking about it right now")
