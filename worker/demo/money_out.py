"""Holds money that went out against what the gateway counted: our own books cannot know whether a payout was sent twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.transaction import Route, Status
from worker.demo.evidence import Evidence, MoneyOut, Promise, Told
from worker.demo.payouts import PayoutFate
from worker.demo.story import Visit
from worker.language import _

ROUTES: Mapping[Route, str] = {Route.WALLET: "wallet", Route.MOBILE_MONEY: "straight"}
"""What the gateway's side calls them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutSum:
    """What went out, in whole francs, and what may have: sent, and nobody knows."""

    settled: int
    in_doubt: int
    unknown: int
    """How many of those there are."""


def out_sum(evidence: Evidence) -> OutSum | None:
    """None where no payout is in the story."""
    if evidence.money_out is None:
        return None
    ours = [
        evidence.ours[visit.transaction_id] for visit in _payouts(evidence) if visit.transaction_id in evidence.ours
    ]
    doubtful = [ending for ending in ours if ending.status is Status.CREATED]
    return OutSum(
        settled=sum(ending.settled_amount for ending in ours),
        in_doubt=sum(ending.amount for ending in doubtful),
        unknown=len(doubtful),
    )


def promises_of_money_out(evidence: Evidence) -> list[Promise]:
    """None where no payout is in the story."""
    out = evidence.money_out
    return [] if out is None else [_none_is_sent_twice(out), _the_gateway_got_what_was_asked(evidence, out)]


def _none_is_sent_twice(out: MoneyOut) -> Promise:
    """By what came in at the gateway under each id of ours. Only after a certain no of the gateway may one come again."""
    twice = [ours for ours, times in out.received.items() if times - out.refused.get(ours, 0) > 1]
    figures = _("{count} came to the gateway, sent twice {twice}")
    figures = figures.format(count=len(out.received), twice=len(twice))
    return Promise(name=_("No payout is sent twice"), held=not twice, figures=figures)


def _the_gateway_got_what_was_asked(evidence: Evidence, out: MoneyOut) -> Promise:
    """Amount, receiver and way of each, and nothing that a person rejected or nobody asked for."""
    asked = {visit.transaction_id: visit for visit in _payouts(evidence)}
    unasked = [ours for ours in out.received if ours not in asked or asked[ours].fate is PayoutFate.REJECTED]
    taken = [evidence.told[ours] for ours in out.received if ours in evidence.told]
    other = [one for one in taken if one.transaction_id in asked and not _is_as_asked(one, asked[one.transaction_id])]
    figures = _("{count} taken by the gateway, otherwise {other}")
    figures = figures.format(count=len(taken), other=len(unasked) + len(other))
    return Promise(name=_("Money goes out as asked"), held=not unasked and not other, figures=figures)


def _is_as_asked(told: Told, visit: Visit) -> bool:
    out = visit.payout
    if out is None:
        return False
    return (told.amount, told.customer, told.route) == (visit.amount, out.customer, ROUTES[out.route])


def _payouts(evidence: Evidence) -> list[Visit]:
    return [visit for visit in evidence.visits if visit.payout]
