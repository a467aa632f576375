"""Whose transactions are whose, and what is done about those of an account that is not set up here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.case import CaseKind
from models.queries.turn import waits_its_turn

BY_ACCOUNT = text("""
    SELECT account, array_agg(id ORDER BY id) AS ids FROM transactions
    WHERE id = ANY(CAST(:ids AS bigint[])) GROUP BY account ORDER BY account
""")


def by_account(session: Session, ids: Collection[int]) -> dict[str, list[int]]:
    """These transactions by the account they belong to. An account never changes."""
    return {account: list(ours) for account, ours in session.execute(BY_ACCOUNT, {"ids": sorted(ids)})}


# A case of this kind is about an account, so that ten thousand payments of it are one matter.
OPEN_CASE = text("""
    INSERT INTO cases (kind, account, detail) VALUES (:kind, :account, :detail)
    ON CONFLICT (account, kind) WHERE resolved_at IS NULL AND account IS NOT NULL DO NOTHING
""")

END_CASES = text("""
    UPDATE cases SET resolved_at = clock_timestamp(), resolution = 'the account is set up again'
    WHERE kind = :kind AND account = ANY(CAST(:names AS text[])) AND resolved_at IS NULL
""")


def miss(session: Session, details: Mapping[str, str]) -> None:
    """Open a case about each of these accounts, with these words, unless one is open."""
    for account, detail in sorted(details.items()):
        session.execute(OPEN_CASE, {"kind": CaseKind.ACCOUNT.value, "account": account, "detail": detail})


def no_longer_missed(session: Session, names: Sequence[str]) -> None:
    """End the cases about these accounts: they are set up."""
    session.execute(END_CASES, {"kind": CaseKind.ACCOUNT.value, "names": list(names)})


# Like the sweep's claim, and the date it sets is the end of it: nobody is rung for.
SET_ASIDE = text("""
    WITH due AS (
        SELECT id FROM transactions
        WHERE next_check_at <= CAST(:until AS timestamptz) AND token IS NOT NULL
          AND account <> ALL(CAST(:names AS text[]))
        ORDER BY next_check_at LIMIT :limit
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE transactions t SET next_check_at = clock_timestamp() + :wait
    WHERE t.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING t.account
""")


def set_aside_strangers(
    session: Session, names: Sequence[str], *, until: datetime, limit: int, wait: timedelta
) -> list[str]:
    """Put off up to `limit` due transactions of no account of these names; whose they are, once for each."""
    parameters = {"names": list(names), "until": until, "limit": limit, "wait": wait}
    return list(session.scalars(SET_ASIDE, parameters))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLoad:
    """What waits for answers with the keys of one account."""

    account: str
    asked_about: int
    """Transactions with a date of their next question."""
    overdue: int


LOADS = text(
    """
    SELECT account, count(*) AS asked_about,
           count(*) FILTER (WHERE next_check_at < now() - CAST(:late AS interval) AND NOT {turn}) AS overdue
    FROM transactions WHERE next_check_at IS NOT NULL GROUP BY account ORDER BY account
""".format(turn=waits_its_turn("CAST(:late AS interval)"))  # noqa: S608 - our own words
)


def loads(session: Session, *, late: timedelta) -> list[AccountLoad]:
    """Each account that anything waits for. Reads what is open, so nothing of what is settled."""
    return [
        AccountLoad(account=account, asked_about=asked_about, overdue=overdue)
        for account, asked_about, overdue in session.execute(LOADS, {"late": late})
    ]
