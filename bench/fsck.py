"""`python -m bench.fsck [TRANSACTIONS ...]`: what fsck costs on books of that size, on a PostgreSQL of its own.

Fills the tables with sound books (nine of ten invoices completed, two checks and two callbacks each), then runs the command
as a process of its own, in full and over the last 15 minutes. Prints seconds, rows a second and the process's peak memory.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

import psycopg

from bench.command import run_command
from models import migrate
from tests.servers import create_database, drop_database, fresh_name, libpq, running_servers

SIZES = (100_000, 1_000_000)

# In the order of time, over 90 days; of twenty, 18 are completed, one is not, and one is pending and was asked just now.
FILL = """
SET session_replication_role = replica;
CREATE TEMP VIEW story AS
    SELECT n, CASE WHEN n % 20 = 0 THEN 'pending' WHEN n % 20 = 1 THEN 'notcompleted' ELSE 'completed' END AS status,
           now() - interval '90 days' * (1 - n / {size}.0) - interval '5 minutes' AS at
    FROM generate_series(1, {size}) AS n;
INSERT INTO transactions (id, kind, transaction_id, amount, status, order_digest, token, payment_url, created_at, final_at,
                          next_check_at, decided_asked_at, last_asked_at, asked, answered)
    OVERRIDING SYSTEM VALUE
    SELECT n, 'invoice', 'ORD-' || n, 5000 + n % 1000, status, sha256(CAST(n AS text)::bytea), repeat('t', 190) || n,
           'https://client.ligdicash.com/directpayment/invoice/' || repeat('t', 190) || n, at,
           CASE WHEN status <> 'pending' THEN at + interval '2 min' END,
           CASE WHEN status = 'pending' THEN now() + interval '1 hour' END,
           CASE WHEN status <> 'pending' THEN at + interval '2 min' END, at + interval '2 min', 2, 2
    FROM story;
INSERT INTO checks (id, transaction_pk, lane, asked_at, took_ms, said, amount, reference, http_status, sub_code, body)
    OVERRIDING SYSTEM VALUE
    SELECT CASE WHEN last = 1 AND status = 'pending' THEN 2 * {size} + n ELSE 2 * n - 1 + last END AS id, n, 'callback',
           CASE WHEN last = 0 THEN at + interval '1 min' WHEN status = 'pending' THEN now() ELSE at + interval '2 min' END,
           300, CASE WHEN last = 0 THEN 'pending' ELSE status END, 5000 + n % 1000, 'ORD-' || n, 200, '00',
           convert_to(repeat('{{"response_code":"00","token":"","status":"completed"}}', 8), 'UTF8')
    FROM story CROSS JOIN generate_series(0, 1) AS last ORDER BY id;
INSERT INTO settlements (transaction_pk, check_id, account, amount, settled_at)
    SELECT n, 2 * n, 'default', 5000 + n % 1000, at + interval '2 min' FROM story WHERE status = 'completed';
INSERT INTO notices (account, seq, transaction_pk, kind, created_at)
    SELECT 'default', row_number() OVER (ORDER BY n), n, status, at + interval '2 min' FROM story WHERE status <> 'pending';
INSERT INTO notice_counters (account, last_seq) SELECT 'default', count(*) FROM notices;
INSERT INTO callbacks (received_at, stored_at, body, content_type, headers, source, digest, outcome, note, transaction_pk,
                       attempts)
    SELECT at, at, convert_to(repeat('{{"response_code":"00","status":"completed"}}', 8), 'UTF8'), 'application/json',
           '{{"host": "pay.example.com", "user-agent": "GuzzleHttp/7", "accept": "*/*", "content-length": "344"}}',
           '203.0.113.7', sha256(CAST(n AS text)::bytea), 'matched', 'claims completed', n, 1
    FROM story CROSS JOIN generate_series(1, 2) AS twin ORDER BY n;
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """One run of the command."""

    seconds: float
    """As it tells itself: without the start of the process."""
    rows: int
    peak_mb: float


def fill(url: str, *, size: int) -> None:
    """Sound books with `size` transactions."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(FILL.format(size=size))
        for sequence in ("transactions", "checks"):
            connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{sequence}', 'id'), (SELECT max(id) FROM {sequence}))"
            )
        connection.execute("VACUUM ANALYZE")


def run(url: str, *options: str) -> Cost:
    """Run the command on these books; fails unless they are clean."""
    ran = run_command(url, "fsck", "--json", *options)
    totals = json.loads(ran.said.splitlines()[-1])
    return Cost(seconds=totals["seconds"], rows=sum(totals["rows"].values()), peak_mb=ran.peak_mb)


def main() -> None:
    """Measure each size in a database of its own."""
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    with running_servers() as servers:
        for size in sizes:
            name = fresh_name()
            url = create_database(servers.postgres_url, name)
            migrate.upgrade(url)
            fill(url, size=size)
            for options in ((), ("--since", "15m")):
                cost = run(url, *options)
                what = " ".join(("fsck", *options))
                sys.stdout.write(
                    f"{size:>9,} transactions  {what:<18} {cost.seconds:6.1f} s  {cost.rows:>9,} rows"
                    f"  {cost.rows / max(cost.seconds, 0.1):>8,.0f} rows/s  peak {cost.peak_mb:.0f} MB\n"
                )
                sys.stdout.flush()
            drop_database(servers.postgres_url, name)


if __name__ == "__main__":
    main()
