"""Payouts: store, mark as sent, finish, refuse. The mark is what keeps one from being sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.errors import Conflict
from models.payout import PayoutOrder
from models.queries.cases import Signature
from models.queries.record import close_parking_cases
from models.transaction import Kind, Payout, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayout:
    """An order as the books keep it, whole: it is sent from the row. `digest` is the SHA-256 of the order."""

    order: PayoutOrder
    account: str
    digest: bytes
    by: Signature | None = None
    """Who had it sent out of a file, and why."""


def begin_payout(session: Session, new: NewPayout, *, grace: timedelta) -> Payout | None:
    """Store the row before anybody sends it; None when the id is taken.

    Due after `grace`: should nobody send it, or nobody store a reply, the sweep finds it.
    """
    order = new.order
    statement = (
        insert(Payout)
        .values(
            kind=Kind.PAYOUT.value,
            account=new.account,
            transaction_id=order.transaction_id,
            amount=order.amount,
            description=order.description,
            route=order.route.value,
            customer=order.customer,
            stays_in_wallet=order.stays_in_wallet,
            order_digest=new.digest,
            ordered_by=new.by.author if new.by else None,
            ordered_why=new.by.reason if new.by else None,
            status=Status.CREATED.value,
            next_check_at=func.clock_timestamp() + grace,
        )
        .on_conflict_do_nothing(index_elements=["transaction_id"])
        .returning(Payout)
    )
    return session.scalars(statement).one_or_none()


def find_payout(session: Session, transaction_id: str) -> Payout | None:
    """The payout with this id of ours."""
    return session.scalars(select(Payout).where(Payout.transaction_id == transaction_id)).one_or_none()


def payout_by_pk(session: Session, pk: int) -> Payout | None:
    """The payout in this row."""
    return session.get(Payout, pk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the books have under an id: enough to tell whether an order is the same, and whether it went out."""

    kind: Kind
    account: str
    digest: bytes
    status: Status
    is_sent: bool
    is_awaiting: bool
    is_queued: bool
    is_approved: bool
    is_closed: bool
    """Whether it was refused, and its order is not taken up again."""


OPEN_CASES = text("""
    SELECT t.transaction_id, min(k.id) AS case_id FROM transactions t JOIN cases k ON k.transaction_pk = t.id
    WHERE t.transaction_id = ANY(CAST(:ids AS text[])) AND k.resolved_at IS NULL GROUP BY t.transaction_id
""")


def open_case_of(session: Session, ids: Sequence[str]) -> dict[str, int]:
    """The oldest open case about each of these that has one."""
    return {row.transaction_id: row.case_id for row in session.execute(OPEN_CASES, {"ids": list(ids)})}


# Only where nothing says that the gateway took it after all: neither our own mark, which a refusal by hand leaves, nor a
# callback, which it would not send about what it refused. Anybody can forge one; then a new id has to be used, and no money
# goes out twice.
MAY_BE_SENT = "(t.sent_at IS NOT NULL OR EXISTS (SELECT FROM callbacks c WHERE c.transaction_pk = t.id))"
KNOWN = text(f"""
    SELECT transaction_id, kind, account, order_digest, status, sent_at IS NOT NULL AS is_sent,
           (approval = 'awaiting' AND status = 'created') IS TRUE AS is_awaiting,
           status = 'created' AND queued_at IS NOT NULL AS is_queued,
           (approval = 'approved') IS TRUE AS is_approved,
           status = 'refused' AND ((approval = 'rejected') IS TRUE OR wait_ended_at IS NOT NULL
               OR erased_at IS NOT NULL OR {MAY_BE_SENT}) AS is_closed
    FROM transactions t WHERE transaction_id = ANY(CAST(:ids AS text[]))
""")  # noqa: S608 - our own words


def known_orders(session: Session, ids: Sequence[str]) -> dict[str, Known]:
    """What the books have under these ids, invoices included: they share the ids."""
    return {
        row.transaction_id: Known(
            kind=Kind(row.kind),
            account=row.account,
            digest=bytes(row.order_digest),
            status=Status(row.status),
            is_sent=row.is_sent,
            is_awaiting=row.is_awaiting,
            is_queued=row.is_queued,
            is_approved=row.is_approved,
            is_closed=row.is_closed,
        )
        for row in session.execute(KNOWN, {"ids": list(ids)})
    }


LOOK = text(f"SELECT {MAY_BE_SENT} FROM transactions t WHERE t.id = :pk")  # noqa: S608 - our own words
RETRY = text(f"""
    UPDATE transactions t
    SET status = 'created', refusal = '', created_at = clock_timestamp(), next_check_at = clock_timestamp() + :grace,
        queued_at = NULL
    WHERE t.id = :pk AND t.kind = 'payout' AND t.status = 'refused' AND t.wait_ended_at IS NULL
      AND t.approval IS DISTINCT FROM 'rejected' AND NOT {MAY_BE_SENT}
    RETURNING t.id
""")  # noqa: S608 - our own words


def may_be_sent(session: Session, pk: int) -> bool:
    """Whether anything says that it went out: our mark, or a callback about it."""
    return bool(session.scalar(LOOK, {"pk": pk}))


