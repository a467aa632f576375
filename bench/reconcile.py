"""`python -m bench.reconcile [LINES ...]`: a statement with planted differences against the books, in both ways.

Ours is the command, as a process of its own; the plain way asks the database for one line after the other. Every planted
difference must be found by both, else it fails. Then a report with every settlement as CSV and XLSX, for its memory.
Servers of its own, books filled by a seed.
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.command import run_command
from bench.figures import say
from models import migrate
from tests.ledger import open_books
from tests.servers import create_database, drop_database, fresh_name, libpq, running_servers
from tests.settled import put_settled_at
from tests.worker.ops.reconcile.planted import plant, sizes
from worker.ops.edge import WENT_WRONG

SIZES = (50_000,)
SETTLED = 1_000_000
NOON = datetime(2025, 11, 26, 12, tzinfo=UTC)
SEED = 5

ONE = """
    SELECT t.amount, t.kind, t.status, s.amount FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id
    WHERE t.transaction_id = %s
"""


@dataclass(frozen=True)
class Cost:
    """What one way took: seconds on the clock, seconds of CPU of its own process, and its peak memory."""

    seconds: float
    cpu: float
    peak_mb: float = 0.0

    def __str__(self) -> str:
        peak = f", peak {self.peak_mb:.0f} MB" if self.peak_mb else ""
        return f"{self.seconds:.1f} s, {self.cpu:.1f} s of CPU{peak}"


def ours(url: str, *argv: str, leaves_with: int = 0) -> tuple[Cost, str]:
    """Run the command as a process of its own, and what it said."""
    ran = run_command(url, *argv, leaves_with=leaves_with)
    return Cost(ran.seconds, ran.cpu, ran.peak_mb), ran.said


def plainly(url: str, file: Path) -> tuple[Cost, Counter[str]]:
    """The same with one query for each line, and one for what is only here; knows this one file and no edge."""
    found: Counter[str] = Counter()
    seen: set[str] = set()
    began, cpu = time.perf_counter(), time.process_time()
    with psycopg.connect(libpq(url)) as connection, file.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text, delimiter=";"):
            ours_is = row["Réf. marchand"]
            if not row["Montant"].replace(" ", "").isdigit():
                continue
            entry = connection.execute(ONE, (ours_is,)).fetchone()
            way = "invoice" if row["Sens"] == "Entrée" else "payout"
            if entry is None:
                found["only_there"] += row["Statut"] == "Payé"
            elif ours_is in seen:
                found["twice"] += 1
            elif entry[1] != way:
                found["direction"] += 1
            elif entry[3] != int(row["Montant"].replace(" ", "")):
                found["amount"] += 1
            seen.add(ours_is)
        for (one,) in connection.execute(
            "SELECT transaction_id FROM settlements s JOIN transactions t ON t.id = s.transaction_pk"
            " WHERE settled_at >= '2025-11-26T00:00Z' AND settled_at < '2025-11-27T00:00Z'"
        ):
            found["only_here"] += one not in seen
    return Cost(time.perf_counter() - began, time.process_time() - cpu), found


def reconcile(url: str, folder: Path, lines: int) -> None:
    """One statement of about so many lines, twice."""
    planted = dict(sizes(lines)) | {"status": 0, "account": 0}
    file = folder / "statement.csv"
    payouts = lines // 10
    text = plant(
        invoices=lines - payouts, payouts=payouts, at=NOON, counts=planted, pending="", elsewhere="", seed=SEED
    )
    file.write_text(text, encoding="utf-8")
    wanted = {kind: count for kind, count in planted.items() if count}
    cost, said = ours(url, "reconcile", str(file), "--json", leaves_with=WENT_WRONG)
    sums = json.loads(said)["sums"]
    found = {kind: sums[kind]["lines"] or sums[kind]["settlements"] for kind in wanted if kind in sums}
    plain, plain_found = plainly(url, file)
    if found != wanted or {kind: plain_found[kind] for kind in wanted} != wanted:
        raise SystemExit(f"planted {wanted}, found {found}, plainly {dict(plain_found)}")
    many = sum(wanted.values())
    say(
        f"{lines:>9,} lines, {many} of {many} planted differences found"
        f"\n  ours          {cost}\n  a query a line {plain}\n  ratio {plain.seconds / cost.seconds:.1f}"
    )


def main() -> None:
    """Measure each size, then the reports."""
    lines = [int(size) for size in sys.argv[1:]] or list(SIZES)
    with running_servers() as servers, tempfile.TemporaryDirectory() as named:
        folder = Path(named)
        for size in lines:
            url = _database(servers.postgres_url, {"ORD-": size - size // 10, "OUT-": size // 10})
            reconcile(url, folder, size)
            drop_database(servers.postgres_url, url.rpartition("/")[2])
        url = _database(servers.postgres_url, {"ORD-": SETTLED})
        for words in (["--by", "operator", "--json"], ["--lines", "-o", "x.csv"], ["--lines", "-o", "x.xlsx"]):
            out = [str(folder / word) if word.startswith("x.") else word for word in words]
            cost, _said = ours(url, "report", "2025-11-26", *out)
            say(f"{SETTLED:>9,} settlements  report {' '.join(words):<24} {cost}")
        drop_database(servers.postgres_url, url.rpartition("/")[2])


def _database(admin: str, counts: dict[str, int]) -> str:
    """Books with so many settlements of one moment."""
    url = create_database(admin, fresh_name())
    migrate.upgrade(url)
    with open_books(url) as sessions:
        for prefix, count in counts.items():
            kind, amount = ("payout", 700) if prefix == "OUT-" else ("invoice", 5000)
            for first in range(1, count + 1, 50_000):
                some = min(50_000, count + 1 - first)
                put_settled_at(sessions, NOON, some, prefix=prefix, first=first, kind=kind, amount=amount)
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return url


if __name__ == "__main__":
    main()
