"""Cases, for the person who works them off: what is open and how much it is about, one with its facts, and ending them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.case import CALLBACK_KINDS, WATCHING_KINDS, CaseKind
from models.queries.browse import Page, Paging
from models.statement import Direction, Match
from models.transaction import Kind, Mode, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementFacts:
    """What a statement of the gateway and our books differed in when it was reconciled. Amounts in francs."""

    match: Match
    direction: Direction
    there: int | None
    here: int | None
    gateway_id: str
    reference: str
    at: datetime | None
    file: str
    line: int | None
    found_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """One case with what it is about. Amounts in francs. Without the verbatim answer and the callback's body."""

    id: int
    kind: CaseKind
    detail: str
    opened_at: datetime
    resolved_at: datetime | None
    resolution: str
    resolved_by: str
    transaction_pk: int | None
    transaction_id: str | None
    status: Status | None
    amount: int | None
    """What the invoice is over."""
    check_id: int | None
    said: str | None
    """What the gateway said in the check that opened it, over which amount, and under which reference."""
    said_amount: int | None
    said_reference: str | None
    asked_at: datetime | None
    settled_amount: int | None
    callback_id: int | None
    source: str | None
    """Where the callback came from."""
    account: str | None
    at_risk: int | None
    """The sum that somebody may be missing: what the gateway says was paid, else the invoice's amount; none for callbacks."""
    now: datetime
    about: Kind | None = None
    """Whether the transaction is an invoice or a payout."""
    sent_at: datetime | None = None
    """When the payout was handed to the gateway."""
    mode: Mode | None = None
    """Where the invoice is paid."""
    has_token: bool = False
    """Whether the transaction can be asked about."""
    statement: StatementFacts | None = None
    """Of a case about a statement alone."""

    @property
    def is_held_open(self) -> bool:
        """Whether it keeps an open transaction in view: then it ends with the transaction's outcome and not before."""
        return self.kind in WATCHING_KINDS and self.status in (Status.CREATED, Status.PENDING)

    @property
    def has_no_page(self) -> bool:
        """Whether it is about an invoice that is paid without the gateway's page: the customer may be debited by its create."""
        return self.about is Kind.INVOICE and self.mode is not Mode.HOSTED


@dataclass(frozen=True, slots=True, kw_only=True)
class KindTotal:
    """All open cases of one kind, added up. `at_risk` is whole francs, `going_out` those of it that payouts are about."""

    kind: CaseKind
    open: int
    at_risk: int
    going_out: int
    oldest_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Who answers for it, and why. Neither is empty."""

    author: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OldOnes:
    """Open cases of one kind that were opened up to `until`. `held_open` of them have to stay."""

    kind: CaseKind
    until: datetime
    endable: int
    held_open: int
    oldest_at: datetime | None


SAID = "COALESCE(CASE WHEN c.said = 'completed' THEN c.amount END, t.amount)"
AT_RISK = f"COALESCE(d.at_stake, {SAID})"
FACTS = f"""
    SELECT k.id, k.kind, k.detail, k.opened_at, k.resolved_at, k.resolution, k.resolved_by, k.transaction_pk,
           t.transaction_id, t.status, t.amount, k.check_id, c.said, c.amount AS said_amount, c.reference AS said_reference,
           c.asked_at, s.amount AS settled_amount, k.callback_id, b.source, k.account, {AT_RISK} AS at_risk,
           clock_timestamp() AS now, t.kind AS about, t.sent_at, t.mode, t.token IS NOT NULL AS has_token,
           CASE WHEN d.id IS NOT NULL THEN to_jsonb(d) END AS statement
    FROM cases k LEFT JOIN transactions t ON t.id = k.transaction_pk LEFT JOIN checks c ON c.id = k.check_id
    LEFT JOIN differences d ON d.id = k.difference_id
    LEFT JOIN settlements s ON s.transaction_pk = k.transaction_pk LEFT JOIN callbacks b ON b.id = k.callback_id
"""  # noqa: S608 - our own words

BY_IDS = text(f"{FACTS} WHERE k.id = ANY(CAST(:ids AS bigint[])) ORDER BY k.id")

# What is about money first; of that the oldest day first, and of one day the largest sum.
URGENCY = f"({AT_RISK} IS NULL, CAST(k.opened_at AT TIME ZONE 'UTC' AS date), -COALESCE({AT_RISK}, 0), k.id)"
MOST_URGENT = text(f"""
    {FACTS}
    WHERE k.resolved_at IS NULL AND k.kind = ANY(CAST(:kinds AS text[]))
      AND (CAST(:after AS bigint) IS NULL OR {URGENCY} > (
          SELECT a.at_risk IS NULL, CAST(a.opened_at AT TIME ZONE 'UTC' AS date), -COALESCE(a.at_risk, 0), a.id
          FROM ({FACTS} WHERE k.id = :after) AS a))
    ORDER BY {URGENCY} LIMIT :limit
