"""By EXPLAIN: every claim reads what it claims and hardly more, by the index of what is due, in whatever table it stands."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import text

from models.queries import due

LIMIT = 50
MOST = 5 * LIMIT
"""Rows and entries looked at, dead ones included. Forty times as many are due, and four hundred times as many are there."""

# One row in ten is due, the others are settled; as many holes as make a claim. Triggers rest, for nothing here is settled by us.
FILL = """
    SET LOCAL session_replication_role = replica;
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, token, next_check_at, nudged_at)
    SELECT 'invoice', 'ORD-' || n, 5000, CASE WHEN n % 10 = 0 THEN 'pending' ELSE 'completed' END, '\\x00', 'token-' || n,
           CASE WHEN n % 10 = 0 THEN clock_timestamp() - n * interval '1 ms' END, clock_timestamp() - interval '1 hour'
    FROM generate_series(1, 20000) AS n;
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, next_check_at)
    SELECT 'invoice', 'HOLE-' || n, 5000, 'created', '\\x00', clock_timestamp() - n * interval '1 ms'
    FROM generate_series(1, 100) AS n;
    INSERT INTO callbacks (body, content_type, headers, source, digest, outcome, next_try_at)
    SELECT '{}', 'application/json', '{}', '', '', CASE WHEN n % 10 = 0 THEN 'received' ELSE 'matched' END,
           CASE WHEN n % 10 = 0 THEN clock_timestamp() - n * interval '1 ms' END
    FROM generate_series(1, 20000) AS n;
    INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, body)
    SELECT id, 'sweep', clock_timestamp() - interval '2 hours', 50, 'pending', '' FROM transactions WHERE token IS NOT NULL
"""

ANSWERS = "'{pending,completed,notcompleted,unknown}'"
CLAIMS = {
    "transactions": (due.CLAIM_TRANSACTIONS, "FALSE", "ix_transactions_due"),
    "transactions called back": (due.CLAIM_TRANSACTIONS, "TRUE", "ix_transactions_due"),
    "holes": (due.PARK_HOLES, "FALSE", "uq_transactions_token"),  # those without a token are together in it
    "callbacks": (due.CLAIM_CALLBACKS, "FALSE", "ix_callbacks_due"),
}


@pytest.fixture
def filled(sessions):
    with closing(sessions()) as session:
        for statement in FILL.split(";"):
            session.execute(text(statement))
        session.commit()
    with sessions.kw["bind"].connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE transactions, callbacks, checks"))
    return sessions


def plan_of(sessions, statement, *, called_back, mode):
    """The plan as it really ran, rolled back. Prepared in SQL: only so can it be told which kind of plan to make."""
    numbered = statement.text.replace(":until", "$1").replace(":limit", "$2").replace(":lease", "$3")
    numbered = numbered.replace(":called_back", called_back).replace(":answers", ANSWERS)
    with closing(sessions()) as session:
        session.execute(text(f"SET LOCAL plan_cache_mode = {mode}"))
        connection = session.connection()
        kinds = "timestamptz, bigint, interval" if "$3" in numbered else "timestamptz, bigint"
        connection.exec_driver_sql(f"PREPARE claim ({kinds}) AS {numbered}")
        values = f"clock_timestamp(), {LIMIT}" + (", '39 s'" if "$3" in numbered else "")
        [found] = connection.exec_driver_sql(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE claim ({values})"
        ).scalar_one()
        connection.exec_driver_sql("DEALLOCATE claim")
        return found["Plan"]


def nodes_of(node):
    yield node
    for inner in node.get("Plans", []):
        yield from nodes_of(inner)


def looked_at(scan):
    """Rows read, those thrown away included."""
    rows = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    return rows * scan["Actual Loops"]


def test_every_claim_reads_by_index_and_no_more_rows_than_it_takes(filled):
    for name, (statement, called_back, index) in CLAIMS.items():
        for mode in ("force_custom_plan", "force_generic_plan"):
            plan = plan_of(filled, statement, called_back=called_back, mode=mode)
            scans = [node for node in nodes_of(plan) if "Scan" in node["Node Type"] and "CTE" not in node["Node Type"]]
            shown = [name, mode, *((scan["Node Type"], scan.get("Index Name"), looked_at(scan)) for scan in scans)]
            assert all("Index" in scan["Node Type"] or "Bitmap" in scan["Node Type"] for scan in scans), shown
            assert {index, "ix_transactions_status_id"} & {scan.get("Index Name") for scan in scans}, shown
            assert all(looked_at(scan) <= MOST for scan in scans), shown
            assert plan["Actual Rows"] == LIMIT, shown
