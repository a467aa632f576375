"""Payments settled in the past, put straight into the tables: so many, so long ago, announced or not.

Past the guards of the database, which would not let anybody choose when something was settled. Put the oldest there first:
ids grow with time, as they do where nobody meddles.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from models.session import Sessions, transaction

PUT = text("""
    WITH paid AS (
        INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, token, operator_name, created_at, final_at)
        SELECT 'invoice', gen_random_uuid()::text, 5000, 'completed', '\\x00', gen_random_uuid()::text, CAST(:operator AS text),
               clock_timestamp() - CAST(:ago AS interval) - CAST(:created AS interval), clock_timestamp() - CAST(:ago AS interval)
        FROM generate_series(1, CAST(:count AS int)) RETURNING id
    ), asked AS (
        INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, body)
        SELECT id, CAST(:lane AS text), clock_timestamp() - CAST(:ago AS interval), 10, 'completed', 5000, '' FROM paid RETURNING id, transaction_pk
    ), money AS (
        INSERT INTO settlements (transaction_pk, check_id, account, amount, settled_at)
        SELECT transaction_pk, id, 'default', 5000, clock_timestamp() - CAST(:ago AS interval) FROM asked
    ), told AS (
        INSERT INTO notices (account, seq, transaction_pk, kind, created_at)
        SELECT 'default', id, id, 'completed', clock_timestamp() - CAST(:ago AS interval) FROM paid
    )
    INSERT INTO callbacks (received_at, stored_at, body, content_type, headers, source, digest, outcome, note, transaction_pk)
    SELECT clock_timestamp() - CAST(:ago AS interval) - CAST(:heard AS interval), clock_timestamp() - CAST(:ago AS interval) - CAST(:heard AS interval), '', 'application/json', '{}', '203.0.113.7',
           '\\x00', 'matched', CAST(:note AS text), id
    FROM paid WHERE CAST(:heard AS interval) IS NOT NULL
""")


def put_settled(
    sessions: Sessions,
    count: int,
    *,
    ago: float,
    heard: float | None = None,
    created: float = 600,
    operator: str = "ORANGE BURKINA",
    lane: str = "sweep",
    note: str = "claims completed",
) -> None:
    """`ago`, `created` and `heard` in seconds: how long ago settled, and how long before that made and announced."""
    parameters = {
        "count": count,
        "ago": timedelta(seconds=ago),
        "created": timedelta(seconds=created),
        "heard": None if heard is None else timedelta(seconds=heard),
        "operator": operator,
        "lane": lane,
        "note": note,
    }
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(PUT, parameters)
