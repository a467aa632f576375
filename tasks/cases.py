"""End cases for a person who answers for it, and change a status by hand where no answer of the gateway does it.

Does not ask: whoever calls asks first, the usual way, so that an answer that agrees settles by evidence. Nobody rings for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from models.queries import cases, overrides
from models.queries.cases import CaseFacts, OldOnes, Signature
from models.queries.overrides import NewOverride
from models.queries.record import add_notices, close_parking_cases
from models.session import transaction
from models.transaction import Status
from tasks.toolbox import Toolbox

log = structlog.get_logger()

AT_A_TIME = 2_000
"""Cases that are ended in one transaction: well under a second, and a bound for what is held in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """What a person says became of the transaction of a case. `amount` is whole francs received; 0 unless completed."""

    case: CaseFacts
    new: Status
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A status that was changed by hand, as the notices want it."""

    transaction_pk: int
    new: Status


def end(tools: Toolbox, ids: Sequence[int], by: Signature, *, since: datetime | None = None) -> set[int]:
    """End those of these cases that are open and need not stay so; the ids that this call ended.

    Of two persons at once one ends a case, and the other's ids lack it. With `since`, a case that ended by itself after that
    moment takes the words too: the person's own question ended it.
    """
    with transaction(tools.sessions) as step:
        ended = cases.end_cases(step.session, ids, by, since=since)
    log.info("cases_ended", cases=sorted(ended), author=by.author, reason=by.reason)
    return ended


def end_old(tools: Toolbox, old: OldOnes, by: Signature) -> Iterator[int]:
    """End all of them, some thousand in a transaction; yields how many each transaction ended.

    What somebody else ends meanwhile is theirs. Needs memory for one part, however many there are.
    """
    after, total, goes_on = 0, 0, True
    while goes_on:
        with transaction(tools.sessions) as step:
            ended = cases.end_old(step.session, old, by, after=after, limit=AT_A_TIME)
        after = ended[-1] if ended else after
        total += len(ended)
        goes_on = bool(ended)
        yield len(ended)
    log.info("cases_ended", kind=old.kind.value, count=total, author=by.author, reason=by.reason)


def override(tools: Toolbox, change: ByHand, by: Signature) -> int | None:
    """Change the status by hand, in one transaction with all that belongs to it; the id of the override.

    1. Lock the row and the case: somebody may have been quicker with either, and then nothing happens at all: None.
    2. Move the status if it is still the one the person saw; note who answers for it; settle what was received.
    3. End the case, and those that only said that nothing is known; tell the merchant's application.
    """
    case = change.case
    if case.transaction_pk is None or case.status is None:  # cannot happen: whoever calls has looked
        raise ValueError(f"case {case.id} is about no transaction")
    wanted = NewOverride(
        transaction_pk=case.transaction_pk,
        case_id=case.id,
        old=case.status,
        new=change.new,
        amount=change.amount,
        author=by.author,
        reason=by.reason,
    )
    with transaction(tools.sessions) as step:
        status, account = overrides.lock_status(step.session, wanted.transaction_pk)
        if status is not wanted.old or not cases.lock_open(step.session, case.id):
            return None
        made = overrides.override(step.session, wanted)
        cases.end_cases(step.session, [case.id], by)
        close_parking_cases(step.session, [wanted.transaction_pk], resolution=f"decided by hand: override {made}")
        if wanted.new is not Status.REFUSED:
            told = _Told(transaction_pk=wanted.transaction_pk, new=wanted.new)
            add_notices(step.session, [told], accounts={told.transaction_pk: account})
            if tools.merchant is not None:
                step.after_commit.append(tools.queue.deliver_soon)
    log.warning(
        "status_overridden",
        override=made,
        transaction_id=case.transaction_id,
        old=wanted.old.value,
        new=wanted.new.value,
        amount=wanted.amount,
        author=by.author,
    )
    return made
