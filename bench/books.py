"""Fills the books for a measurement, and looks what became of them."""

from __future__ import annotations

import psycopg

from bench.traffic import callback
from tests.servers import libpq

ADD = """
    INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, next_check_at)
    SELECT 'invoice', 'ORD-' || n, 5000, 'created', '\\x00', clock_timestamp() FROM generate_series({first}, {last}) AS n
"""
# In a step of its own, as a merchant's invoice does it: the tables let a transaction begin only as created.
OPEN = """
    UPDATE transactions SET status = 'pending', token = transaction_id || '~5000',
        next_check_at = clock_timestamp() + {due_in} * interval '1 second'
    WHERE status = 'created'
"""

# In the order of time, with a proof and the twins, in the real size of both.
SETTLED = """
SET session_replication_role = replica;
CREATE TEMP VIEW story AS
    SELECT n, now() - interval '{ended}' - interval '{over}' * (1 - n / {count}.0) AS at
    FROM generate_series(1, {count}) AS n;
INSERT INTO transactions (kind, transaction_id, amount, status, order_digest, token, created_at, final_at,
                          decided_asked_at, last_asked_at, asked, answered)
    SELECT 'invoice', 'OLD-' || n, 5000, 'completed', sha256(CAST(n AS text)::bytea), repeat('t', 190) || n, at,
           at + interval '2 min', at + interval '2 min', at + interval '2 min', 1, 1
    FROM story ORDER BY n;
INSERT INTO checks (transaction_pk, lane, asked_at, took_ms, said, amount, reference, http_status, sub_code, body)
    SELECT n, 'callback', at + interval '2 min', 300, 'completed', 5000, 'OLD-' || n, 200, '00', %(json)s FROM story ORDER BY n;
INSERT INTO settlements (transaction_pk, check_id, account, amount, settled_at)
    SELECT n, n, 'default', 5000, at + interval '2 min' FROM story;
INSERT INTO notices (account, seq, transaction_pk, kind, created_at, state, next_try_at, delivered_at)
    SELECT 'default', n, n, 'completed', at + interval '2 min', 'delivered', NULL, at + interval '2 min' FROM story;
INSERT INTO callbacks (received_at, stored_at, body, content_type, headers, source, digest, outcome, note, transaction_pk, attempts)
    SELECT at + interval '1 min', at + interval '1 min', CASE twin WHEN 1 THEN CAST(%(form)s AS bytea) ELSE %(json)s END,
           CASE twin WHEN 1 THEN 'application/x-www-form-urlencoded' ELSE 'application/json' END,
           '{{"host": "pay.example.com", "user-agent": "GuzzleHttp/7", "accept": "*/*", "content-length": "944"}}',
           '203.0.113.7', sha256(CASE twin WHEN 1 THEN CAST(%(form)s AS bytea) ELSE %(json)s END), 'matched',
           'claims completed', n, 1
    FROM story CROSS JOIN generate_series(1, 2) AS twin ORDER BY n;
"""


def add_settled(url: str, *, count: int, over: str, ended: str) -> None:
    """Settled payments `OLD-1` and so on, into empty books: spread `over` an interval that `ended` so long ago.

    No checkpoint of theirs is left to fall into a measurement.
    """
    bodies = {"form": callback(1, form=True)[1], "json": callback(1, form=False)[1]}
    with psycopg.connect(libpq(url), autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute(SETTLED.format(count=count, over=over, ended=ended), bodies)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def add_pending(url: str, *, first: int, count: int, due_in: float = 3600) -> None:
    """Invoices `ORD-{first}` and so on, of 5,000 francs, with tokens that `bench.gateway` understands."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(ADD.format(first=first, last=first + count - 1))
        connection.execute(OPEN.format(due_in=due_in))
        connection.execute("VACUUM ANALYZE transactions")


def settled(url: str) -> int:
    """How many settlements there are."""
    return _count(url, "settlements")


def checked(url: str) -> int:
    """How many answers are recorded."""
    return _count(url, "checks")


def _count(url: str, table: str) -> int:
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0
