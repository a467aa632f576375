"""Invoices: begin, finish, refuse, register. Every change of status here is conditional, like all others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Update, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.callback import Callback
from models.errors import Conflict
from models.queries.record import close_parking_cases
from models.settlement import Settlement
from models.transaction import Invoice, Kind, Mode, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvoice:
    """As much of an order as the books keep. `digest` is the SHA-256 of the whole order. Amount in francs."""

    account: str
    transaction_id: str
    amount: int
    description: str
    digest: bytes
    mode: Mode = Mode.HOSTED
    payer: str = ""
    """Masked."""
    asked_operator: str = ""


def begin_invoice(session: Session, new: NewInvoice, *, grace: timedelta) -> Invoice | None:
    """Store the row before the gateway is called; None when the id is taken.

    Due after `grace`: should nobody ever store a reply, the sweep finds the hole.
    """
    statement = (
        insert(Invoice)
        .values(
            kind=Kind.INVOICE.value,
            account=new.account,
            transaction_id=new.transaction_id,
            amount=new.amount,
            description=new.description,
            order_digest=new.digest,
            mode=new.mode.value,
            payer=new.payer,
            asked_operator=new.asked_operator,
            status=Status.CREATED.value,
            next_check_at=func.clock_timestamp() + grace,
        )
        .on_conflict_do_nothing(index_elements=["transaction_id"])
        .returning(Invoice)
    )
    return session.scalars(statement).one_or_none()


def find_invoice(session: Session, transaction_id: str) -> Invoice | None:
    """The invoice with this id of ours."""
    return session.scalars(select(Invoice).where(Invoice.transaction_id == transaction_id)).one_or_none()


def settled_amount(session: Session, pk: int) -> int | None:
    """Whole francs that are settled; another sum than the invoice's only where a person answers for it. None unless completed."""
    return session.scalar(select(Settlement.amount).where(Settlement.transaction_pk == pk))


# Of what was refused. The gateway would send no callback about what it refused. On a page nobody has paid what was refused, for its address reached
# nobody; without a page the customer may have been asked, or debited. Anybody can forge one: then a new id has to be used.
def _has_not_begun() -> ColumnElement[bool]:
    return or_(Invoice.mode == Mode.HOSTED.value, ~exists().where(Callback.transaction_pk == Invoice.id))


def retry_refused(session: Session, pk: int, *, grace: timedelta) -> bool:
    """Take a refused order up again; False when somebody else just did, or when it may have begun after all.

    Its age, by which it is asked about, begins anew.
    """
    statement = (
        update(Invoice)
        .where(Invoice.id == pk, Invoice.status == Status.REFUSED.value, _has_not_begun())
        .values(
            status=Status.CREATED.value,
            refusal="",
            refusal_code="",
            created_at=func.clock_timestamp(),
            next_check_at=func.clock_timestamp() + grace,
        )
    )
    return _count(session, statement) == 1


def may_have_begun(session: Session, pk: int) -> bool:
    """Whether a callback says of what was refused that the customer was asked, or debited, without a page."""
    return session.scalar(select(Invoice.id).where(Invoice.id == pk, ~_has_not_begun())) is not None


FINISH = text("""
    UPDATE transactions
    SET status = 'pending', token = :token, payment_url = :payment_url, parked_at = NULL,
        next_check_at = clock_timestamp() + CASE WHEN nudged_at IS NULL THEN :first ELSE interval '0' END
    WHERE id = :pk AND status = 'created'
    RETURNING id
""")


def finish_invoice(session: Session, pk: int, *, token: str, payment_url: str, first_check: timedelta) -> bool:
    """Store the gateway's reply; False when the row is no longer waiting for one.

    A callback that was quicker than this reply has left its mark: then the first question is due at once.
    A case that said the reply was lost is over. Raises `Conflict` when another transaction already has this token.
    """
    parameters = {"pk": pk, "token": token, "payment_url": payment_url, "first": first_check}
    try:
        with session.begin_nested():
            finished = session.execute(FINISH, parameters).one_or_none() is not None
    except IntegrityError:
        # Without its cause: the database's own text repeats the token.
        raise Conflict("this token belongs to another transaction already") from None
    close_parking_cases(session, [pk] if finished else [], resolution="the gateway's reply came after all")
    return finished


def refuse_invoice(session: Session, pk: int, *, reason: str, code: str = "") -> bool:
    """Write down that the gateway refused to create it, or was not asked; a case that said its reply was lost is over."""
    statement = (
        update(Invoice)
        .where(Invoice.id == pk, Invoice.status == Status.CREATED.value)
        .values(status=Status.REFUSED.value, refusal=reason, refusal_code=code, next_check_at=None, parked_at=None)
    )
    refused = _count(session, statement) == 1
    close_parking_cases(session, [pk] if refused else [], resolution="the gateway refused to create it")
    return refused


def park_hole(session: Session, pk: int) -> bool:
    """Stop waiting for the reply to our create; the caller opens a case in the same transaction."""
    statement = (
        update(Invoice)
        .where(Invoice.id == pk, Invoice.status == Status.CREATED.value, Invoice.token.is_(None))
        .values(next_check_at=None, parked_at=func.clock_timestamp())
    )
    return _count(session, statement) == 1


def _count(session: Session, statement: Update) -> int:
    return len(session.scalars(statement.returning(Invoice.id)).all())
