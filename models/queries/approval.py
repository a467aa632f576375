"""Payouts above the ceiling: hold one until a person lets it go, or not. Each step is won once."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.case import CaseKind
from models.queries.cases import Signature
from models.queries.record import NewCase, open_cases, tell_refused

HELD = (
    "The payout is above the ceiling (PAYOUT_APPROVAL_ABOVE) and waits for a person: `reconciler payouts approve` sends it,"
    " `reconciler payouts reject` closes it."
)

HOLD = text("""
    UPDATE transactions SET approval = 'awaiting', queued_at = NULL, next_check_at = NULL, parked_at = clock_timestamp()
    WHERE id = :pk AND kind = 'payout' AND status = 'created' AND sent_at IS NULL
      AND (approval IS NULL OR approval = 'awaiting')
    RETURNING id
""")


def hold(session: Session, pk: int) -> bool:
    """Have it wait, parked with a case; False when it was sent, or let go, before. Held twice it is held once."""
    held = session.scalar(HOLD, {"pk": pk}) is not None
    if held:
        open_cases(session, [NewCase(kind=CaseKind.APPROVAL, detail=HELD, transaction_pk=pk)])
    return held


APPROVE = text("""
    UPDATE transactions
    SET approval = 'approved', approval_by = :author, approval_why = :reason, approval_at = clock_timestamp(),
        parked_at = NULL, queued_at = clock_timestamp(), next_check_at = clock_timestamp() + :grace
    WHERE id = :pk AND approval = 'awaiting' AND status = 'created'
    RETURNING id
""")
REJECT = text("""
    UPDATE transactions
    SET approval = 'rejected', approval_by = :author, approval_why = :reason, approval_at = clock_timestamp(),
        status = 'refused', refusal = :refusal, parked_at = NULL, next_check_at = NULL, queued_at = NULL,
        wait_ended_at = clock_timestamp()
    WHERE id = :pk AND (approval = 'awaiting' OR queued_at IS NOT NULL) AND status = 'created' AND sent_at IS NULL
    RETURNING account
""")
END_CASE = text("""
    UPDATE cases SET resolved_at = clock_timestamp(), resolution = :reason, resolved_by = :author
    WHERE transaction_pk = :pk AND kind = 'approval' AND resolved_at IS NULL
""")


def approve(session: Session, pk: int, by: Signature, *, grace: timedelta) -> bool:
    """Let it go into the queue, with who and why; False when it does not wait. Should nobody send it within `grace`, it goes by itself."""
    done = session.scalar(APPROVE, {"pk": pk, **_words(by), "grace": grace}) is not None
    return done and _end_case(session, pk, by)


def reject(session: Session, pk: int, by: Signature) -> bool:
    """Close it as refused for good, with who, why and a notice; False when it waits neither for a person nor in the queue."""
    refusal = f"rejected by {by.author}: {by.reason}"
    account = session.scalar(REJECT, {"pk": pk, **_words(by), "refusal": refusal})
    if account is None:
        return False
    _end_case(session, pk, by)
    tell_refused(session, pk, account=account)
    return True


def _end_case(session: Session, pk: int, by: Signature) -> bool:
    session.execute(END_CASE, {"pk": pk, **_words(by)})
    return True


def _words(by: Signature) -> dict[str, str]:
    return {"author": by.author, "reason": by.reason}
