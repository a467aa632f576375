"""Callbacks: store what came in, find whom it is about, write down what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.answers import Said
from models.callback import Callback, Outcome, Receipt
from models.errors import Conflict
from models.transaction import Status

NEARBY = 2000
"""How far ahead, by id, a reader looks for what waits unread: it must never walk through a whole backlog."""

UNFINISHED = (Outcome.RECEIVED, Outcome.UNMATCHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCallback:
    """As much of a stored callback as reading it takes."""

    id: int
    content_type: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTransaction:
    """As much of a transaction as choosing a question takes."""

    id: int
    transaction_id: str
    status: Status
    has_token: bool = True
    """Whether it can be asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of one callback."""

    callback_id: int
    outcome: Outcome
    note: str
    transaction_pk: int | None = None
    look_again_in: timedelta | None = None


# All bodies in one value and all the rest in another: a driver needs 60 µs of each row of arrays, and 10 of these.
STORE = text("""
    INSERT INTO callbacks (received_at, body, content_type, headers, source, digest, next_try_at)
    SELECT COALESCE(r.received_at, clock_timestamp()), b.body, r.content_type, r.headers, r.source, sha256(b.body),
        clock_timestamp() + :grace
    FROM jsonb_to_recordset(CAST(:receipts AS jsonb))
        AS r(begins int, bytes int, received_at timestamptz, content_type text, headers jsonb, source text),
        LATERAL (SELECT substring(CAST(:bodies AS bytea) FROM r.begins FOR r.bytes) AS body) AS b
    RETURNING id
""")


def store_callbacks(
    session: Session, receipts: Sequence[Receipt], *, grace: timedelta, received_at: Sequence[datetime] = ()
) -> list[int]:
    """Insert all receipts with one statement; their ids, in no promised order. Due by themselves after `grace`.

    `received_at` says of each when it knocked, if it lay in the spool; without it they knock now.
    """
    if not receipts:
        return []
    rows: list[dict[str, object]] = []
    begins = 1
    for receipt in receipts:
        size = len(receipt.body)
        rows.append(
            {
                "begins": begins,
                "bytes": size,
                "content_type": receipt.content_type,
                "headers": receipt.headers,
                "source": receipt.source,
            }
        )
        begins += size
    for row, knocked in zip(rows, received_at, strict=bool(received_at)):
        row["received_at"] = knocked.isoformat()
    bodies = b"".join([receipt.body for receipt in receipts])
    return list(session.scalars(STORE, {"grace": grace, "bodies": bodies, "receipts": json.dumps(rows)}))


SET_OUT = text("""
    WITH given AS MATERIALIZED (
        SELECT id, attempts, COALESCE(stored_at, received_at) AS came_at FROM callbacks
        WHERE id = ANY(CAST(:ids AS bigint[])) AND outcome = ANY(CAST(:unfinished AS text[]))
    ), along AS MATERIALIZED (
        SELECT id, COALESCE(stored_at, received_at) AS came_at FROM callbacks
        WHERE outcome = :unread AND id > :newest AND id <= :furthest AND attempts = 0
          AND (SELECT max(attempts) = 0 FROM given)
        ORDER BY id LIMIT GREATEST(:most - (SELECT count(*) FROM given), 0)
    ), party AS (
        SELECT id, came_at FROM given UNION ALL SELECT id, came_at FROM along
    ), waiting AS (
        SELECT id FROM callbacks
        WHERE id IN (SELECT id FROM party WHERE came_at <= clock_timestamp() - CAST(:grace AS interval))
          AND outcome = ANY(CAST(:unfinished AS text[]))
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    ), counted AS (
        UPDATE callbacks c SET attempts = c.attempts + 1 FROM waiting WHERE c.id = waiting.id
    )
    SELECT id FROM party ORDER BY id
""")


def set_out(session: Session, ids: Sequence[int], *, grace: timedelta, most: int = 0) -> list[int]:
    """Note that somebody sets out to read these; those that still wait. Commit it before the reading.

    So a callback that kills its reader runs out of attempts. One younger than `grace` is not counted: its first
    reading, the only one nearly all callbacks need, then writes nothing here.

    With `most`, others that came soon after and wait unread are taken along, up to so many in all. None that somebody set
    out for before, and none at all if one of `ids` is such: it may be what kills its readers. Nor any when all of `ids`
    are read already: such a message is to be over at once, else the messages would pile up behind the questions.
    """
    if not ids:
        return []
    parameters = {
        "ids": list(ids),
        "unfinished": [outcome.value for outcome in UNFINISHED],
        "unread": Outcome.RECEIVED.value,
        "newest": max(ids),
        # Added up here: the driver gives each number the smallest type that holds it, and PostgreSQL keeps to it in a sum.
        "furthest": max(ids) + NEARBY,
        "most": most,
        "grace": grace,
    }
    return list(session.scalars(SET_OUT, parameters))


TAKE = text("""
    SELECT id, content_type, body, attempts FROM callbacks
    WHERE id = ANY(CAST(:ids AS bigint[])) AND outcome = ANY(CAST(:unfinished AS text[]))
    ORDER BY id FOR UPDATE SKIP LOCKED
