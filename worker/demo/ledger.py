"""Adds up how a run ended: our books against the gateway's, and each promise against both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import quantiles

from models.check import Lane
from models.queries.ledger import Ending
from models.transaction import Status
from worker.demo.by_account import AccountSum, each_has_its_own_keys, sums_of
from worker.demo.evidence import Evidence, Promise, Telling, Told
from worker.demo.money_out import OutSum, out_sum, promises_of_money_out
from worker.demo.payins import PayinFate
from worker.demo.payouts import PayoutFate
from worker.demo.story import FORGING, AnyFate, Fate
from worker.language import _, number

NO_CLOSER_THAN = 3.0
"""Seconds between two questions about one payment, the vendor's floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds from the moment the gateway would say `completed` to our settlement."""

    count: int
    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Pace:
        """Percentiles by linear interpolation; zeros when nothing was measured."""
        if len(seconds) < 2:  # noqa: PLR2004 - quantiles need two
            only = seconds[0] if seconds else 0.0
            return cls(count=len(seconds), p50=only, p95=only, p99=only)
        cuts = quantiles(seconds, n=100, method="inclusive")
        return cls(count=len(seconds), p50=cuts[49], p95=cuts[94], p99=cuts[98])


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Everything the last page shows."""

    fates: Mapping[AnyFate, Counter[str]]
    """Per fate, how many ended how: a status, with what it was learned by where it is final."""
    paces: Mapping[str, Pace]
    waits: Mapping[str, Sequence[float]]
    promises: Sequence[Promise]
    settled_amount: int
    """Whole francs that came in."""
    questions: int
    callbacks_sent: int
    callbacks_refused: int
    callbacks_unanswered: int
    callbacks_stored: int
    duplicates_absorbed: int
    forgeries: int
    open_cases: Counter[str]
    holes: int
    """Invoices a killed door cut short: no reply to their create was stored."""
    troubles: Sequence[str]
    money_out: OutSum | None = None
    """None where no payout is in the story."""
    accounts: Sequence[AccountSum] = ()
    """None where there is one account."""

    @property
    def is_clean(self) -> bool:
        """Whether every promise held."""
        return all(promise.held for promise in self.promises)


def add_up(evidence: Evidence) -> Ledger:
    """The ledger of one run."""
    books, gateway = evidence.ours.values(), evidence.told.values()
    outgoing = {visit.transaction_id for visit in evidence.visits if visit.payout}
    waits = _waits(evidence)
    return Ledger(
        fates=_by_fate(evidence),
        paces={lane: Pace.of(sorted(seconds)) for lane, seconds in waits.items()},
        waits=waits,
        promises=[
            *(check(evidence) for check in PROMISES),
            *promises_of_money_out(evidence),
            *each_has_its_own_keys(evidence),
            *_every_outcome_is_told(evidence.telling),
        ],
        settled_amount=sum(ending.settled_amount for ending in books if ending.transaction_id not in outgoing),
        questions=sum(one.asked for one in gateway),
        callbacks_sent=evidence.sent,
        callbacks_refused=evidence.refused,
        callbacks_unanswered=evidence.sent - evidence.acknowledged - evidence.refused,
        callbacks_stored=sum(evidence.stored.values()),
        duplicates_absorbed=sum(max(0, e.callbacks - 1) for e in books if e.status is not Status.PENDING),
        forgeries=evidence.played.forged_acknowledged,
        open_cases=Counter(case for ending in books for case in ending.open_cases),
        holes=len(evidence.played.holes - outgoing),
        troubles=evidence.played.troubles,
        money_out=out_sum(evidence),
        accounts=sums_of(evidence),
    )


def _by_fate(evidence: Evidence) -> dict[AnyFate, Counter[str]]:
    told_of = {visit.fate for visit in evidence.visits}
    fates: dict[AnyFate, Counter[str]] = {
        fate: Counter() for fate in (*Fate, *PayinFate, *PayoutFate) if fate in told_of
    }
    for visit in evidence.visits:
        fates[visit.fate][_how(evidence.ours.get(visit.transaction_id))] += 1
    return fates


def _how(ending: Ending | None) -> str:
    if ending is None:
        return "never ordered"
    if ending.status in (Status.COMPLETED, Status.NOTCOMPLETED):
        return f"{ending.status}/{ending.learned_by or '?'}"
    return str(ending.status)


def _waits(evidence: Evidence) -> dict[str, list[float]]:
    """Seconds to settlement of what came in, by who learned it: a callback or the sweep. Payouts are asked about seldom."""
    waits: dict[str, list[float]] = {Lane.CALLBACK.value: [], Lane.SWEEP.value: []}
    outgoing = {visit.transaction_id for visit in evidence.visits if visit.payout}
    for ending in (each for each in evidence.ours.values() if each.transaction_id not in outgoing):
        known = evidence.told.get(ending.transaction_id)
        if ending.settled_at and ending.learned_by and known and known.paid_at:
            seconds = ending.settled_at.timestamp() - max(known.paid_at, known.tells_from)
            waits.setdefault(ending.learned_by.value, []).append(max(0.0, seconds))
    return waits


def _nothing_acknowledged_is_lost(evidence: Evidence) -> Promise:
    kept = sum(evidence.stored.values())
    short = sum(_missing(evidence, one) for one in evidence.told.values())
    lost = max(short, evidence.acknowledged - kept, 0)
    figures = _("{acknowledged} answered 200, {kept} stored, lost {lost}")
    figures = figures.format(acknowledged=evidence.acknowledged, kept=kept, lost=lost)
    return Promise(name=_("Nothing acknowledged is lost"), held=lost == 0, figures=figures)


def _missing(evidence: Evidence, one: Told) -> int:
    """Callbacks about one payment that were answered 200 and are not in our books."""
    ending = evidence.ours.get(one.transaction_id)
    return max(0, one.acknowledged - (ending.callbacks if ending else 0))


def _nothing_is_settled_twice(evidence: Evidence) -> Promise:
    books = evidence.ours.values()
    completed = [ending for ending in books if ending.status is Status.COMPLETED]
    unbalanced = [e for e in books if e.settlements != (1 if e.status is Status.COMPLETED else 0)]
    twice = [e for e in books if e.settlements > 1 or e.notices > 1]
    figures = _("{completed} completed, settled twice {twice}").format(completed=len(completed), twice=len(twice))
    return Promise(name=_("Nothing is settled twice"), held=not unbalanced and not twice, figures=figures)


def _nothing_is_settled_on_hearsay(evidence: Evidence) -> Promise:
    """Every settlement has its stored proof, and the gateway's own books agree that this sum was paid."""
    settled = [ending for ending in evidence.ours.values() if ending.settlements]
    unpaid = {v.transaction_id for v in evidence.visits if evidence.should_end(v) is not Status.COMPLETED}
    groundless = [
        e
        for e in settled
        if e.proof != Status.COMPLETED.value
        or e.settled_amount != e.amount
        or e.transaction_id in unpaid
        or evidence.told[e.transaction_id].paid_at is None
    ]
    forged = sum(visit.fate in FORGING for visit in evidence.visits)
    figures = _("{forged} forged at, settled unproven {unproven}").format(forged=forged, unproven=len(groundless))
    return Promise(name=_("Nothing is settled on hearsay"), held=not groundless, figures=figures)


