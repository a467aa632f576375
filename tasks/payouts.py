"""Send money out through the gateway, each payout once.

The row is stored, then marked as sent, then sent: in three steps with a commit after each. Whoever has the mark is the only
one who sends, and nobody gets it twice. So whatever is lost from there on, a reply, a process, a database, leaves a payout
that says "sent, unknown" and is never sent again: a callback's word about it moves nothing, and a person decides.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import structlog
from sqlalchemy.orm import Session

from config import policy
from models import trace
from models.account import DEFAULT
from models.case import CaseKind
from models.errors import (
    Conflict,
    GatewayMisconfigured,
    GatewayRefused,
    NotFound,
    NotSent,
    PayoutUnknown,
    StoreAway,
    TryAgain,
)
from models.payout import Accepted, PayoutOrder
from models.queries import approval, sending
from models.queries import payouts as books
from models.queries.cases import Signature
from models.queries.payouts import Mark, NewPayout
from models.queries.record import NewCase, open_cases, tell_refused
from models.session import Step, transaction
from models.transaction import Approval, Payout, Route, Status
from tasks.holes import PAYOUT_ADVICE
from tasks.same_order import same_order
from tasks.tokens import keep_token
from tasks.toolbox import Shop, Toolbox
from tasks.uptime import check_prompt

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A payout in the books, and whether this very request put it there, or took it up again."""

    payout: Payout
    is_new: bool


def create(tools: Toolbox, order: PayoutOrder, *, account: str = DEFAULT, by: Signature | None = None) -> Booked:
    """Have this payout sent from this account, once: the same order again gives the payout that is there.

    `by` is kept with a new one: who had it sent out of a file, and why. It is no part of the order. While sending is switched
    off it is stored, and waits in the queue: see `is_queued`.

    Raises `Conflict` for another order or account under the same id, `Invalid` for an account that nobody set up,
    `GatewayRefused` or `GatewayMisconfigured` when the gateway certainly said no, `NotSent` when it was never reached (send
    the same order again), and `PayoutUnknown`, with a case, when the money may be on its way. What was certainly not sent is sent when its order comes again.
    """
    mine = tools.account(account)
    with transaction(tools.sessions) as step:
        booked = _begin(step.session, order, account=mine.name, by=by)
        # In the same transaction: nobody finds it in between and sends it, and it cannot be left behind without its case.
        if _needs_approval(tools, booked.payout) and approval.hold(step.session, booked.payout.id):
            step.session.refresh(booked.payout)
            return booked
    # Who finds one that nobody has marked yet may send it, too: its first sender is gone, or loses the mark.
    if booked.payout.status == Status.CREATED and booked.payout.sent_at is None:
        send(tools, booked.payout)
        return Booked(payout=_reread(tools, order.transaction_id), is_new=booked.is_new)
    return booked


def is_awaiting(payout: Payout) -> bool:
    """Whether it is stored and not sent until a person approves it."""
    return payout.approval == Approval.AWAITING and payout.status == Status.CREATED


def is_queued(payout: Payout) -> bool:
    """Whether it is stored and not sent while sending is switched off. It goes out by itself afterwards."""
    return payout.queued_at is not None and payout.status == Status.CREATED and payout.sent_at is None


def _needs_approval(tools: Toolbox, payout: Payout) -> bool:
    """Whether it must wait. One that waits goes on waiting when the ceiling is raised or taken away."""
    if payout.status != Status.CREATED or payout.sent_at is not None or payout.approval == Approval.APPROVED:
        return False
    return payout.approval == Approval.AWAITING or 0 < tools.approval_above < payout.amount


def approve(tools: Toolbox, transaction_id: str, by: Signature) -> Booked:
    """Let a payout go that waits for approval, and send it, once. Also sends one that was approved and certainly not sent.

    Raises `NotFound`, `Conflict` when it does not wait, and what `create` raises; when its account is not set up, before
    anything is decided. After a refusal it waits again, for a person when the gateway refused it, else in the queue. Does not
    know who ordered it: that somebody else approves it is for people to see to.
    """
    waiting = _reread(tools, transaction_id)
    tools.account(waiting.account)
    pk = waiting.id
    with transaction(tools.sessions) as step:
        let_go = approval.approve(step.session, pk, by, grace=policy.CREATE_GRACE)
    payout = _reread(tools, transaction_id)
    if payout.approval != Approval.APPROVED:
        raise Conflict(_not_waiting(payout))
    if payout.status == Status.REFUSED:  # by the release before, which let it wait no longer then
        with transaction(tools.sessions) as step:
            let_go = books.retry_refused(step.session, pk, grace=policy.CREATE_GRACE)
    if not let_go and (payout.status != Status.CREATED or payout.sent_at is not None):
        raise Conflict(_not_waiting(payout))
    send(tools, payout)
    return Booked(payout=_reread(tools, transaction_id), is_new=let_go)


def reject(tools: Toolbox, transaction_id: str, by: Signature) -> Payout:
    """Close a payout that waits for approval, or in the queue, and tell so. Its order is refused from then on.

    Raises `NotFound` and `Conflict`.
    """
    pk = _reread(tools, transaction_id).id
    with transaction(tools.sessions) as step:
        done = approval.reject(step.session, pk, by)
        if done:
            _ring_for_notice(tools, step)
    payout = _reread(tools, transaction_id)
    if not done:
        raise Conflict(_not_waiting(payout))
    return payout


