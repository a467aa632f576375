"""One invoice's history as a list of moments: what was received, asked, answered, settled. Pure; prints nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from models.callback import Outcome
from models.queries.browse import CallbackLine, CaseLine
from models.queries.history import AboutCallback, CheckLine, History, InvoiceFacts
from models.queries.overrides import OverrideLine
from worker.ops.shown import francs, safe, short

HTTP_OK = 200


class Who(StrEnum):
    """Who did it."""

    SHOP = "shop"
    SENDER = "sender"
    """Somebody sent a callback: the gateway, or a forger."""
    CALLBACK = "callback"
    """We asked, because of a callback."""
    SWEEP = "sweep"
    """We asked, because it was time to."""
    PERSON = "person"
    """We asked, because somebody wanted to know; or somebody changed or ended something by hand."""
    REPLAY = "replay"
    AUDIT = "audit"
    """We asked, to look once more at what is final."""
    BOOKS = "books"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One thing that happened. `what` is safe to print."""

    at: datetime
    after: timedelta
    """Since the invoice was created."""
    who: Who
    what: str


def timeline(history: History) -> list[Moment]:
    """Everything that happened, oldest first. What happened at one moment stands in the order of cause and effect."""
    invoice = history.invoice
    events = [(invoice.created_at, Who.SHOP, _created(invoice))]
    events += [(one.line.received_at, Who.SENDER, _callback(one)) for one in history.callbacks]
    events += [(check.asked_at, Who(check.lane.value), _check(check)) for check in history.checks]
    events += [(one.made_at, Who.PERSON, _override(one)) for one in history.overrides]
    events += _ending(history)
    for case in history.cases:
        events += _case(case)
    events += [(n.created_at, Who.BOOKS, f"notice {n.seq} for the shop: {n.kind.value}") for n in history.notices]
    return [
        Moment(at=at, after=at - invoice.created_at, who=who, what=what)
        for at, who, what in sorted(events, key=lambda event: event[0])
    ]


def what_is_next(invoice: InvoiceFacts) -> str:
    """One sentence on what happens by itself from now on."""
    if invoice.next_check_at is not None:
        what = "a question" if invoice.has_token else "a case for a person, if no token comes"
        wait = invoice.next_check_at - invoice.now
        return f"{what}, in {short(wait)}" if wait > timedelta(0) else f"{what}, due since {short(-wait)}"
    if invoice.parked_at is not None:
        waker = "; a callback would wake it up" if invoice.has_token else ", for want of a token; see its case"
        return f"parked{waker}"
    return "nothing: this is final" if invoice.final_at else "nothing"


def describe(check: CheckLine) -> str:
    """One answer in a sentence, which names what was said, with what it took in brackets."""
    details = [_took(check.took)]
    if check.sub_code:
        details.append(check.sub_code)
    if check.http_status not in (None, HTTP_OK):
        details.append(f"HTTP {check.http_status}")
    return safe(f"{check.reason or check.said.value} ({', '.join(details)})")


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else short(timedelta(seconds=seconds))


def _created(invoice: InvoiceFacts) -> str:
    return f"invoice over {francs(invoice.amount)}"


def _callback(one: AboutCallback) -> str:
    line = one.line
    said = line.note or line.outcome.value
    text = f"callback {line.id}, {kind_of(line)}: {said}"
    if line.outcome is not Outcome.MATCHED:
        text += f" ({line.outcome.value})"
    return safe(text + (f"; same as {one.repeats}" if one.repeats else ""))


def kind_of(line: CallbackLine) -> str:
    """`form`, `json`, or what the sender called it."""
    media = line.content_type.partition(";")[0].strip().lower()
    return {"application/x-www-form-urlencoded": "form", "application/json": "json"}.get(media, media or "no type")


def _check(check: CheckLine) -> str:
    return f"asked: {describe(check)}"


def _ending(history: History) -> Iterator[tuple[datetime, Who, str]]:
    if history.settlement is not None:
        money = history.settlement
        ground = f"proved by check {money.check_id}" if money.check_id else f"by hand, override {money.override_id}"
        yield money.settled_at, Who.BOOKS, f"settled {francs(money.amount)}, {ground}"
    elif history.invoice.final_at is not None:
        yield history.invoice.final_at, Who.BOOKS, f"closed as {history.invoice.status.value}: no money moved"


def _override(one: OverrideLine) -> str:
    money = f", {francs(one.amount)} received" if one.amount else ""
    return safe(
        f"override {one.id} by {one.author}: {one.old.value} to {one.new.value}{money}, without an answer that says so"
        f": {one.reason}"
    )


def _case(case: CaseLine) -> Iterator[tuple[datetime, Who, str]]:
    yield case.opened_at, Who.BOOKS, safe(f"case {case.id}, {case.kind.value}: {case.detail}")
    if case.resolved_at is not None:
        if case.resolved_by:
            yield case.resolved_at, Who.PERSON, safe(f"case {case.id} ended by {case.resolved_by}: {case.resolution}")
        else:
            yield case.resolved_at, Who.BOOKS, safe(f"case {case.id} is over: {case.resolution}")