""")  # noqa: S608 - our own words

BY_ID = """
    {facts}
    WHERE k.kind = ANY(CAST(:kinds AS text[])) AND (:ended OR k.resolved_at IS NULL)
      AND (CAST(:after AS bigint) IS NULL OR k.id {past} :after)
    ORDER BY k.id {direction} LIMIT :limit
"""
NEWEST_FIRST = text(BY_ID.format(facts=FACTS, past="<", direction="DESC"))
OLDEST_FIRST = text(BY_ID.format(facts=FACTS, past=">", direction="ASC"))

# In three parts, each with the condition of a partial index; what a flood opens is counted and joined with nothing.
TOTALS = text(f"""
    SELECT k.kind, count(*) AS open, COALESCE(sum({SAID}), 0) AS at_risk,
           COALESCE(sum({SAID}) FILTER (WHERE t.kind = 'payout'), 0) AS going_out, min(k.opened_at) AS oldest_at
    FROM cases k JOIN transactions t ON t.id = k.transaction_pk LEFT JOIN checks c ON c.id = k.check_id
    WHERE k.resolved_at IS NULL AND k.transaction_pk IS NOT NULL AND k.difference_id IS NULL GROUP BY k.kind
    UNION ALL
    SELECT k.kind, count(*), 0, 0, min(k.opened_at)
    FROM cases k WHERE k.resolved_at IS NULL AND k.transaction_pk IS NULL AND k.difference_id IS NULL GROUP BY k.kind
    UNION ALL
    SELECT k.kind, count(*), sum(d.at_stake), COALESCE(sum(d.at_stake) FILTER (WHERE t.kind = 'payout'), 0), min(k.opened_at)
    FROM cases k JOIN differences d ON d.id = k.difference_id LEFT JOIN transactions t ON t.id = k.transaction_pk
    WHERE k.resolved_at IS NULL GROUP BY k.kind
