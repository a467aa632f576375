"""Fills the books for a measurement, and looks what became of them."""

from __future__ import annotations

import psycopg

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
