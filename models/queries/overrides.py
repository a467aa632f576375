"""By hand: a person changes a status without an answer that says so, and answers for it. Listed by fsck, for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.answers import Said
from models.transaction import Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOverride:
    """What a person says became of a transaction. `amount` is whole francs that were really received; 0 unless completed."""

    transaction_pk: int
    case_id: int
    old: Status
    new: Status
    amount: int
    author: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideLine:
    """One change by hand, as it is told. Amount in francs: what came in or, of a payout, what went out."""

    id: int
    transaction_id: str
    about: Kind
    case_id: int
    old: Status
    new: Status
    amount: int
    author: str
    reason: str
    made_at: datetime


LOCK = text("SELECT status, account FROM transactions WHERE id = :pk FOR NO KEY UPDATE")

# Of the gateway's answers the last was held back, so that what it says was never acted upon.
HELD_BACK = text("""
    SELECT t.held_asked_at IS NOT NULL AND (t.held_asked_at <= t.decided_asked_at) IS NOT TRUE AND NOT EXISTS (
        SELECT FROM checks c
        WHERE c.transaction_pk = t.id AND c.asked_at > t.held_asked_at AND c.said = ANY(CAST(:answers AS text[]))
    ) FROM transactions t WHERE t.id = :pk
""")

# Its own time is when it was decided: an answer to a question asked before that speaks no more against it. What a callback
# led to, and nobody has answered yet, must not be dropped unasked, nor an answer that was held back: it keeps its date. Without
# a token nothing can be asked.
MOVE = text("""
    UPDATE transactions t
    SET status = :new, parked_at = NULL,
        next_check_at = CASE WHEN :new = 'notcompleted' AND t.token IS NOT NULL AND NOT EXISTS (
            SELECT FROM checks c WHERE c.transaction_pk = t.id AND c.said = ANY(CAST(:answers AS text[]))
                AND (c.asked_at >= t.nudged_at) IS NOT FALSE AND (c.asked_at > t.held_asked_at) IS NOT FALSE
        ) AND num_nulls(t.nudged_at, t.held_asked_at) < 2 THEN t.next_check_at END,
        final_at = CASE WHEN :new = 'refused' THEN t.final_at ELSE moment.at END,
        decided_asked_at = CASE WHEN :new = 'refused' THEN t.decided_asked_at ELSE moment.at END,
        refusal = CASE WHEN :new = 'refused' THEN :reason ELSE t.refusal END
    FROM (SELECT clock_timestamp() AS at) AS moment
    WHERE t.id = :pk AND t.status = :old
    RETURNING moment.at
""")

ADD = text("""
    INSERT INTO overrides (transaction_pk, case_id, old_status, new_status, amount, author, reason, made_at)
    VALUES (:pk, :case_id, :old, :new, :amount, :author, :reason, :at) RETURNING id
""")

# A trigger holds the row against its override, as it holds the others against their check.
SETTLE = text("""
    INSERT INTO settlements (transaction_pk, override_id, account, amount)
    SELECT t.id, o.id, t.account, o.amount FROM overrides o JOIN transactions t ON t.id = o.transaction_pk
    WHERE o.id = :override_id
""")

LINES = """
    SELECT o.id, t.transaction_id, t.kind AS about, o.case_id, o.old_status, o.new_status, o.amount, o.author, o.reason, o.made_at
    FROM overrides o JOIN transactions t ON t.id = o.transaction_pk
"""
ALL = text(f"{LINES} WHERE o.id > :after AND o.id <= :upto ORDER BY o.id LIMIT :limit")
ANSWERS = [said.value for said in Said if said.is_an_answer]

COUNT = text("SELECT count(*) FROM overrides WHERE id > :after AND id <= :upto")
OF_ONE = text(f"{LINES} WHERE o.transaction_pk = :pk ORDER BY o.id")


def lock_status(session: Session, pk: int) -> tuple[Status, str]:
    """Its status, which nobody else changes until the end of this transaction, and its account."""
    status, account = session.execute(LOCK, {"pk": pk}).one()
    return Status(status), account


def is_held_back(session: Session, pk: int) -> bool:
    """Whether the gateway's last word about it would move it, and was held back by a stop."""
    return bool(session.scalar(HELD_BACK, {"pk": pk, "answers": ANSWERS}))


def override(session: Session, new: NewOverride) -> int | None:
    """Change the status, note who answers for it, and settle what was received; the id of the override.

    None when the status is no longer the old one: then nothing was changed. The caller holds the lock of the row, ends the
    case and writes the notice in the same transaction.
    """
    parameters = {
        "pk": new.transaction_pk,
        "case_id": new.case_id,
        "old": new.old.value,
        "new": new.new.value,
        "amount": new.amount,
        "author": new.author,
        "reason": new.reason,
        "answers": ANSWERS,
    }
    made_at = session.execute(MOVE, parameters).scalar_one_or_none()
    if made_at is None:
        return None
    override_id: int = session.execute(ADD, {**parameters, "at": made_at}).scalar_one()
    if new.new is Status.COMPLETED:
        session.execute(SETTLE, {"override_id": override_id})
    return override_id


def overrides_of(session: Session, pk: int) -> tuple[OverrideLine, ...]:
    """Every change by hand of one transaction, oldest first."""
    return tuple(_line(row) for row in session.execute(OF_ONE, {"pk": pk}))


def count_overrides(session: Session, *, after: int, upto: int) -> int:
    """How many there are with an id past `after` and up to `upto`."""
    return int(session.execute(COUNT, {"after": after, "upto": upto}).scalar_one())


def list_overrides(session: Session, *, after: int, upto: int, limit: int) -> Sequence[OverrideLine]:
    """Overrides with an id past `after` and up to `upto`, oldest first."""
    return [_line(row) for row in session.execute(ALL, {"after": after, "upto": upto, "limit": limit})]


def _line(row: Row[Any]) -> OverrideLine:
    return OverrideLine(
        id=row.id,
        transaction_id=row.transaction_id,
        about=Kind(row.about),
        case_id=row.case_id,
        old=Status(row.old_status),
        new=Status(row.new_status),
        amount=row.amount,
        author=row.author,
        reason=row.reason,
        made_at=row.made_at,
    )
