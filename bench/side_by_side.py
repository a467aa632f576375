"""The same customers and the same storm, for this system and for the usual design: `python -m bench.side_by_side`.

Prints both ledgers in one table. Exits with 1 when this system broke a promise; the usual design may.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Self

from rich import box
from rich.console import Console
from rich.table import Table

from bench.usual.books import Books
from bench.usual.ending import UsualBooks
from bench.usual.programs import usual
from models.transaction import Status
from worker.chaos.run import OURS, ChaosOptions, System, chaos
from worker.demo.evidence import Evidence
from worker.demo.ledger import Pace
from worker.embedded.shape import Shape
from worker.embedded.up import settings_of


def _usual_books(shape: Shape) -> UsualBooks:
    return UsualBooks(Books(settings_of(shape).database_url.get_secret_value(), pool_size=2))


USUAL = System(programs=usual, books=_usual_books)


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What became of the payments in one system, held against the gateway's own books."""

    acknowledged: int
    paid: int
    settled: int
    failed: int
    closed: int
    twice: int
    unfounded: int
    pace: Pace

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Add it up. Invoices cut short at their creation have no outcome to reach, and count nowhere."""
        ends = {
            visit.transaction_id: evidence.should_end(visit)
            for visit in evidence.visits
            if visit.transaction_id in evidence.told and visit.transaction_id not in evidence.played.holes
        }
        ours = evidence.ours

        def reached(wanted: Status) -> int:
            return sum(end is wanted and key in ours and ours[key].status is wanted for key, end in ends.items())

        waits = [
            max(0.0, ending.settled_at.timestamp() - max(told.paid_at, told.tells_from))
            for key, ending in ours.items()
            if ending.settled_at and (told := evidence.told.get(key)) and told.paid_at
        ]
        return cls(
            acknowledged=evidence.acknowledged,
            paid=sum(end is Status.COMPLETED for end in ends.values()),
            settled=reached(Status.COMPLETED),
            failed=sum(end is Status.NOTCOMPLETED for end in ends.values()),
            closed=reached(Status.NOTCOMPLETED),
            twice=sum(ending.settlements > 1 for ending in ours.values()),
            unfounded=sum(
                ending.settlements > 0 and ends.get(key) is not Status.COMPLETED for key, ending in ours.items()
            ),
            pace=Pace.of(sorted(waits)),
        )

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Words and figures, line by line."""
        return [
            ("callbacks answered 200", str(self.acknowledged)),
            ("invoices paid at the gateway", str(self.paid)),
            ("  settled", str(self.settled)),
            ("  never settled", str(self.paid - self.settled)),
            ("invoices failed at the gateway", str(self.failed)),
            ("  closed", str(self.closed)),
            ("  never closed", str(self.failed - self.closed)),
            ("settled twice", str(self.twice)),
            ("settled, and not paid", str(self.unfounded)),
            ("seconds to settle, p50", f"{self.pace.p50:.2f}"),
            ("seconds to settle, p95", f"{self.pace.p95:.2f}"),
            ("seconds to settle, p99", f"{self.pace.p99:.2f}"),
        ]


def main() -> int:
    """Run both, ours first."""
    parser = argparse.ArgumentParser(prog="python -m bench.side_by_side", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120, help="how long customers come to each (120)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same customers and same storm (1)")
    given = parser.parse_args()
    options = ChaosOptions(seconds=given.seconds, seed=given.seed, hosted_alone=True)
    console = Console()
    console.rule("this system")
    ours = chaos(options, console, system=OURS)
    console.rule("the usual design")
    theirs = chaos(options, console, system=USUAL)
    console.rule("side by side")
    console.print(_table(Side.of(ours.evidence), Side.of(theirs.evidence)))
    return 0 if ours.is_clean else 1


def _table(ours: Side, theirs: Side) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("this system", justify="right")
    table.add_column("the usual design", justify="right")
    for (words, here), (_, there) in zip(ours.rows, theirs.rows, strict=True):
        table.add_row(words, here, there)
    return table


if __name__ == "__main__":
    sys.exit(main())
