"""One invoice's history as a list of moments: what was received, asked, answered, settled. Pure; prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby

from models.callback import Outcome
from models.queries.browse import CallbackLine, CaseLine
from models.queries.history import AboutCallback, CheckLine, History, InvoiceFacts, NoticeLine
from models.queries.overrides import OverrideLine
from models.transaction import Approval, Kind, Status
from worker.language import _, number
from worker.ops.sentences import told
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
    said: str = ""
    """Of a question: what was answered, without what the answer took."""


RUN = 4
"""So many questions in a row with the same answer are told as one; the first and the last stand by themselves."""


def gathered(moments: Sequence[Moment]) -> Iterator[Moment]:
    """The same story, short: what was asked again and again, to the same answer, takes three lines."""
    for (who, said), together in groupby(moments, key=lambda moment: (moment.who, moment.said)):
        run = list(together)
        if not said or len(run) < RUN:
            yield from run
            continue
        again = _("asked {count} times more: {said}").format(count=len(run) - 2, said=said)
        yield from (run[0], Moment(at=run[1].at, after=run[1].after, who=who, what=again, said=said), run[-1])


def timeline(history: History) -> list[Moment]:
    """Everything that happened, oldest first. What happened at one moment stands in the order of cause and effect."""
    invoice = history.invoice
    said = {_check(check): _said(check) for check in history.checks}
    events = [(invoice.created_at, Who.SHOP, _created(invoice))]
    if invoice.sent_at is not None:
        events.append((invoice.sent_at, Who.BOOKS, _("handed to the gateway, once and for all")))
    if invoice.queued_at is not None:
        events.append((invoice.queued_at, Who.BOOKS, _("put into the queue")))
    events += [(one.line.received_at, Who.SENDER, _callback(one)) for one in history.callbacks]
    events += [(check.asked_at, Who(check.lane.value), _check(check)) for check in history.checks]
    events += [(one.made_at, Who.PERSON, _override(one, invoice.kind)) for one in history.overrides]
    events += _ending(history)
    for case in history.cases:
        events += _case(case)
    events += [(notice.created_at, Who.BOOKS, _notice(notice)) for notice in history.notices]
    return [
        Moment(at=at, after=at - invoice.created_at, who=who, what=what, said=said.get(what, ""))
        for at, who, what in sorted(events, key=lambda event: event[0])
    ]


def what_is_next(invoice: InvoiceFacts) -> str:
    """One sentence on what happens by itself from now on."""
    if invoice.next_check_at is not None:
        what = _what_comes(invoice)
        wait = invoice.next_check_at - invoice.now
        when = _("{what}, in {wait}") if wait > timedelta(0) else _("{what}, due since {wait}")
        return when.format(what=what, wait=short(abs(wait)))
    if invoice.parked_at is not None:
        if invoice.approval == Approval.AWAITING:
            return _("it waits for approval: nothing sends it before")
        if invoice.has_token:
            return _("parked; a callback would wake it up")
        return _("parked, for want of a token; see its case")
    return _("nothing: this is final") if invoice.final_at else _("nothing")


def _what_comes(invoice: InvoiceFacts) -> str:
    """What happens when its time has come."""
    if invoice.has_token:
        return _("a question")
    if invoice.kind is Kind.INVOICE or invoice.sent_at is not None:
        return _("a case for a person, if no token comes")
    if invoice.queued_at is not None:
        return _("it is sent, if sending is on by then")
    return _("it is refused, if nobody has sent it")


def describe(check: CheckLine) -> str:
    """One answer in a sentence, which names what was said, with what it took in brackets."""
    details = [_took(check.took)]
    if check.sub_code:
        details.append(safe(check.sub_code))
    if check.http_status not in (None, HTTP_OK):
        details.append(f"HTTP {check.http_status}")
    return f"{_said(check)} ({', '.join(details)})"


def _said(check: CheckLine) -> str:
    return told(safe(check.reason)) if check.reason else _(check.said.value)


def _took(seconds: float) -> str:
    return f"{number(seconds * 1000, '.0f')} ms" if seconds < 1 else short(timedelta(seconds=seconds))


def _created(invoice: InvoiceFacts) -> str:
    if invoice.kind is Kind.PAYOUT:
        return _("payout over {amount}").format(amount=francs(invoice.amount))
    return _("invoice over {amount}").format(amount=francs(invoice.amount))


def _callback(one: AboutCallback) -> str:
    line = one.line
    said = told(safe(line.note)) if line.note else _(line.outcome.value)
    text = _("callback {callback_id}, {kind}: {said}").format(callback_id=line.id, kind=safe(kind_of(line)), said=said)
    if line.outcome is not Outcome.MATCHED:
        text += f" ({_(line.outcome.value)})"
    if one.repeats:
        text += _("; same as {callback_id}").format(callback_id=one.repeats)
    return text + (_("; body erased") if line.erased_at else "")


def kind_of(line: CallbackLine) -> str:
    """`form`, `json`, or what the sender called it."""
    media = line.content_type.partition(";")[0].strip().lower()
    known = {"application/x-www-form-urlencoded": _("form"), "application/json": "json"}
    return known.get(media, media or _("no type"))


def _check(check: CheckLine) -> str:
    return _("asked: {answer}").format(answer=describe(check)) + (_("; wording erased") if check.erased_at else "")


def _ending(history: History) -> Iterator[tuple[datetime, Who, str]]:
    if history.settlement is not None:
        money = history.settlement
        settled = (
            _("settled {amount}, proved by check {check_id}")
            if money.check_id
            else _("settled {amount}, by hand, override {override_id}")
        )
        what = settled.format(amount=francs(money.amount), check_id=money.check_id, override_id=money.override_id)
        yield money.settled_at, Who.BOOKS, what
    elif history.invoice.final_at is not None:
        what = _("closed as {status}: no money moved").format(status=_(history.invoice.status.value))
        yield history.invoice.final_at, Who.BOOKS, what
    elif history.invoice.wait_ended_at is not None and history.invoice.status is Status.REFUSED:
        why = told(safe(history.invoice.refusal))
        yield history.invoice.wait_ended_at, Who.BOOKS, _("closed as refused, not sent: {why}").format(why=why)


def _override(one: OverrideLine, kind: Kind) -> str:
    text = _("override {override_id} by {author}: {old} to {new}, without an answer that says so: {reason}")
    if one.amount:
        text = _(
            "override {override_id} by {author}: {old} to {new}, {amount} received, without an answer that says so: {reason}"
        )
    if one.amount and kind is Kind.PAYOUT:
        text = _(
            "override {override_id} by {author}: {old} to {new}, {amount} paid out, without an answer that says so: {reason}"
        )
    return text.format(
        override_id=one.id,
        author=safe(one.author),
        old=_(one.old.value),
        new=_(one.new.value),
        amount=francs(one.amount),
        reason=safe(one.reason),
    )


def _case(case: CaseLine) -> Iterator[tuple[datetime, Who, str]]:
    opened = _("case {case_id}, {kind}: {detail}")
    what = opened.format(case_id=case.id, kind=_(case.kind.value), detail=told(safe(case.detail)))
    yield case.opened_at, Who.BOOKS, what
    if case.resolved_at is not None:
        if case.resolved_by:
            ended = _("case {case_id} ended by {author}: {resolution}")
            what = ended.format(case_id=case.id, author=safe(case.resolved_by), resolution=safe(case.resolution))
            yield case.resolved_at, Who.PERSON, what
        else:
            over = _("case {case_id} is over: {resolution}")
            yield case.resolved_at, Who.BOOKS, over.format(case_id=case.id, resolution=told(safe(case.resolution)))


def _notice(notice: NoticeLine) -> str:
    return _("notice {seq} for the shop: {kind}").format(seq=notice.seq, kind=_(notice.kind.value))
