"""After an answer: evidence, the conditional move, and what may only exist together with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.answers import Answer
from models.case import PARKING_KINDS, CaseKind
from models.check import Lane
from models.notice import NoticeKind
from models.queries.learned import ANNOUNCES
from models.transaction import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCheck:
    """One question with its answer, ready to be kept."""

    transaction_pk: int
    lane: Lane
    asked_at: datetime
    answer: Answer
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of status that an answer justifies."""

    transaction_pk: int
    old: Status
    new: Status
    check_id: int
    asked_at: datetime
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class NextCheck:
    """When one transaction is asked about next: after `wait`, or never by itself. `park` needs an open case beside it.

    With `affirms`, its status rests on the question asked at `asked_at` from now on. With `held`, that question's answer
    was held back.
    """

    transaction_pk: int
    asked_at: datetime
    over_at: datetime
    """When the question was over: answered, or given up."""
    wait: timedelta | None
    park: bool
    answered: bool
    affirms: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """One matter for a person."""

    kind: CaseKind
    detail: str
    transaction_pk: int | None = None
    callback_id: int | None = None
    check_id: int | None = None


# What a batch is goes as JSON, in one value: a driver needs several times as long for the same in arrays.
RECORD = text("""
    INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, http_status, sub_code, reason, body)
    SELECT r.id, r.lane, r.asked_at, r.took_ms, r.said, r.amount, r.reference, r.http_status, r.sub_code, r.reason, b.body
    FROM jsonb_to_recordset(CAST(:checks AS jsonb))
        AS r(place bigint, id bigint, lane text, asked_at timestamptz, took_ms bigint, said text, amount bigint,
             reference text, http_status bigint, sub_code text, reason text)
    JOIN unnest(CAST(:bodies AS bytea[])) WITH ORDINALITY AS b(body, place) USING (place)
    RETURNING transaction_pk, id
""")


def record_checks(session: Session, checks: Sequence[NewCheck]) -> dict[int, int]:
    """Keep the evidence; the check's id by transaction. One batch holds at most one check per transaction."""
    rows = [
        {
            "place": place,
            "id": c.transaction_pk,
            "lane": c.lane.value,
            "asked_at": c.asked_at.isoformat(),
            "took_ms": round(c.answer.took * 1000),
            "said": c.answer.said.value,
            "amount": c.answer.amount,
            "reference": c.answer.references[0] if c.answer.references else "",
            "http_status": c.answer.http_status,
            "sub_code": c.answer.sub_code,
            "reason": c.reason,
        }
        for place, c in enumerate(checks, start=1)
    ]
    stored = session.execute(RECORD, {"checks": json.dumps(rows), "bodies": [c.answer.body for c in checks]})
    return {transaction_pk: check_id for transaction_pk, check_id in stored}  # noqa: C416 - rows are not plain tuples


MOVE = text("""
    UPDATE transactions t
    SET status = m.new, decided_asked_at = m.asked_at, final_at = clock_timestamp(),
        operator_id = m.operator_id, operator_name = m.operator_name, request_id = m.request_id
    FROM jsonb_to_recordset(CAST(:moves AS jsonb))
        AS m(id bigint, old text, new text, asked_at timestamptz, operator_id text, operator_name text, request_id text)
    WHERE t.id = m.id AND t.status = m.old
    RETURNING t.id
""")


def move(session: Session, moves: Sequence[Move]) -> set[int]:
    """Change the status of those that still have the old one; the ids that did move. Who is not in it lost a race."""
    if not moves:
        return set()
    rows = [
        {
            "id": m.transaction_pk,
            "old": m.old.value,
            "new": m.new.value,
            "asked_at": m.asked_at.isoformat(),
            "operator_id": m.answer.operator_id,
            "operator_name": m.answer.operator_name,
            "request_id": m.answer.request_id,
        }
        for m in moves
    ]
    return set(session.scalars(MOVE, {"moves": json.dumps(rows)}))


# A trigger checks each row against its check: no settlement without the answer that justifies it.
SETTLE = text(f"""
    INSERT INTO settlements (transaction_pk, check_id, account, amount)
    SELECT t.id, s.check_id, t.account, t.amount
    FROM unnest(CAST(:ids AS bigint[]), CAST(:checks AS bigint[])) AS s(id, check_id)
    JOIN transactions t ON t.id = s.id
    RETURNING transaction_pk, extract(epoch FROM settled_at - (
        SELECT min(b.received_at) FROM callbacks b
        WHERE b.transaction_pk = settlements.transaction_pk AND b.received_at <= settlements.settled_at AND {ANNOUNCES}
    ))::float8
""")  # noqa: S608 - our own words


def settle(session: Session, moves: Sequence[Move]) -> dict[int, float | None]:
    """Write down the money of those that just moved to completed. Raises on a second settlement of one transaction.

    For each, seconds since the first callback that announced it; None for those that none did.
    """
    if not moves:
        return {}
    settled = session.execute(SETTLE, {"ids": [m.transaction_pk for m in moves], "checks": [m.check_id for m in moves]})
    return {pk: after for pk, after in settled}  # noqa: C416 - rows are not plain tuples


