"""The answer for a person: what is the case in the first lines, then all that it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from models.check import Lane
from models.queries.history import InvoiceFacts
from models.transaction import Kind
from tasks.toolbox import BreakerState, LockView
from worker.language import _, ngettext
from worker.ops.history_view import left_out, moments_table, way_of
from worker.ops.payin_view import customer_line
from worker.ops.shown import console, francs, safe
from worker.ops.tables import print_lines, word
from worker.ops.timeline import timeline
from worker.ops.why.diagnosis import Diagnosis
from worker.ops.why.facts import Facts, Fleet
from worker.ops.why.lengths import at
from worker.ops.why.wording import Wording, put_in_words


def print_answer(facts: Facts, diagnosis: Diagnosis) -> None:
    """In the language that is chosen now."""
    invoice, history = facts.invoice, facts.standing.history
    wording = put_in_words(facts, diagnosis)
    out = console()
    title = Text.assemble(safe(invoice.transaction_id), "  ", francs(invoice.amount), "  ", word(invoice.status.value))
    print_lines([title])
    out.print()
    out.print(Text(wording.answer, style="bold"))
    out.print()
    out.print(_grid(_answer(wording, who=_who(invoice))))
    out.print()
    out.print(moments_table(timeline(history), now=invoice.now))
    if unread := left_out(history):
        out.print(f"\n{unread}")
    out.print()
    out.print(_grid(_now(facts)))


def _grid(rows: Iterator[tuple[str, str | Text]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        grid.add_row(name, value)
    return grid


def _who(invoice: InvoiceFacts) -> tuple[str, str]:
    """Who gets the money of a payout and which way; what the customer of an invoice has to do, if anything."""
    if invoice.kind is Kind.PAYOUT:
        return _("to"), f"{safe(invoice.customer or '')}, {way_of(invoice)}"
    return _("customer"), customer_line(invoice)


def _answer(wording: Wording, *, who: tuple[str, str]) -> Iterator[tuple[str, str | Text]]:
    yield _("why"), wording.why
    if who[1]:
        yield who
    for hindrance in wording.held_up:
        yield _("held up"), Text(hindrance, style="red")
    yield _("callbacks"), wording.callbacks
    yield _("next"), wording.next
    yield _("rule"), wording.rule
    yield _("settles it"), wording.settles
    for place, one in enumerate(wording.you_can):
        yield _("you can") if place == 0 else "", one


def _now(facts: Facts) -> Iterator[tuple[str, str | Text]]:
    """What Redis holds at this moment."""
    yield _("as of"), at(facts.now, now=facts.now)
    yield _("in the logs"), _("each line about it has {trace} in its field `trace`").format(trace=facts.invoice.trace)
    fleet = facts.fleet
    if fleet is None:
        for name in (_("lock"), _("breaker"), _("budget"), _("queues")):
            yield name, _("cannot be told: Redis does not answer")
        return
    yield _("lock"), _lock(fleet.lock)
    yield _("breaker"), _breaker(facts, fleet)
    yield _("budget"), _budget(fleet)
    yield _("queues"), _queues(fleet)


def _lock(lock: LockView) -> str:
    if not lock.is_held:
        return _("free: nobody is asking about it")
    seconds = round(lock.ends_in)
    ends = ngettext("for {count} second at most", "for {count} seconds at most", seconds).format(count=seconds)
    holder = safe(lock.holder) or _("somebody")
    return _("held by {holder}, {ends}").format(holder=holder, ends=ends)


def _breaker(facts: Facts, fleet: Fleet) -> str:
    breaker = fleet.breaker
    if breaker is None:
        return _("cannot be told: the account is not set up here")
    if breaker.state is BreakerState.CLOSED or breaker.since is None or breaker.until is None:
        return _("closed: LigdiCash is asked")
    since, until = at(breaker.since, now=facts.now), at(breaker.until, now=facts.now)
    told = _("open since {since}, next try {until}; {count} questions held back: {reason}")
    return told.format(since=since, until=until, count=breaker.held_back, reason=safe(breaker.reason))


def _budget(fleet: Fleet) -> str:
    rooms = {lane: fleet.room(lane) for lane in (Lane.CALLBACK, Lane.PERSON, Lane.SWEEP)}
    if None in rooms.values():
        return _("cannot be told")
    told = _("questions that may go out now: {callback} after callbacks, {person} for persons, {sweep} by the sweep")
    return told.format(**{lane.value: str(room) for lane, room in rooms.items()})


def _queues(fleet: Fleet) -> str:
    if fleet.waiting is None:
        return _("cannot be told: the broker does not answer")
    total = sum(fleet.waiting.values())
    counts = ", ".join(f"{name} {count}" for name, count in fleet.waiting.items())
    return ngettext("{total} message waits ({counts})", "{total} messages wait ({counts})", total).format(
        total=total, counts=counts
    )