""")


def take_callbacks(session: Session, ids: Sequence[int]) -> list[StoredCallback]:
    """Lock those that wait to be read; skip those somebody else is reading, or has read."""
    parameters = {"ids": list(ids), "unfinished": [outcome.value for outcome in UNFINISHED]}
    rows = session.execute(TAKE, parameters)
    return [StoredCallback(id=i, content_type=kind, body=body, attempts=n) for i, kind, body, n in rows]


FIND = text("""
    SELECT id, transaction_id, status, token IS NOT NULL FROM transactions
    WHERE transaction_id = ANY(CAST(:references AS text[]))
""")


def find_transactions(session: Session, references: Iterable[str]) -> dict[str, KnownTransaction]:
    """The transactions that bear any of these ids, by id. Unknown ids are simply not in the answer."""
    wanted = sorted(set(references))
    if not wanted:
        return {}
    rows = session.execute(FIND, {"references": wanted})
    return {
        ours: KnownTransaction(id=pk, transaction_id=ours, status=Status(status), has_token=known)
        for pk, ours, status, known in rows
    }


NUDGE = text("""
    WITH named AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:claims AS text[])) AS n(id, claim)
    ), locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t
    SET nudged_at = clock_timestamp(),
        next_check_at = CASE WHEN t.token IS NULL OR (t.final_at IS NOT NULL AND t.status = n.claim)
                             THEN t.next_check_at
                             ELSE LEAST(t.next_check_at, clock_timestamp() + :grace) END
    FROM locked JOIN named n ON n.id = locked.id WHERE t.id = locked.id
""")


def nudge(session: Session, claims: Mapping[int, Said], *, grace: timedelta) -> None:
    """Note that a callback came about these, and what it claims: they are asked about within `grace`, come what may.

    Unless the books say meanwhile, under the row's lock, just what the callback claims: then it has nothing new to tell.

    This is the mark that a question already under way is not the last word; it lives in the row so that an emptied
    Redis cannot lose it. Rows are locked in id order, as everywhere, so that two batches cannot deadlock.
    """
    if claims:
        values = [claim.value for claim in claims.values()]
        session.execute(NUDGE, {"ids": list(claims), "claims": values, "grace": grace})


FINISH = text("""
    UPDATE callbacks c
    SET outcome = f.outcome, note = f.note, transaction_pk = f.transaction_pk, attempts = GREATEST(c.attempts, 1),
        next_try_at = clock_timestamp() + f.seconds * interval '1 second'
    FROM jsonb_to_recordset(CAST(:findings AS jsonb))
        AS f(id bigint, outcome text, note text, transaction_pk bigint, seconds float8)
    WHERE c.id = f.id
""")


def finish_callbacks(session: Session, findings: Sequence[Finding]) -> None:
    """Write down what became of each; a finding without `look_again_in` is final."""
    if not findings:
        return
    rows = [
        {
            "id": f.callback_id,
            "outcome": f.outcome.value,
            "note": f.note,
            "transaction_pk": f.transaction_pk,
            "seconds": f.look_again_in.total_seconds() if f.look_again_in else None,
        }
        for f in findings
    ]
    session.execute(FINISH, {"findings": json.dumps(rows)})


ERASED = text("""
    SELECT id, erased_at FROM callbacks
    WHERE id = ANY(CAST(:ids AS bigint[])) AND erased_at IS NOT NULL ORDER BY id LIMIT 1
""")


def refuse_erased(session: Session, ids: Sequence[int]) -> None:
    """Raise `Conflict` when one of these callbacks was erased."""
    erased = session.execute(ERASED, {"ids": list(ids)}).one_or_none()
    if erased is not None:
        raise Conflict(
            f"callback {erased.id} was erased on {erased.erased_at.astimezone(UTC):%Y-%m-%d}, and there is nothing to read"
            " again; ask the gateway about its transaction instead"
        )


REOPEN = text("""
    WITH locked AS (
        SELECT id FROM callbacks WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    ), resolved AS (
        UPDATE cases SET resolved_at = clock_timestamp(), resolution = 'the callback was opened again, to be read anew'
        WHERE callback_id = ANY(CAST(:ids AS bigint[])) AND (transaction_pk IS NULL OR kind = 'called_back') AND resolved_at IS NULL
          AND (SELECT count(*) FROM locked) = :count
    )
    UPDATE callbacks c
    SET outcome = 'received', note = 'opened again by a person', attempts = 0, next_try_at = clock_timestamp(),
        reopened_at = clock_timestamp()
    FROM locked
    WHERE c.id = locked.id AND (SELECT count(*) FROM locked) = :count
    RETURNING c.id
""")


def reopen_callbacks(session: Session, ids: Iterable[int]) -> list[int]:
    """Have these callbacks read again, whatever became of them, from now on; the ids nobody knows.

    All or none: with one unknown id nothing is opened. Their open cases end: a callback that fails again opens a new one.
    Opening again moves no money: reading it leads to a question at most, guarded like any other. Raises `Conflict` when one
    of them was erased: there is nothing to read.
    """
    wanted = sorted(set(ids))
    refuse_erased(session, wanted)
    opened = set(session.scalars(REOPEN, {"ids": wanted, "count": len(wanted)}))
    if len(opened) == len(wanted):
        return []
    return sorted(set(wanted) - set(session.scalars(select(Callback.id).where(Callback.id.in_(wanted)))))
