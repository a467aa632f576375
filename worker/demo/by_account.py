"""Adds up a run account by account, and holds the keys its questions came with against what the gateway counted."""

from __future__ import annotations

from dataclasses import dataclass

from worker.demo.evidence import Evidence, Keys, Promise
from worker.demo.story import Visit
from worker.language import _


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSum:
    """One account. Amounts are whole francs that settled."""

    account: str
    payins: int
    came_in: int
    payouts: int
    went_out: int
    questions: int


def sums_of(evidence: Evidence) -> list[AccountSum]:
    """One for each account of the story; empty where there is one account."""
    return [_sum(evidence, account) for account in evidence.keys.projects] if evidence.keys else []


def _sum(evidence: Evidence, account: str) -> AccountSum:
    mine = {visit.transaction_id: visit for visit in evidence.visits if visit.account == account}
    settled = {ours: evidence.ours[ours].settled_amount for ours in mine if ours in evidence.ours}
    outgoing = {ours for ours, visit in mine.items() if visit.payout}
    return AccountSum(
        account=account,
        payins=len(mine) - len(outgoing),
        came_in=sum(amount for ours, amount in settled.items() if ours not in outgoing),
        payouts=len(outgoing),
        went_out=sum(amount for ours, amount in settled.items() if ours in outgoing),
        questions=sum(evidence.told[ours].asked for ours in mine if ours in evidence.told),
    )


def each_has_its_own_keys(evidence: Evidence) -> list[Promise]:
    """Empty where there is one account.

    Every payment was made in the project of its account, tells of itself at that account's address, and was asked about with
    that project's keys: with the new ones as soon as the old ones were withdrawn.
    """
    if (keys := evidence.keys) is None:
        return []
    astray = sum(_is_astray(evidence, keys, visit) for visit in evidence.visits)
    renewed = sum(_is_asked_with_new_keys(evidence, keys, visit) for visit in evidence.visits)
    figures = _("others' {foreign}, withdrawn {withdrawn}, new {new}")
    figures = figures.format(foreign=keys.foreign + astray, withdrawn=keys.withdrawn, new=renewed)
    held = not (keys.foreign or astray or keys.withdrawn) and (renewed > 0 or not keys.rotated)
    return [Promise(name=_("Each account has its own keys"), held=held, figures=figures)]


def _is_astray(evidence: Evidence, keys: Keys, visit: Visit) -> bool:
    told, ours = evidence.told.get(visit.transaction_id), evidence.ours.get(visit.transaction_id)
    if ours is not None and ours.account != visit.account:
        return True
    its_own = keys.projects[visit.account], keys.callback_urls[visit.account]
    return told is not None and (told.project, told.callback_url) != its_own


def _is_asked_with_new_keys(evidence: Evidence, keys: Keys, visit: Visit) -> bool:
    told, since = evidence.told.get(visit.transaction_id), keys.rotated.get(visit.account)
    return told is not None and told.last_asked is not None and since is not None and told.last_asked > since
