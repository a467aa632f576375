"""Send money out through the gateway, each payout once.

The row is stored, then marked as sent, then sent: in three steps with a commit after each. Whoever has the mark is the only
one who sends, and nobody gets it twice. So whatever is lost from there on, a reply, a process, a database, leaves a payout
that says "sent, unknown" and is never sent again: a callback's word about it moves nothing, and a person decides.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass

import structlog
from sqlalchemy.orm import Session

from config import policy
from models.account import DEFAULT
from models.case import CaseKind
from models.errors import Conflict, GatewayMisconfigured, GatewayRefused, NotSent, PayoutUnknown, StoreAway, TryAgain
from models.payout import Accepted, PayoutOrder
from models.queries import payouts as books
from models.queries.payouts import NewPayout
from models.queries.record import NewCase, open_cases
from models.session import transaction
from models.transaction import Payout, Route, Status
from tasks.sweep import PAYOUT_ADVICE
from tasks.toolbox import Shop, Toolbox

log = structlog.get_logger()

STORING_ATTEMPTS = 5
"""A reply of the gateway holds the only copy of the token: storing it is tried that often, a second apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A payout in the books, and whether this very request put it there, or took it up again."""

    payout: Payout
    is_new: bool


def create(tools: Toolbox, order: PayoutOrder, *, account: str = DEFAULT) -> Booked:
    """Have this payout sent from this account, once: the same order again gives the payout that is there.

    Raises `Conflict` for another order or account under the same id, `Invalid` for an account that nobody set up,
    `GatewayRefused` or `GatewayMisconfigured` when the gateway
    certainly said no, `NotSent` when it was never reached (send the same order again), and `PayoutUnknown`, with a case,
    when the money may be on its way. What was certainly not sent is sent when its order comes again.
    """
    mine = tools.account(account)
    with transaction(tools.sessions) as step:
        booked = _begin(step.session, order, account=mine.name)
    # Who finds one that nobody has marked yet may send it, too: its first sender is gone, or loses the mark.
    if booked.payout.status == Status.CREATED and booked.payout.sent_at is None:
        send(tools, booked.payout)
        return Booked(payout=_reread(tools, order.transaction_id), is_new=booked.is_new)
    return booked


def send(tools: Toolbox, payout: Payout) -> bool:
    """Send this payout as its row has it, unless somebody else did, or does; whether it was sent here and accepted.

    It goes out with the keys of the account in its row. Raises what `create` raises; when that account is not set up,
    before it is marked. The only place from which money goes out: whatever is to hold a payout back for a while
    leaves it created and not marked, parked with a case so that the sweep does not close it, and calls this later.
    """
    account = tools.account(payout.account)
    with transaction(tools.sessions) as step:
        is_ours = books.mark_sent(step.session, payout.id, grace=policy.CREATE_GRACE)
    if not is_ours:
        log.info("payout_not_sent_here", transaction_pk=payout.id)
        return False
    try:
        accepted = account.gateway.send_payout(_as_sent(payout, account.shop))
    except (GatewayRefused, GatewayMisconfigured, NotSent) as exc:
        _refuse(tools, payout.id, reason=str(exc))
        raise
    except PayoutUnknown as exc:
        _give_to_a_person(tools, payout.id, str(exc))
        raise
    _finish(tools, payout.id, accepted)
    return True


def order_digest(order: PayoutOrder) -> bytes:
    """SHA-256 over the order as the merchant gave it: two orders with one digest are the same order.

    What is empty is left out, so that a field added in a later release does not make every old order another one.
    """
    given = {name: value for name, value in asdict(order).items() if value not in (None, "")}
    return hashlib.sha256(json.dumps(given, sort_keys=True, ensure_ascii=False).encode()).digest()


def _as_sent(payout: Payout, shop: Shop) -> PayoutOrder:
    if payout.route is None or payout.customer is None:  # cannot happen: a constraint of the table says so
        raise ValueError(f"payout {payout.id} has no way")
    return PayoutOrder(
        transaction_id=payout.transaction_id,
        amount=payout.amount,
        route=Route(payout.route),
        customer=payout.customer,
        stays_in_wallet=payout.stays_in_wallet,
        description=payout.description,
        callback_url=shop.callback_url,
    )


def _begin(session: Session, order: PayoutOrder, *, account: str) -> Booked:
    """Put the row there, or find the one that is; one that was certainly not sent is taken up again."""
    new = NewPayout(order=order, account=account, digest=order_digest(order))
    payout = books.begin_payout(session, new, grace=policy.CREATE_GRACE)
    if payout is not None:
        return Booked(payout=payout, is_new=True)
    there = books.find_payout(session, order.transaction_id)
    if there is not None and there.account != account:
        raise Conflict(
            f"transaction_id {order.transaction_id!r} is taken by an order of the account {there.account!r}; "
            "use a new transaction_id"
        )
    if there is None or there.order_digest != new.digest:
        raise Conflict(
            f"transaction_id {order.transaction_id!r} is taken by an order with other contents; "
            "send the first order again unchanged, or use a new transaction_id"
        )
    again = there.status == Status.REFUSED and books.retry_refused(session, there.id, grace=policy.CREATE_GRACE)
    session.refresh(there)  # whoever lost that race shows what the winner made of it
    if there.status == Status.REFUSED and books.may_be_sent(session, there.id):
        raise Conflict(
            f"payout {order.transaction_id!r} was refused, and may have been sent after all: a callback came about it, or a"
            " person closed it. It is not sent again; find out what became of it, and use a new transaction_id"
        )
    return Booked(payout=there, is_new=again)


def _finish(tools: Toolbox, pk: int, accepted: Accepted) -> None:
    """Store the token, stubbornly: with the database gone at this moment it would be lost for good."""
    for attempt in range(1, STORING_ATTEMPTS + 1):
        try:
            with transaction(tools.sessions) as step:
                finished = books.finish_payout(
                    step.session, pk, token=accepted.token, first_check=policy.PAYOUT_FIRST_CHECK
                )
        except StoreAway as exc:
            log.warning("token_not_stored_yet", transaction_pk=pk, attempt=attempt)
            if attempt == STORING_ATTEMPTS:
                raise PayoutUnknown(
                    "the gateway accepted the payout and the database went away before its token was stored"
                ) from exc
            time.sleep(1)
        except Conflict as exc:
            what = "the gateway accepted the payout under a token that belongs to another transaction already"
            _give_to_a_person(tools, pk, what)
            raise PayoutUnknown(what) from exc
        else:
            if not finished:
                raise PayoutUnknown("the gateway accepted the payout, and its row no longer waits for the reply")
            return


def _refuse(tools: Toolbox, pk: int, *, reason: str) -> None:
    with transaction(tools.sessions) as step:
        books.refuse_payout(step.session, pk, reason=reason)


def _give_to_a_person(tools: Toolbox, pk: int, what: str) -> None:
    """Park it with a case. Should even that fail, the sweep finds it by itself."""
    try:
        with transaction(tools.sessions) as step:
            if books.park_unknown(step.session, pk):
                detail = f"{what.rstrip('.')}. {PAYOUT_ADVICE}"
                open_cases(step.session, [NewCase(kind=CaseKind.TOKEN_LOST, detail=detail, transaction_pk=pk)])
    except TryAgain:
        log.warning("case_left_to_the_sweep", transaction_pk=pk)


def _reread(tools: Toolbox, transaction_id: str) -> Payout:
    with transaction(tools.sessions) as step:
        payout = books.find_payout(step.session, transaction_id)
    if payout is None:  # rows are never deleted; if somebody did, say so instead of guessing
        raise Conflict(f"transaction_id {transaction_id!r} vanished from the books")
    return payout
