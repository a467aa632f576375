"""Delivering notices: whose shift it is, what is due, and what became of each try. The database's clock decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from models import trace
from models.case import CaseKind
from models.notice import Delivery, NoticeState
from models.queries.traced import callbacks_about


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Leave to deliver to one endpoint, until `taken_until`, alone. How it has been answering so far."""

    account: str
    taken_until: datetime
    failed_rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedNotice:
    """A notice to be delivered. `leased_until` is its date meanwhile, by which one sent anew since is told from it."""

    id: int
    seq: int
    attempts: int
    leased_until: datetime
    trace: Sequence[str] = ()
    """What log lines about it are found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One try and what follows: a state, and while it waits, for how long."""

    notice: ClaimedNotice
    took: float
    http_status: int | None
    trouble: str
    state: NoticeState
    attempts: int
    wait: timedelta | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """An endpoint that did not take a round: since when, and for how long by now."""

    since: datetime
    length: timedelta


# Free: nobody delivers, it need not be left alone, and it is not gone with a case that says so. Only waiting notices have a
# date, so this and the claim read nothing but the partial index of what waits.
# Every account that was ever told anything has a counter, those that are not set up any more included.
DUE_ACCOUNT = text("""
    SELECT c.account FROM notice_counters c
    CROSS JOIN LATERAL (
        SELECT n.next_try_at FROM notices n WHERE n.account = c.account AND n.next_try_at <= clock_timestamp()
        ORDER BY n.next_try_at LIMIT 1
    ) AS first
    WHERE NOT EXISTS (
        SELECT FROM endpoints e WHERE e.account = c.account AND (
            e.taken_until > clock_timestamp() OR e.rest_until > clock_timestamp()
            OR e.gone_at IS NOT NULL AND EXISTS (
                SELECT FROM cases k WHERE k.account = e.account AND k.kind = 'endpoint' AND k.resolved_at IS NULL
            )
        )
    )
    ORDER BY first.next_try_at, c.account LIMIT 1
""")

# Who is free by that and loses the race for the row finds it taken.
TAKE_SHIFT = text("""
    INSERT INTO endpoints AS e (account, taken_until) VALUES (:account, clock_timestamp() + :lease)
    ON CONFLICT (account) DO UPDATE SET taken_until = EXCLUDED.taken_until
    WHERE e.taken_until IS NULL OR e.taken_until <= clock_timestamp()
    RETURNING taken_until, failed_rounds
""")

END_SHIFT = text("""
    UPDATE endpoints SET taken_until = NULL WHERE account = :account AND taken_until = :taken_until
""")

CLAIM = text(f"""
    WITH due AS (
        SELECT id FROM notices
        WHERE account = :account AND next_try_at <= clock_timestamp()
        ORDER BY next_try_at, id LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE notices n SET next_try_at = clock_timestamp() + :lease
    WHERE n.id = ANY(ARRAY(SELECT id FROM due)) AND n.state = 'waiting'
    RETURNING n.id, n.seq, n.attempts, n.next_try_at, n.transaction_pk, {callbacks_about("n.transaction_pk")} AS callbacks
""")  # noqa: S608 - our own words

# A notice that was sent anew meanwhile, or taken up by another after our lease, has another date: then it keeps it.
FINISH = text("""
    UPDATE notices n
    SET state = t.state, attempts = t.attempts, next_try_at = clock_timestamp() + t.seconds * interval '1 second',
        delivered_at = CASE WHEN t.state = 'delivered' THEN clock_timestamp() END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:leases AS timestamptz[]), CAST(:states AS text[]),
                CAST(:attempts AS bigint[]), CAST(:seconds AS float8[])) AS t(id, lease, state, attempts, seconds)
    WHERE n.id = t.id AND n.next_try_at = t.lease AND n.state = 'waiting'
    RETURNING n.id
""")

WELL = text("""
    UPDATE endpoints e SET failed_rounds = 0, failing_since = NULL, rest_until = NULL, gone_at = NULL
    FROM endpoints old
    WHERE e.account = :account AND old.account = e.account
    RETURNING old.failed_rounds > 0 OR old.gone_at IS NOT NULL AS is_back,
              COALESCE(old.failing_since <= clock_timestamp() - CAST(:outage AS interval), FALSE) AS was_away
""")

BRING_FORWARD = text("""
    UPDATE notices SET next_try_at = clock_timestamp() WHERE account = :account AND next_try_at > clock_timestamp()
""")

# It was tried, so that nobody holds it for gone any more; if it says so again, that is written behind this.
FAILED = text("""
    UPDATE endpoints
    SET gone_at = NULL, failed_rounds = failed_rounds + 1, failing_since = COALESCE(failing_since, clock_timestamp()),
        rest_until = clock_timestamp() + :rest
    WHERE account = :account RETURNING failing_since, clock_timestamp() - failing_since AS length
""")

