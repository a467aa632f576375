"""What a statement is held against: settlements of a period, and whatever its lines name; and keeping differences."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, text
from sqlalchemy.orm import Session

from models.queries.cases import Signature
from models.statement import SAYS, Direction, Entry, Finding, Line, Terms
from models.transaction import Kind, Status

AT_A_TIME = 5_000
"""Ids that one statement looks up, and rows fetched at once."""

SLICE = 100_000
"""Transactions looked through together for ids of the gateway, which have no index: well under a second."""

ENTRY = """
    SELECT t.id, t.transaction_id, t.request_id, COALESCE(s.account, t.account) AS account, t.kind, t.status,
           COALESCE(s.amount, t.amount) AS amount, t.created_at, s.settled_at
"""

SETTLED = text(f"""
    {ENTRY} FROM settlements s JOIN transactions t ON t.id = s.transaction_pk
    WHERE s.settled_at >= :start AND s.settled_at < :end AND s.account = :account ORDER BY s.settled_at, t.id
""")

NAMED = text(f"""
    {ENTRY} FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id
    WHERE t.transaction_id = ANY(CAST(:ids AS text[]))
""")

LAST_OF_SLICE = text("""
    SELECT max(id) FROM (SELECT id FROM transactions WHERE id > :after ORDER BY id LIMIT :size) AS slice
""")

NAMED_BY_GATEWAY = text(f"""
    {ENTRY} FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id
    WHERE t.id > :after AND t.id <= :upto AND t.request_id = ANY(CAST(:ids AS text[]))
""")

# One snapshot for all that is read; and long reading is no reason to be thrown out, as it is for those who settle.
SETTINGS = (
    text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    text("SET LOCAL statement_timeout = '10min'"),
    text("SET LOCAL idle_in_transaction_session_timeout = '10min'"),
)


def begin_snapshot(session: Session) -> None:
    """Have everything this transaction reads be of one moment. Must come first in it."""
    for setting in SETTINGS:
        session.execute(setting)


def settled_between(session: Session, terms: Terms) -> Iterator[Entry]:
    """What was settled in these days in this account, oldest first; not all in memory at once."""
    parameters = {"start": terms.start, "end": terms.end, "account": terms.account}
    return _entries(session, SETTLED, parameters)


def named(session: Session, references: Collection[str]) -> Iterator[Entry]:
    """Transactions with these ids of ours, of any account and status, settled at any time or never."""
    for ids in _parts(sorted(references)):
        yield from _entries(session, NAMED, {"ids": ids})


def named_by_gateway(session: Session, gateway_ids: Collection[str]) -> Iterator[Entry]:
    """The same by the gateway's ids. Looks through all transactions: for the few that nothing else has found."""
    wanted = sorted(gateway_ids)
    after = 0
    while wanted and (upto := session.scalar(LAST_OF_SLICE, {"after": after, "size": SLICE})) is not None:
        yield from _entries(session, NAMED_BY_GATEWAY, {"after": after, "upto": upto, "ids": wanted})
        after = upto


def _entries(session: Session, statement: TextClause, parameters: dict[str, object]) -> Iterator[Entry]:
    return map(_entry, session.execute(statement, parameters, execution_options={"yield_per": AT_A_TIME}))


def _entry(row: Row[Any]) -> Entry:
    pk, transaction_id, request_id, account, kind, status, amount, created_at, settled_at = tuple(row)
    return Entry(
        pk=pk,
        transaction_id=transaction_id,
        gateway_id=request_id,
        account=account,
        direction=Direction.OUT if kind == Kind.PAYOUT else Direction.IN,
        status=Status(status),
        amount=amount,
        created_at=created_at,
        settled_at=settled_at,
    )


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), AT_A_TIME):
        yield list(ids[start : start + AT_A_TIME])


# A difference that is kept already has its case already, open or ended.
KEEP = text("""
    WITH new AS (
        INSERT INTO differences (key, match, account, transaction_pk, direction, there, here, at_stake, gateway_id,
                                 reference, at, file, line, found_by, reason)
        SELECT r.key, r.match, :account, r.transaction_pk, r.direction, r.there, r.here, r.at_stake, r.gateway_id,
               r.reference, r.at, :file, r.line, :author, :reason
        FROM jsonb_to_recordset(CAST(:rows AS jsonb))
            AS r(key text, match text, transaction_pk bigint, direction text, there bigint, here bigint, at_stake bigint,
                 gateway_id text, reference text, at timestamptz, line bigint)
        ORDER BY r.key
        ON CONFLICT (key) DO NOTHING
        RETURNING id, key, transaction_pk
    )
    INSERT INTO cases (kind, transaction_pk, difference_id, detail)
    SELECT 'statement', new.transaction_pk, new.id, r.says
    FROM new JOIN jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(key text, says text) USING (key) ORDER BY new.id
    RETURNING id
""")


def keep_differences(
    session: Session, differences: Sequence[tuple[str, Finding]], *, account: str, file: str, by: Signature
) -> list[int]:
    """Keep those that are not kept yet, each with a case; the ids of these cases. Of two at once one keeps it."""
    rows = [_difference(key, finding) for key, finding in differences]
    parameters = {
        "rows": json.dumps(rows),
        "account": account,
        "file": file,
        "author": by.author,
        "reason": by.reason,
    }
    return sorted(session.scalars(KEEP, parameters))


def _difference(key: str, finding: Finding) -> dict[str, object]:
    line, entry = finding.line, finding.entry
    return {
        "key": key,
        "match": finding.match.value,
        "says": SAYS[finding.match],
        "transaction_pk": entry.pk if entry else None,
        "direction": finding.direction.value,
        "there": line.amount if line else None,
        "here": entry.amount if entry and entry.settled_at else None,
        "at_stake": finding.at_stake,
        "gateway_id": _gateway_id(line, entry),
        "reference": line.reference if line and line.reference else entry.transaction_id if entry else "",
        "at": _moment(line),
        "line": line.number if line else None,
    }


def _gateway_id(line: Line | None, entry: Entry | None) -> str:
    if line is not None and line.gateway_id:
        return line.gateway_id
    return entry.gateway_id if entry is not None else ""


def _moment(line: Line | None) -> str | None:
    at: datetime | None = line.at if line else None
    return at.isoformat() if at else None