# The counter's row lock is held until commit: numbers follow the order of commits and have no gaps. Taken last, briefly.
COUNT_NOTICES = text("""
    INSERT INTO notice_counters AS c (account, last_seq) VALUES (:account, :count)
    ON CONFLICT (account) DO UPDATE SET last_seq = c.last_seq + EXCLUDED.last_seq
    RETURNING last_seq
""")

ADD_NOTICES = text("""
    INSERT INTO notices (account, seq, transaction_pk, kind)
    SELECT :account, :first + n.position - 1, n.id, n.kind
    FROM unnest(CAST(:ids AS bigint[]), CAST(:kinds AS text[])) WITH ORDINALITY AS n(id, kind, position)
""")


class Moved(Protocol):
    """A change of status that came about, by an answer or by hand."""

    @property
    def transaction_pk(self) -> int:
        """Whose status."""
        ...

    @property
    def new(self) -> Status:
        """The status it has now."""
        ...


def add_notices(session: Session, moves: Sequence[Moved], *, accounts: dict[int, str]) -> None:
    """One notice per outcome, numbered per account without gaps. Call it last: it serializes settling of an account."""
    for account in sorted({accounts[m.transaction_pk] for m in moves}):
        ours = sorted((m for m in moves if accounts[m.transaction_pk] == account), key=lambda m: m.transaction_pk)
        last = session.scalar(COUNT_NOTICES, {"account": account, "count": len(ours)})
        session.execute(
            ADD_NOTICES,
            {
                "account": account,
                "first": int(last or 0) - len(ours) + 1,
                "ids": [m.transaction_pk for m in ours],
                "kinds": [NoticeKind(m.new.value).value for m in ours],
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """A payout that is over without having been sent."""

    transaction_pk: int
    new: Status = Status.REFUSED


def tell_refused(session: Session, pk: int, *, account: str) -> None:
    """The notice of a payout that was refused after its order had been taken. Call it last, as `add_notices`."""
    add_notices(session, [_Refused(transaction_pk=pk)], accounts={pk: account})


SCHEDULE = text("""
    UPDATE transactions t
    SET next_check_at = clock_timestamp() + s.seconds * interval '1 second',
        last_asked_at = GREATEST(t.last_asked_at, s.over_at),
        parked_at = CASE WHEN s.park THEN COALESCE(t.parked_at, clock_timestamp()) END,
        answered = t.answered + CASE WHEN s.answered THEN 1 ELSE 0 END,
        silences = CASE WHEN s.answered THEN 0 ELSE t.silences + 1 END,
        decided_asked_at = CASE WHEN s.affirms THEN s.asked_at ELSE t.decided_asked_at END,
        held_asked_at = CASE WHEN s.held THEN GREATEST(t.held_asked_at, s.asked_at) ELSE t.held_asked_at END
    FROM jsonb_to_recordset(CAST(:plans AS jsonb))
        AS s(id bigint, asked_at timestamptz, over_at timestamptz, seconds float8, park bool, answered bool, affirms bool,
             held bool)
    WHERE t.id = s.id
""")


def schedule(session: Session, plans: Sequence[NextCheck]) -> None:
    """Say for each when it is asked about next, and count the answer or the silence.

    The spacing counts from when a question was over: on a busy machine or a slow way it may reach the gateway long after it
    went out, and two of them closer together than they were sent.
    """
    rows = [
        {
            "id": p.transaction_pk,
            "asked_at": p.asked_at.isoformat(),
            "over_at": p.over_at.isoformat(),
            "seconds": None if p.wait is None else p.wait.total_seconds(),
            "park": p.park,
            "answered": p.answered,
            "affirms": p.affirms,
            "held": p.held,
        }
        for p in plans
    ]
    session.execute(SCHEDULE, {"plans": json.dumps(rows)})


OPEN_CASE = text("""
    INSERT INTO cases (kind, transaction_pk, callback_id, check_id, detail)
    VALUES (:kind, :transaction_pk, :callback_id, :check_id, :detail)
    ON CONFLICT DO NOTHING
""")


def open_cases(session: Session, cases: Sequence[NewCase]) -> None:
    """Open each, unless one of its kind is open for the same transaction or callback already."""
    for case in cases:
        session.execute(
            OPEN_CASE,
            {
                "kind": case.kind.value,
                "transaction_pk": case.transaction_pk,
                "callback_id": case.callback_id,
                "check_id": case.check_id,
                "detail": case.detail,
            },
        )


CLOSE_CASES = text("""
    UPDATE cases SET resolved_at = clock_timestamp(), resolution = :resolution
    WHERE transaction_pk = ANY(CAST(:ids AS bigint[])) AND kind = ANY(CAST(:kinds AS text[])) AND resolved_at IS NULL
""")


def close_parking_cases(session: Session, ids: Collection[int], *, resolution: str) -> None:
    """End the cases that only said "we do not know", now that we do."""
    if ids:
        kinds = [kind.value for kind in PARKING_KINDS]
        session.execute(CLOSE_CASES, {"ids": sorted(ids), "kinds": kinds, "resolution": resolution})