GONE = text("UPDATE endpoints SET gone_at = clock_timestamp() WHERE account = :account")

TELL_CASE = text("""
    INSERT INTO cases (kind, account, detail) VALUES (:kind, :account, :detail)
    ON CONFLICT (account, kind) WHERE resolved_at IS NULL AND account IS NOT NULL DO UPDATE SET detail = EXCLUDED.detail
""")

REWORD_CASE = text("""
    UPDATE cases SET detail = :detail WHERE account = :account AND kind = :kind AND resolved_at IS NULL
""")

# What was given up stays a matter for a person, however well the next one was taken.
END_CASE = text("""
    UPDATE cases k SET resolved_at = clock_timestamp(), resolution = :resolution
    WHERE k.account = :account AND k.kind = :kind AND k.resolved_at IS NULL
      AND NOT EXISTS (SELECT FROM notices n WHERE n.account = k.account AND n.state = 'stopped')
""")


def due_account(session: Session) -> str | None:
    """Whose notices a run of deliveries would deliver now, if any: those that have been due for longest. Takes nothing."""
    account: str | None = session.scalar(DUE_ACCOUNT)
    return account


def take_shift(session: Session, account: str, *, lease: timedelta) -> Shift | None:
    """Leave to deliver what a `due_account` is told; None while another does."""
    row = session.execute(TAKE_SHIFT, {"account": account, "lease": lease}).one_or_none()
    if row is None:
        return None
    return Shift(account=account, taken_until=row.taken_until, failed_rounds=row.failed_rounds)


def end_shift(session: Session, shift: Shift) -> None:
    """Let others deliver, unless the shift had ended by itself."""
    session.execute(END_SHIFT, {"account": shift.account, "taken_until": shift.taken_until})


def claim_notices(session: Session, account: str, *, limit: int, lease: timedelta) -> list[ClaimedNotice]:
    """Up to `limit` notices that are due, the longest due first; each is ours for `lease`."""
    rows = session.execute(CLAIM, {"account": account, "limit": limit, "lease": lease})
    claimed = [
        ClaimedNotice(
            id=row.id,
            seq=row.seq,
            attempts=row.attempts,
            leased_until=row.next_try_at,
            trace=trace.of_transaction(row.transaction_pk, row.callbacks),
        )
        for row in rows
    ]
    return sorted(claimed, key=lambda one: one.seq)


def finish(session: Session, tries: Sequence[Tried]) -> set[int]:
    """Keep each try, and move those notices that are still ours; their ids."""
    session.execute(
        insert(Delivery),
        [
            {
                "notice_id": one.notice.id,
                "took_ms": round(one.took * 1000),
                "http_status": one.http_status,
                "trouble": one.trouble,
            }
            for one in tries
        ],
    )
    parameters = {
        "ids": [one.notice.id for one in tries],
        "leases": [one.notice.leased_until for one in tries],
        "states": [one.state.value for one in tries],
        "attempts": [one.attempts for one in tries],
        "seconds": [None if one.wait is None else one.wait.total_seconds() for one in tries],
    }
    return set(session.scalars(FINISH, parameters))


def endpoint_is_well(session: Session, account: str, *, outage: timedelta) -> bool:
    """It took a notice: forget what was; whether there was trouble to forget.

    After an outage of that length, all that waits for a later date is due at once.
    """
    row = session.execute(WELL, {"account": account, "outage": outage}).one()
    if row.was_away:
        session.execute(BRING_FORWARD, {"account": account})
    return bool(row.is_back)


def endpoint_failed(session: Session, account: str, *, rest: timedelta) -> Failing:
    """It took nothing of a round: leave it alone for this long."""
    row = session.execute(FAILED, {"account": account, "rest": rest}).one()
    return Failing(since=row.failing_since, length=row.length)


def endpoint_is_gone(session: Session, account: str) -> None:
    """It said so: nothing more is sent to it while the case about it is open. Open that in the same transaction."""
    session.execute(GONE, {"account": account})


def tell_case(session: Session, account: str, *, detail: str) -> None:
    """Open the one case about this endpoint; if it is open, give it these words."""
    session.execute(TELL_CASE, {"kind": CaseKind.ENDPOINT.value, "account": account, "detail": detail})


def reword_case(session: Session, account: str, *, detail: str) -> None:
    """Give the case about this endpoint these words, if it is open."""
    session.execute(REWORD_CASE, {"kind": CaseKind.ENDPOINT.value, "account": account, "detail": detail})


def end_case(session: Session, account: str, *, resolution: str) -> None:
    """End the case about this endpoint, unless notices were given up and wait for a person."""
    session.execute(END_CASE, {"kind": CaseKind.ENDPOINT.value, "account": account, "resolution": resolution})