def retry_refused(session: Session, pk: int, *, grace: timedelta) -> bool:
    """Take a refused payout up again; False when somebody else just did.

    Nor is one taken up whose application was told that it is over, or that may have been sent after all.
    """
    return session.scalar(RETRY, {"pk": pk, "grace": grace}) is not None


# With the commit of this on disk, whatever the server is set to: an emptied mark would have it sent twice.
SAFELY = text("SET LOCAL synchronous_commit TO on")
MARK = text("""
    UPDATE transactions SET sent_at = clock_timestamp(), queued_at = NULL, next_check_at = clock_timestamp() + :grace,
        wait_ended_at = CASE WHEN queued_at IS NOT NULL THEN clock_timestamp() END
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND sent_at IS NULL
      AND (approval IS NULL OR approval = 'approved')
    RETURNING account, wait_ended_at IS NOT NULL AS has_waited, approval IS NOT NULL AS is_approved
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Leave to send a payout, given out once."""

    pk: int
    account: str
    has_waited: bool
    """Its order was taken and answered before: of a refusal, whoever ordered it hears by a notice alone."""
    is_approved: bool


def mark_sent(session: Session, pk: int, *, grace: timedelta) -> Mark | None:
    """Write down that it is about to be sent. Of all who try, once and for all, one gets the mark, and that one alone may send.

    Commit it before the call. From then on the sweep takes it, after `grace`, for one whose reply was lost.
    """
    session.execute(SAFELY)
    row = session.execute(MARK, {"pk": pk, "grace": grace}).one_or_none()
    if row is None:
        return None
    return Mark(pk=pk, account=row.account, has_waited=row.has_waited, is_approved=row.is_approved)


FINISH = text("""
    UPDATE transactions
    SET status = 'pending', token = :token, parked_at = NULL,
        next_check_at = clock_timestamp() + CASE WHEN nudged_at IS NULL THEN :first ELSE interval '0' END
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND sent_at IS NOT NULL
    RETURNING id
""")


def finish_payout(session: Session, pk: int, *, token: str, first_check: timedelta) -> bool:
    """Store the token of an accepted payout; False when the row is no longer waiting for one.

    A callback that was quicker has left its mark: then the first question is due at once. A case that said the reply was
    lost is over. Raises `Conflict` when another transaction already has this token.
    """
    try:
        with session.begin_nested():
            finished = session.scalar(FINISH, {"pk": pk, "token": token, "first": first_check}) is not None
    except IntegrityError:
        # Without its cause: the database's own text repeats the token.
        raise Conflict("this token belongs to another transaction already") from None
    close_parking_cases(session, [pk] if finished else [], resolution="the gateway's reply came after all")
    return finished


REFUSE = text("""
    UPDATE transactions
    SET status = 'refused', refusal = :reason, sent_at = NULL, next_check_at = NULL, parked_at = NULL
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND token IS NULL
    RETURNING id
""")


def refuse_payout(session: Session, pk: int, *, reason: str) -> bool:
    """Write down that the gateway certainly has not taken it, and take the mark away: the same order may be sent again."""
    refused = session.scalar(REFUSE, {"pk": pk, "reason": reason}) is not None
    close_parking_cases(session, [pk] if refused else [], resolution="the gateway refused to create it")
    return refused


PARK = text("""
    UPDATE transactions SET next_check_at = NULL, parked_at = clock_timestamp()
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND token IS NULL AND sent_at IS NOT NULL
    RETURNING id
""")


def park_unknown(session: Session, pk: int) -> bool:
    """Stop waiting for the reply to what was sent; the caller opens a case in the same transaction."""
    return session.scalar(PARK, {"pk": pk}) is not None


NEVER_SENT = "it was never sent: whoever was to send it was gone before. Send the same order again."

# Whoever was to send it and is only slow loses its mark to this: it wants a payout that is created. What waits for sending to
# go on is not refused but claimed: due again after the lease, should its claimer die.
UNSENT = text("""
    WITH due AS (
        SELECT id FROM transactions
        WHERE next_check_at <= now() AND token IS NULL AND kind = 'payout' AND status = 'created' AND sent_at IS NULL
        ORDER BY next_check_at, id LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t
    SET status = CASE WHEN queued_at IS NULL THEN 'refused' ELSE status END,
        refusal = CASE WHEN queued_at IS NULL THEN :reason ELSE refusal END,
        next_check_at = CASE WHEN queued_at IS NULL THEN NULL ELSE clock_timestamp() + :lease END
    WHERE t.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING t.id, t.queued_at IS NOT NULL AS is_queued
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """Payouts that were due and not marked as sent: those that were refused for it, and those that are to be sent now."""

    refused: list[int]
    to_send: list[int]


def take_unsent(session: Session, *, limit: int, lease: timedelta) -> Unsent:
    """Look after up to `limit` payouts that nobody marked as sent in their time.

    Those nobody came to send are closed as refused: nothing reached the gateway. Those that waited in the queue are the caller's
    to have sent, for `lease`.
    """
    rows = session.execute(UNSENT, {"limit": limit, "lease": lease, "reason": NEVER_SENT}).all()
    return Unsent(
        refused=sorted(row.id for row in rows if not row.is_queued),
        to_send=sorted(row.id for row in rows if row.is_queued),
    )