""")  # noqa: S608 - our own words

HELD_OPEN = """EXISTS (
    SELECT FROM transactions t WHERE t.id = k.transaction_pk AND t.status IN ('created', 'pending')
        AND k.kind = ANY(CAST(:watching AS text[]))
)"""

# A case that ended by itself after `since`, by the very question of the person who ends it, still takes their words.
END = text(f"""
    WITH wanted AS (
        SELECT id FROM cases WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE cases k
    SET resolved_at = COALESCE(k.resolved_at, clock_timestamp()), resolution = :reason, resolved_by = :author
    FROM wanted
    WHERE k.id = wanted.id AND NOT {HELD_OPEN}
      AND (k.resolved_at IS NULL OR k.resolved_by = '' AND k.resolved_at >= CAST(:since AS timestamptz))
    RETURNING k.id
""")  # noqa: S608 - our own words

LOCK_OPEN = text("SELECT id FROM cases WHERE id = :id AND resolved_at IS NULL FOR NO KEY UPDATE")

# The whole kind at once would be one long transaction; by id, so that each part goes on where the last one ended.
END_OLD = text(f"""
    WITH old AS (
        SELECT k.id FROM cases k
        WHERE k.kind = :kind AND k.resolved_at IS NULL AND k.opened_at <= :until AND k.id > :after AND NOT {HELD_OPEN}
        ORDER BY k.id LIMIT :limit FOR NO KEY UPDATE
    )
    UPDATE cases k SET resolved_at = clock_timestamp(), resolution = :reason, resolved_by = :author
    FROM old WHERE k.id = old.id AND k.resolved_at IS NULL
    RETURNING k.id
""")  # noqa: S608 - our own words

COUNT_OLD = text(f"""
    SELECT moment.until, count(k.id) FILTER (WHERE NOT {HELD_OPEN}) AS endable,
           count(k.id) FILTER (WHERE {HELD_OPEN}) AS held_open, min(k.opened_at) AS oldest_at
    FROM (SELECT clock_timestamp() - CAST(:older_than AS interval) AS until) AS moment
    LEFT JOIN cases k ON k.kind = :kind AND k.resolved_at IS NULL AND k.opened_at <= moment.until
    GROUP BY moment.until
""")  # noqa: S608 - our own words

WATCHING = [kind.value for kind in WATCHING_KINDS]


def find_cases(session: Session, ids: Iterable[int]) -> list[CaseFacts]:
    """Those of these that exist, by id."""
    return [_facts(row) for row in session.execute(BY_IDS, {"ids": list(ids)})]


def total_open(session: Session) -> list[KindTotal]:
    """Every kind that has open cases, those about most money first."""
    totals = [
        KindTotal(
            kind=CaseKind(row.kind),
            open=row.open,
            at_risk=int(row.at_risk),
            going_out=int(row.going_out),
            oldest_at=row.oldest_at,
        )
        for row in session.execute(TOTALS)
    ]
    return sorted(totals, key=lambda total: (total.kind in CALLBACK_KINDS, -total.at_risk, total.kind))


def most_urgent(session: Session, paging: Paging, *, kinds: Sequence[CaseKind]) -> Page[CaseFacts]:
    """Open cases of these kinds: about money first, of that the oldest day first, of one day the largest sum."""
    return _page(session.execute(MOST_URGENT, _parameters(paging, kinds)).all(), paging)


def list_cases(session: Session, paging: Paging, *, kinds: Sequence[CaseKind], ended: bool) -> Page[CaseFacts]:
    """Cases of these kinds in the order of their ids; with `ended`, those that are over too."""
    statement = OLDEST_FIRST if paging.oldest_first else NEWEST_FIRST
    return _page(session.execute(statement, {**_parameters(paging, kinds), "ended": ended}).all(), paging)


def end_cases(session: Session, ids: Iterable[int], by: Signature, *, since: datetime | None = None) -> set[int]:
    """End those of these that are open and need not stay so; the ids that this call ended.

    Of two persons at once one ends it. With `since`, also those that ended by themselves after it.
    """
    parameters = {"ids": list(ids), "since": since, "watching": WATCHING, "author": by.author, "reason": by.reason}
    return set(session.scalars(END, parameters))


def lock_open(session: Session, case_id: int) -> bool:
    """Whether it is open; if so, nobody else ends it until the end of this transaction."""
    return session.execute(LOCK_OPEN, {"id": case_id}).one_or_none() is not None


def count_old(session: Session, kind: CaseKind, *, older_than: timedelta) -> OldOnes:
    """How many open cases of one kind are at least so old."""
    row = session.execute(COUNT_OLD, {"kind": kind.value, "older_than": older_than, "watching": WATCHING}).one()
    return OldOnes(kind=kind, until=row.until, endable=row.endable, held_open=row.held_open, oldest_at=row.oldest_at)


def end_old(session: Session, old: OldOnes, by: Signature, *, after: int, limit: int) -> list[int]:
    """End up to `limit` of them, with ids past `after`; the ids that this call ended, in order."""
    parameters = {
        "kind": old.kind.value,
        "until": old.until,
        "after": after,
        "limit": limit,
        "watching": WATCHING,
        "author": by.author,
        "reason": by.reason,
    }
    return sorted(session.scalars(END_OLD, parameters))


def _parameters(paging: Paging, kinds: Sequence[CaseKind]) -> dict[str, object]:
    return {"kinds": [kind.value for kind in kinds], "after": paging.after, "limit": paging.limit + 1}


def _page(rows: Sequence[Row[Any]], paging: Paging) -> Page[CaseFacts]:
    """One row more than wanted was fetched, and only tells that there is a next page."""
    shown = rows[: paging.limit]
    return Page(items=tuple(_facts(row) for row in shown), next=shown[-1].id if len(rows) > len(shown) else None)


def _facts(row: Row[Any]) -> CaseFacts:
    status = Status(row.status) if row.status else None
    about = Kind(row.about) if row.about else None
    known = {
        "kind": CaseKind(row.kind),
        "status": status,
        "about": about,
        "mode": Mode(row.mode) if row.mode else None,
        "statement": _statement(row.statement),
    }
    return CaseFacts(**{**row._mapping, **known})  # noqa: SLF001 - SQLAlchemy's name for a public thing


def _statement(row: Mapping[str, Any] | None) -> StatementFacts | None:
    if row is None:
        return None
    known = {
        "match": Match(row["match"]),
        "direction": Direction(row["direction"]),
        "at": datetime.fromisoformat(row["at"]) if row["at"] else None,
    }
    return StatementFacts(**{field.name: row[field.name] for field in fields(StatementFacts)} | known)