def _nothing_goes_quiet(evidence: Evidence) -> Promise:
    quiet = [ending for ending in evidence.ours.values() if not ending.is_armed]
    unread = evidence.stored.get("received", 0)
    figures = _("forgotten: {payments} payments, {callbacks} callbacks")
    figures = figures.format(payments=len(quiet), callbacks=unread)
    return Promise(name=_("Nothing goes quiet"), held=not quiet and not unread, figures=figures)


def _every_outcome_reached_the_books(evidence: Evidence) -> Promise:
    """Of all that the gateway could decide; what was cut short at its creation has no outcome to reach."""
    expected = [
        visit
        for visit in evidence.visits
        if visit.transaction_id in evidence.told and visit.transaction_id not in evidence.played.holes
    ]
    lost = [
        visit
        for visit in expected
        if (e := evidence.ours.get(visit.transaction_id)) is None or e.status is not evidence.should_end(visit)
    ]
    figures = (
        _("{expected} invoices at the gateway, lost {lost}")
        if evidence.money_out is None
        else _("{expected} payments and payouts, lost {lost}")
    )
    figures = figures.format(expected=len(expected), lost=len(lost))
    return Promise(name=_("Every outcome reached the books"), held=not lost, figures=figures)


def _the_gateway_is_left_in_peace(evidence: Evidence) -> Promise:
    gaps = [one.shortest_gap for one in evidence.told.values() if one.shortest_gap is not None]
    closest = min(gaps, default=None)
    figures = (
        _("none was asked about twice")
        if closest is None
        else _("the closest two were {seconds} s apart").format(seconds=number(closest, ".2f"))
    )
    held = closest is None or closest >= NO_CLOSER_THAN - 0.05  # two clocks and a network lie in between
    name = _("{seconds} s between two questions").format(seconds=number(NO_CLOSER_THAN, "g"))
    return Promise(name=name, held=held, figures=figures)


def _the_whole_story_was_played(evidence: Evidence) -> Promise:
    """A demo that quietly did less would prove less."""
    played = evidence.played
    missing = len(evidence.visits) - len(evidence.ours)
    figures = _("{orders} orders, {repeats} repeats, {holes} cut short")
    figures = figures.format(orders=len(evidence.ours), repeats=played.repeated_orders, holes=len(played.holes))
    return Promise(name=_("The whole story was played"), held=missing == 0 and not played.troubles, figures=figures)


def _every_outcome_is_told(telling: Telling | None) -> list[Promise]:
    """By push, each once by its id: what came again has the id of what came before."""
    if telling is None:
        return []
    heard = [event for event in telling.written if telling.received.get(event)]
    again = sum(telling.received.get(event, 1) - 1 for event in heard)
    figures = _("{written} written, {received} received, {again} again")
    figures = figures.format(written=len(telling.written), received=len(heard), again=again)
    held = len(heard) == len(telling.written) and not telling.refused
    return [Promise(name=_("Every notice is received"), held=held, figures=figures)]


PROMISES: tuple[Callable[[Evidence], Promise], ...] = (
    _nothing_acknowledged_is_lost,
    _nothing_is_settled_twice,
    _nothing_is_settled_on_hearsay,
    _nothing_goes_quiet,
    _every_outcome_reached_the_books,
    _the_gateway_is_left_in_peace,
    _the_whole_story_was_played,
)
