"""Settlements of a period: added up in groups, and one by one, from one snapshot of the books."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.queries.statement import AT_A_TIME, begin_snapshot
from models.report import Amount, By, Days, Group, Report
from models.statement import Direction
from models.transaction import Kind

# A payout has no mode; the way it went stands in its place. An operator is known by what the gateway said, if anything.
KEYS = {
    By.OPERATOR: "COALESCE(NULLIF(t.operator_name, ''), NULLIF(t.operator_id, ''), '')",
    By.DAY: "CAST(CAST(s.settled_at AT TIME ZONE 'UTC' AS date) AS text)",
    By.ACCOUNT: "s.account",
    By.MODE: "CASE WHEN t.kind = 'payout' THEN 'payout ' || t.route ELSE t.mode END",
    By.DIRECTION: "CASE WHEN t.kind = 'payout' THEN 'out' ELSE 'in' END",
}

IN_PERIOD = """s.settled_at >= :start AND s.settled_at < :end
      AND (CAST(:account AS text) IS NULL OR s.account = :account)"""

GROUPS = {
    by: text(f"""
        SELECT {key} AS key, t.kind = 'payout' AS is_out, count(*) AS count, CAST(sum(s.amount) AS bigint) AS francs,
               count(s.override_id) AS by_hand,
               CAST(COALESCE(sum(s.amount) FILTER (WHERE s.override_id IS NOT NULL), 0) AS bigint) AS francs_by_hand
        FROM settlements s JOIN transactions t ON t.id = s.transaction_pk
        WHERE {IN_PERIOD} GROUP BY 1, 2 ORDER BY 1, 2
    """)  # noqa: S608 - our own words
    for by, key in KEYS.items()
}

# Joined with nothing: what a group leaves out, it does not.
PLAINLY = text(f"""
    SELECT count(*), CAST(COALESCE(sum(s.amount), 0) AS bigint), now() FROM settlements s WHERE {IN_PERIOD}
""")  # noqa: S608 - our own words

EACH = text(f"""
    SELECT s.settled_at, t.transaction_id, t.kind, s.account, {KEYS[By.MODE]} AS mode, t.operator_id, t.operator_name,
           t.request_id, s.amount, s.override_id IS NOT NULL AS by_hand, t.created_at
    FROM settlements s JOIN transactions t ON t.id = s.transaction_pk
    WHERE {IN_PERIOD} ORDER BY s.settled_at, s.transaction_pk
""")  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """One settlement. The amount is whole francs."""

    settled_at: datetime
    transaction_id: str
    direction: Direction
    account: str
    mode: str
    operator_id: str
    operator_name: str
    gateway_id: str
    amount: int
    by_hand: bool
    created_at: datetime


def read_report(session: Session, days: Days, *, by: By, account: str | None) -> Report:
    """All sums of one moment: what is settled meanwhile is in none of them. Must come first in its transaction."""
    begin_snapshot(session)
    parameters = _parameters(days, account)
    count, francs, read_at = session.execute(PLAINLY, parameters).one()
    return Report(
        days=days,
        by=by,
        account=account,
        groups=_groups(session, GROUPS[by], parameters),
        daily=_groups(session, GROUPS[By.DAY], parameters),
        settlements=Amount(count, francs),
        read_at=read_at,
    )


def each_settled(session: Session, days: Days, *, account: str | None) -> Iterator[Settled]:
    """Every settlement of these days, oldest first; needs memory for some thousand of them, however many there are."""
    rows = session.execute(EACH, _parameters(days, account), execution_options={"yield_per": AT_A_TIME})
    for (
        at,
        transaction_id,
        kind,
        ours,
        mode,
        operator_id,
        operator_name,
        request_id,
        amount,
        by_hand,
        created_at,
    ) in rows:
        yield Settled(
            settled_at=at,
            transaction_id=transaction_id,
            direction=Direction.OUT if kind == Kind.PAYOUT else Direction.IN,
            account=ours,
            mode=mode,
            operator_id=operator_id,
            operator_name=operator_name,
            gateway_id=request_id,
            amount=amount,
            by_hand=by_hand,
            created_at=created_at,
        )


def _parameters(days: Days, account: str | None) -> dict[str, object]:
    return {"start": days.start, "end": days.end, "account": account}


def _groups(session: Session, statement: TextClause, parameters: dict[str, object]) -> tuple[Group, ...]:
    groups: dict[str, Group] = {}
    for key, is_out, count, francs, by_hand, francs_by_hand in session.execute(statement, parameters):
        group = groups.setdefault(key, Group(key))
        way = Direction.OUT if is_out else Direction.IN
        group.money[way] = Amount(count, francs)
        group.by_hand[way] = Amount(by_hand, francs_by_hand)
    return tuple(groups.values())
