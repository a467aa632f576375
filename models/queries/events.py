"""Reading events out of the books, in the order of their numbers. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from models.decisions import HELD_BACK
from models.event import AnswerEvidence, Event, Evidence, OverrideEvidence, RefusalEvidence, RejectionEvidence
from models.notice import NoticeKind
from models.transaction import Approval, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """One slice of an account's events. `next` goes on behind it, or waits at the end; `more` tells which."""

    events: tuple[Event, ...]
    next: int
    more: bool


# What a settlement rests on stands in it. A failure rests on the override that was made before its notice was written, or
# else on the first answer that says so and was not held back, which is the one that moved the status: later ones changed nothing.
# What a refusal rests on stands in the payout itself, which nothing changes any more.
EVENTS = """
    SELECT n.id AS notice_id, n.account, n.seq, n.kind, n.created_at, t.transaction_id, t.kind AS about,
           t.refusal, t.approval, t.approval_by, t.approval_why, t.approval_at,
           COALESCE(s.amount, t.amount) AS amount, s.settled_at,
           o.id AS override_id, o.author, o.reason, o.made_at,
           c.id AS check_id, c.asked_at, c.said, c.amount AS said_amount, c.reference, encode(COALESCE(c.digest, sha256(c.body)), 'hex') AS sha256
    FROM ({rows}) AS n
    JOIN transactions t ON t.id = n.transaction_pk
    LEFT JOIN settlements s ON s.transaction_pk = t.id AND n.kind = 'completed'
    LEFT JOIN LATERAL (
        SELECT id, author, reason, made_at FROM overrides
        WHERE id = s.override_id OR (
            n.kind = 'notcompleted' AND transaction_pk = t.id AND new_status = 'notcompleted' AND made_at <= n.created_at
        ) ORDER BY id LIMIT 1
    ) AS o ON TRUE
    LEFT JOIN LATERAL (
        SELECT id, asked_at, said, amount, reference, body, digest FROM checks
        WHERE o.id IS NULL AND transaction_pk = t.id
          AND CASE n.kind WHEN 'completed' THEN id = s.check_id
                   WHEN 'notcompleted' THEN said = 'notcompleted' AND strpos(reason, '{held_back}') = 0 END
        ORDER BY id LIMIT 1
    ) AS c ON TRUE
    ORDER BY n.seq
"""


def _events(rows: str) -> TextClause:
    return text(EVENTS.format(rows=rows, held_back=HELD_BACK.replace(":", "\\:")))


# One statement sees what is committed at one moment. Numbers are given out under a lock that is held until the commit, so
# whoever sees a number sees every number before it.
AFTER = _events("SELECT * FROM notices WHERE account = :account AND seq > :after ORDER BY seq LIMIT :limit")
TOLD = text("SELECT EXISTS (SELECT FROM notice_counters WHERE account = :account)")
BY_NOTICE = _events("SELECT * FROM notices WHERE id = ANY(CAST(:ids AS bigint[]))")


def events_after(session: Session, account: str, *, after: int, limit: int) -> EventPage:
    """Up to `limit` events of this account that follow the number `after`, without a gap, in the order of the commits."""
    rows = session.execute(AFTER, {"account": account, "after": after, "limit": limit + 1}).all()
    events = tuple(_event(row) for row in rows[:limit])
    return EventPage(events=events, next=events[-1].seq if events else after, more=len(rows) > limit)


def is_told(session: Session, account: str) -> bool:
    """Whether anything was ever told of this account, set up or not."""
    # The database refuses NUL, and no name has any control character.
    return account.isprintable() and bool(session.scalar(TOLD, {"account": account}))


def events_of(session: Session, notice_ids: Sequence[int]) -> dict[int, Event]:
    """The event of each of these notices; one whose payment is not in the books has none."""
    return {row.notice_id: _event(row) for row in session.execute(BY_NOTICE, {"ids": list(notice_ids)})}


def _event(row: Row[Any]) -> Event:
    return Event(
        account=row.account,
        seq=row.seq,
        kind=NoticeKind(row.kind),
        at=row.created_at,
        transaction_id=row.transaction_id,
        amount=row.amount,
        settled_at=row.settled_at,
        evidence=_evidence(row),
        about=Kind(row.about),
    )


def _evidence(row: Row[Any]) -> Evidence | None:
    if row.kind == NoticeKind.REFUSED:
        return _why_refused(row)
    if row.override_id is not None:
        return OverrideEvidence(override_id=row.override_id, by=row.author, reason=row.reason, made_at=row.made_at)
    if row.check_id is None:
        return None
    return AnswerEvidence(
        check_id=row.check_id,
        asked_at=row.asked_at,
        said=row.said,
        amount=row.said_amount,
        reference=row.reference,
        sha256=row.sha256,
    )


def _why_refused(row: Row[Any]) -> Evidence:
    if row.approval == Approval.REJECTED:
        return RejectionEvidence(by=row.approval_by, reason=row.approval_why, made_at=row.approval_at)
    return RefusalEvidence(reason=row.refusal)