def _not_waiting(payout: Payout) -> str:
    stands = f"payout {payout.transaction_id!r} does not wait for approval: it is {payout.status}"
    return f"{stands}, {payout.approval} by {payout.approval_by}" if payout.approval_by else stands


def send(tools: Toolbox, payout: Payout) -> bool:
    """Send this payout as its row has it, unless somebody else did, or does; whether it was sent here and accepted.

    It goes out with the keys of the account in its row. Raises what `create` raises; when that account is not set up,
    before it is marked. The only place from which money goes out. One that waits for approval gets no mark here, and while
    sending is switched off it is put into the queue instead.
    """
    account = tools.account(payout.account)
    began = tools.uptime()
    mark = _mark(tools, payout.id)
    if mark is None:
        return False
    try:
        check_prompt(tools.uptime() - began, what="payout")
        accepted = account.gateway.send_payout(_as_sent(payout, account.shop))
    except (GatewayRefused, GatewayMisconfigured, NotSent) as exc:
        _refuse(tools, mark, exc)
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


def _begin(session: Session, order: PayoutOrder, *, account: str, by: Signature | None) -> Booked:
    """Put the row there, or find the one that is; one that was certainly not sent is taken up again."""
    new = NewPayout(order=order, account=account, digest=order_digest(order), by=by)
    payout = books.begin_payout(session, new, grace=policy.CREATE_GRACE)
    if payout is not None:
        return Booked(payout=payout, is_new=True)
    found = books.find_payout(session, order.transaction_id)
    there = same_order(found, transaction_id=order.transaction_id, account=account, digest=new.digest)
    if there.approval == Approval.REJECTED:
        raise Conflict(
            f"payout {order.transaction_id!r} was rejected by {there.approval_by}, and is not taken up again;"
            " use a new transaction_id"
        )
    if there.status == Status.REFUSED and there.wait_ended_at is not None:
        raise Conflict(
            f"payout {order.transaction_id!r} was refused after its order had been taken, as its event told, and is not taken"
            " up again; use a new transaction_id"
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
    def store(session: Session) -> bool:
        return books.finish_payout(session, pk, token=accepted.token, first_check=policy.PAYOUT_FIRST_CHECK)

    try:
        finished = keep_token(tools.sessions, pk, store)
    except StoreAway as exc:
        raise PayoutUnknown(
            "the gateway accepted the payout and the database went away before its token was stored"
        ) from exc
    except Conflict as exc:
        what = "the gateway accepted the payout under a token that belongs to another transaction already"
        _give_to_a_person(tools, pk, what)
        raise PayoutUnknown(what) from exc
    if not finished:
        raise PayoutUnknown("the gateway accepted the payout, and its row no longer waits for the reply")


def _mark(tools: Toolbox, pk: int) -> Mark | None:
    """Mark it as sent, or put it into the queue; the mark if it is ours.

    Who switches sending off waits for this commit, so that none is marked once it is off.
    """
    with transaction(tools.sessions) as step:
        if stop := sending.stop_of_sending(step.session):
            is_queued = sending.queue(step.session, pk, stop)
            log.info("payout_queued" if is_queued else "payout_not_sent_here", trace=trace.of_transaction(pk))
            return None
        mark = books.mark_sent(step.session, pk, grace=policy.CREATE_GRACE)
    if mark is None:
        log.info("payout_not_sent_here", trace=trace.of_transaction(pk))
    return mark


def _refuse(tools: Toolbox, mark: Mark, error: Exception) -> None:
    """Write down that it was not taken. Of one that had waited nobody is there to be told: it waits on, or a notice tells."""
    with transaction(tools.sessions) as step:
        refused = books.refuse_payout(step.session, mark.pk, reason=str(error))
        if refused and mark.has_waited and not _waits_on(step.session, mark, error):
            tell_refused(step.session, mark.pk, account=mark.account)
            _ring_for_notice(tools, step)


def _waits_on(session: Session, mark: Mark, error: Exception) -> bool:
    """Whether it goes on waiting: for another try when the fault is not its own, for a person when a person let it go."""
    if not isinstance(error, GatewayRefused):
        return sending.back_into_the_queue(session, mark.pk, wait=policy.SEND_AGAIN)
    return mark.is_approved and sending.give_to_a_person(session, mark.pk, reason=str(error))


def _ring_for_notice(tools: Toolbox, step: Step) -> None:
    if tools.merchant is not None:
        step.after_commit.append(tools.queue.deliver_soon)


def _give_to_a_person(tools: Toolbox, pk: int, what: str) -> None:
    """Park it with a case. Should even that fail, the sweep finds it by itself."""
    try:
        with transaction(tools.sessions) as step:
            if books.park_unknown(step.session, pk):
                detail = f"{what.rstrip('.')}. {PAYOUT_ADVICE}"
                open_cases(step.session, [NewCase(kind=CaseKind.TOKEN_LOST, detail=detail, transaction_pk=pk)])
    except TryAgain:
        log.warning("case_left_to_the_sweep", trace=trace.of_transaction(pk))


def _reread(tools: Toolbox, transaction_id: str) -> Payout:
    with transaction(tools.sessions) as step:
        payout = books.find_payout(step.session, transaction_id)
    if payout is None:
        raise NotFound(f"there is no payout {transaction_id!r}")
    return payout
