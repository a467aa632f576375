"""The sweep's statements: what is due, claimed so that no two sweepers take the same row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.answers import Said
from models.transaction import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedCallback:
    """A callback to be read, and how often somebody has set out to read it so far."""

    id: int
    attempts: int


# The inner SELECT reads only the partial index of rows with a date, in its order: the cost is the claim's size,
# whatever the table's; ids as an array keep the planner from joining with the whole table when it takes the LIMIT for a
# large one, as the plan of a prepared statement does. The UPDATE is the lease: a claimed row is due again by itself should its claimer die.
# A callback is owed an answer that counts, to a question asked after it: not one that was out when it came, met silence, was
# put aside, or was held back. The checks know; `last_asked_at` is there for the spacing.
CLAIM = """
    WITH due AS (
        SELECT id FROM transactions t
        WHERE next_check_at <= CAST(:until AS timestamptz) AND token IS NOT NULL
          AND (NOT :called_back OR nudged_at IS NOT NULL AND NOT EXISTS (
              SELECT FROM checks c
              WHERE c.transaction_pk = t.id AND c.asked_at >= t.nudged_at AND c.said = ANY(CAST(:answers AS text[]))
                AND (c.asked_at <= t.held_asked_at) IS NOT TRUE
          )){of_account}
        ORDER BY next_check_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t SET next_check_at = clock_timestamp() + :lease
    WHERE t.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING t.id
"""
CLAIM_TRANSACTIONS = text(CLAIM.format(of_account=""))
# Walks over what is due of other accounts: 8 ms where 50,000 of those come first, see decision 28.
CLAIM_OF_ACCOUNT = text(CLAIM.format(of_account=" AND account = :account"))

# Our create went out and no reply was ever stored: there is no token to ask with. Parked, never asked about. Found by status,
# oldest first by id: among all that is due, however much that is, nothing would tell them from what waits for its question.
# A payout that was not even sent is no hole: see `payouts.take_unsent`.
PARK_HOLES = text("""
    WITH due AS (
        SELECT id FROM transactions
        WHERE status = 'created' AND next_check_at <= now() AND token IS NULL
          AND (kind <> 'payout' OR sent_at IS NOT NULL)
        ORDER BY id LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t SET next_check_at = NULL, parked_at = clock_timestamp()
    WHERE t.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING t.id, t.kind
""")

CLAIM_CALLBACKS = text("""
    WITH due AS (
        SELECT id FROM callbacks
        WHERE next_try_at <= CAST(:until AS timestamptz)
        ORDER BY next_try_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE callbacks c SET next_try_at = clock_timestamp() + :lease
    WHERE c.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING c.id, c.attempts
""")


def now(session: Session) -> datetime:
    """The database's clock, the only one that says what is due."""
    at: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return at


def claim_transactions(
    session: Session,
    *,
    until: datetime,
    limit: int,
    lease: timedelta,
    called_back: bool = False,
    account: str | None = None,
) -> list[int]:
    """Up to `limit` transactions that were due at `until`, oldest first; each is ours for `lease`.

    With `called_back`, only those about which a callback was read that no question followed yet whose answer counts. With
    `account`, only its own.
    """
    answers = [said.value for said in Said if said.is_an_answer]
    parameters = {"until": until, "limit": limit, "lease": lease, "called_back": called_back, "answers": answers}
    if account is None:
        return sorted(session.scalars(CLAIM_TRANSACTIONS, parameters))
    return sorted(session.scalars(CLAIM_OF_ACCOUNT, parameters | {"account": account}))


def park_holes(session: Session, *, limit: int) -> dict[int, Kind]:
    """Park up to `limit` overdue transactions without a token; the caller opens their cases in the same transaction."""
    rows = session.execute(PARK_HOLES, {"limit": limit})
    return dict(sorted((pk, Kind(kind)) for pk, kind in rows))


def claim_callbacks(session: Session, *, until: datetime, limit: int, lease: timedelta) -> list[ClaimedCallback]:
    """Up to `limit` callbacks that nobody had finished reading at `until`; each is ours for `lease`.

    Counts no attempt: ringing is not reading, and a fleet that sleeps for an hour has tried nothing.
    """
    rows = session.execute(CLAIM_CALLBACKS, {"until": until, "limit": limit, "lease": lease})
    return sorted((ClaimedCallback(id=i, attempts=n) for i, n in rows), key=lambda claimed: claimed.id)
