"""The sweep's statements: what is due, claimed so that no two sweepers take the same row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCallback:
    """A callback to be read, and how often somebody has set out to."""

    id: int
    attempts: int


# The inner SELECT reads only the partial index of rows with a date, in its order: the cost is the claim's size,
# whatever the table's. The UPDATE is the lease: a claimed row is due again by itself should its claimer die.
CLAIM_TRANSACTIONS = text("""
    WITH due AS (
        SELECT id FROM transactions
        WHERE next_check_at <= now() AND token IS NOT NULL
        ORDER BY next_check_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t SET next_check_at = clock_timestamp() + :lease
    FROM due WHERE t.id = due.id
    RETURNING t.id
""")

# Our create went out and no reply was ever stored: there is no token to ask with. Parked, never asked about.
PARK_HOLES = text("""
    WITH due AS (
        SELECT id FROM transactions
        WHERE next_check_at <= now() AND token IS NULL
        ORDER BY next_check_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t SET next_check_at = NULL, parked_at = clock_timestamp()
    FROM due WHERE t.id = due.id
    RETURNING t.id
""")

CLAIM_CALLBACKS = text("""
    WITH due AS (
        SELECT id FROM callbacks
        WHERE next_try_at <= now()
        ORDER BY next_try_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE callbacks c SET next_try_at = clock_timestamp() + :lease, attempts = c.attempts + 1
    FROM due WHERE c.id = due.id
    RETURNING c.id, c.attempts
""")


def claim_transactions(session: Session, *, limit: int, lease: timedelta) -> list[int]:
    """Up to `limit` transactions whose time has come, oldest first; each is ours for `lease`."""
    return sorted(session.scalars(CLAIM_TRANSACTIONS, {"limit": limit, "lease": lease}))


def park_holes(session: Session, *, limit: int) -> list[int]:
    """Park up to `limit` overdue transactions without a token; the caller opens their cases in the same transaction."""
    return sorted(session.scalars(PARK_HOLES, {"limit": limit}))


def claim_callbacks(session: Session, *, limit: int, lease: timedelta) -> list[ClaimedCallback]:
    """Up to `limit` callbacks that nobody finished reading; each is ours for `lease`.

    Counts the attempt before the work, so that a callback that kills its reader runs out of attempts.
    """
    rows = session.execute(CLAIM_CALLBACKS, {"limit": limit, "lease": lease})
    return sorted((ClaimedCallback(id=i, attempts=n) for i, n in rows), key=lambda claimed: claimed.id)
