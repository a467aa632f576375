"""Notices for a person: how far the telling of each got, every try, and having them sent again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from models.event import Event
from models.notice import Delivery, Notice, NoticeKind, NoticeState
from models.queries.browse import Page, Paging
from models.queries.events import events_of
from models.transaction import Transaction

NEWEST = 100
"""Deliveries that are read at most, the newest: a notice may be sent again any number of times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingLine:
    """One notice and how far it got. `trouble` is that of the last vain try while it is not delivered."""

    seq: int
    kind: NoticeKind
    transaction_id: str
    state: NoticeState
    attempts: int
    created_at: datetime
    next_try_at: datetime | None
    delivered_at: datetime | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLine:
    """One try. `took` is seconds."""

    tried_at: datetime
    took: float
    http_status: int | None
    trouble: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFacts:
    """One notice with its event and its tries, oldest first; `deliveries_in_all` also counts what was not read."""

    line: TellingLine
    event: Event
    deliveries: tuple[DeliveryLine, ...]
    deliveries_in_all: int


LAST_TROUBLE = (
    select(Delivery.trouble)
    .where(Delivery.notice_id == Notice.id, Notice.state != NoticeState.DELIVERED.value, Notice.attempts > 0)
    .order_by(Delivery.id.desc())
    .limit(1)
    .correlate(Notice)
    .scalar_subquery()
)
LINES = select(
    Notice.id,
    Notice.seq,
    Notice.kind,
    Transaction.transaction_id,
    Notice.state,
    Notice.attempts,
    Notice.created_at,
    Notice.next_try_at,
    Notice.delivered_at,
    func.coalesce(LAST_TROUBLE, "").label("trouble"),
).join(Transaction, Transaction.id == Notice.transaction_pk)

SEND_AGAIN = text("""
    UPDATE notices
    SET state = 'waiting', attempts = 0, next_try_at = clock_timestamp(), delivered_at = NULL
    WHERE account = :account AND (seq = ANY(CAST(:seqs AS bigint[])) OR (:failed AND state = 'stopped'))
    RETURNING seq
""")

# Whoever sends again says that there is somebody: one who said 410 is asked once more, one left alone is asked now.
WAKE = text("UPDATE endpoints SET gone_at = NULL, rest_until = NULL WHERE account = :account")


def list_notices(
    session: Session, account: str, paging: Paging, *, state: NoticeState | None = None
) -> Page[TellingLine]:
    """Notices of one state, or of all; pages go by their numbers."""
    statement = LINES.where(Notice.account == account)
    if state is not None:
        statement = statement.where(Notice.state == state.value)
    if paging.after is not None:
        statement = statement.where(Notice.seq > paging.after if paging.oldest_first else Notice.seq < paging.after)
    order = Notice.seq.asc() if paging.oldest_first else Notice.seq.desc()
    rows = session.execute(statement.order_by(order).limit(paging.limit + 1)).all()
    shown = rows[: paging.limit]
    return Page(items=tuple(_line(row) for row in shown), next=shown[-1].seq if len(rows) > len(shown) else None)


def find_notice(session: Session, account: str, seq: int) -> NoticeFacts | None:
    """One notice with all there is about its telling."""
    row = session.execute(LINES.where(Notice.account == account, Notice.seq == seq)).one_or_none()
    if row is None:
        return None
    tries = session.execute(
        select(Delivery.tried_at, Delivery.took_ms, Delivery.http_status, Delivery.trouble, func.count().over())
        .where(Delivery.notice_id == row.id)
        .order_by(Delivery.id.desc())
        .limit(NEWEST)
    ).all()
    lines = [
        DeliveryLine(tried_at=at, took=took_ms / 1000, http_status=status, trouble=trouble)
        for at, took_ms, status, trouble, _ in reversed(tries)
    ]
    return NoticeFacts(
        line=_line(row),
        event=events_of(session, [row.id])[row.id],
        deliveries=tuple(lines),
        deliveries_in_all=tries[0][-1] if tries else 0,
    )


def event_ids(session: Session, account: str, seqs: Sequence[int]) -> dict[int, str]:
    """The name of the event of each of these numbers; those there is none of are left out."""
    rows = session.execute(select(Notice.id).where(Notice.account == account, Notice.seq.in_(seqs))).scalars()
    return {event.seq: event.id for event in events_of(session, list(rows)).values()}


def send_again(session: Session, account: str, seqs: Sequence[int], *, failed: bool = False) -> list[int]:
    """Have these delivered again, by the same ids, and with `failed` all that were given up; their numbers."""
    sent = session.scalars(SEND_AGAIN, {"account": account, "seqs": list(seqs), "failed": failed}).all()
    session.execute(WAKE, {"account": account})
    return sorted(sent)


def _line(row: Row[Any]) -> TellingLine:
    return TellingLine(
        seq=row.seq,
        kind=NoticeKind(row.kind),
        transaction_id=row.transaction_id,
        state=NoticeState(row.state),
        attempts=row.attempts,
        created_at=row.created_at,
        next_try_at=row.next_try_at,
        delivered_at=row.delivered_at,
        trouble=row.trouble,
    )
