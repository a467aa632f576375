"""Sending while it is switched off: payouts wait in a queue, which goes on by itself or is taken from by a person."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.case import CaseKind
from models.queries import stops
from models.queries.payouts import MAY_BE_SENT
from models.queries.record import NewCase, open_cases
from models.queries.stops import StopLine
from models.stop import Switch

QUEUE = text("""
    UPDATE transactions
    SET queued_at = COALESCE(queued_at, clock_timestamp()), next_check_at = :until, parked_at = NULL
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND sent_at IS NULL
      AND (approval IS NULL OR approval = 'approved')
    RETURNING id
""")

PUT_OFF = text("""
    UPDATE transactions SET next_check_at = clock_timestamp() + :wait
    WHERE id = :pk AND status = 'created' AND queued_at IS NOT NULL
""")

# After a refusal that was about us or the way there, and not about the payout. What may have been sent stays refused.
BACK = f"""
    UPDATE transactions t
    SET status = 'created', refusal = '', wait_ended_at = NULL, {{how}}
    WHERE t.id = :pk AND t.kind = 'payout' AND t.status = 'refused' AND t.approval IS DISTINCT FROM 'rejected'
      AND NOT {MAY_BE_SENT}
    RETURNING t.id
"""  # noqa: S608 - our own words
INTO_THE_QUEUE = text(
    BACK.format(how="queued_at = clock_timestamp(), next_check_at = clock_timestamp() + :wait, parked_at = NULL")
)
TO_A_PERSON = text(
    BACK.format(
        how="approval = 'awaiting', approval_by = NULL, approval_why = NULL, approval_at = NULL,"
        " queued_at = NULL, next_check_at = NULL, parked_at = clock_timestamp()"
    )
)

REFUSED_LATER = (
    "The payout was approved, and the gateway refused it when it was sent: {reason}. It was not taken."
    " `reconciler payouts approve` sends it again, `reconciler payouts reject` closes it."
)


def stop_of_sending(session: Session) -> StopLine | None:
    """The stop while sending is off. While it is on, it stays so until this transaction is over."""
    return stops.keep_on(session, Switch.SEND)


def queue(session: Session, pk: int, stop: StopLine) -> bool:
    """Have it wait until this stop is over; False when it is sent, or waits for a person, by now."""
    return session.scalar(QUEUE, {"pk": pk, "until": stop.until}) is not None


def put_off(session: Session, pk: int, *, wait: timedelta) -> None:
    """Have what waits in the queue wait a little longer."""
    session.execute(PUT_OFF, {"pk": pk, "wait": wait})


def back_into_the_queue(session: Session, pk: int, *, wait: timedelta) -> bool:
    """Have what was refused wait in the queue, again or from now on; False when it may have been sent after all."""
    return session.scalar(INTO_THE_QUEUE, {"pk": pk, "wait": wait}) is not None


def give_to_a_person(session: Session, pk: int, *, reason: str) -> bool:
    """Have what the gateway refused wait for approval again, with a case; False when it may have been sent after all."""
    given = session.scalar(TO_A_PERSON, {"pk": pk}) is not None
    if given:
        detail = REFUSED_LATER.format(reason=reason.rstrip("."))
        open_cases(session, [NewCase(kind=CaseKind.APPROVAL, detail=detail, transaction_pk=pk)])
    return given
