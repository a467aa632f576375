"""Gathers the facts: one snapshot of the books, and one look at Redis. Takes no lock, asks no question, writes nothing."""

from __future__ import annotations

from datetime import timedelta

from models.answers import Said
from models.errors import NotFound, Unreadable
from models.queries.standing import Knock, Standing, find_standing
from models.session import transaction
from tasks.toolbox import Account, Toolbox, Wire
from worker.language import _
from worker.ops.why.facts import Claim, Facts, Fleet


def look(tools: Toolbox, transaction_id: str) -> Facts:
    """All there is to know about it now. Raises `NotFound`, and `StoreAway` when the database is not there."""
    standing = _standing(tools, transaction_id)
    account = tools.accounts.find(standing.history.invoice.account)
    return Facts(
        standing=standing,
        claims=tuple(_claim(tools.wire, knock) for knock in standing.knocks),
        fleet=_fleet(tools, standing.history.invoice.id, account),
        has_account=account is not None,
        first_check=tools.pending_after,
        longest_question=timedelta(seconds=tools.lengths.hard_limit),
    )


def _standing(tools: Toolbox, transaction_id: str) -> Standing:
    # Bytes of a command line that are no text cannot be an id, and would not reach the database.
    if transaction_id.isprintable():
        with transaction(tools.sessions) as step:
            if standing := find_standing(step.session, transaction_id):
                return standing
    raise NotFound(_("there is no invoice or payout {transaction_id!r}").format(transaction_id=transaction_id))


def _claim(wire: Wire, knock: Knock) -> Claim:
    try:
        content = wire.read_callback(knock.content_type, knock.body)
    except Unreadable:  # it was read before, by another release
        return Claim(callback_id=knock.callback_id, received_at=knock.received_at, says=Said.UNKNOWN, amount=None)
    return Claim(
        callback_id=knock.callback_id, received_at=knock.received_at, says=content.claims, amount=content.amount
    )


def _fleet(tools: Toolbox, pk: int, account: Account | None) -> Fleet | None:
    """None while Redis is away. The lock is looked at first: with no answer to that, the others would only cost time."""
    lock = tools.locks.view(pk)
    if lock.is_held is None:
        return None
    if account is None:
        return Fleet(lock=lock, breaker=None, lanes=(), waiting=tools.queue.waiting())
    breaker = account.breaker.view()
    if not breaker.is_shared:
        return None
    return Fleet(lock=lock, breaker=breaker, lanes=tuple(account.budget.levels()), waiting=tools.queue.waiting())
