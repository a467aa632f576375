"""`python -m bench`: every measurement in one run, told as one table, and written to docs/benchmarks.md with its pictures.

Starts everything by itself. Leaves with 1 when a figure is missed or a chapter failed. Only a whole run writes to docs/;
`--out FOLDER` writes any run to another folder.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.machine import machine_of, moment
from bench.report import Report, expected_seconds, print_table, write_report
from bench.runner import Measure, OpenStage, Progress, imported, minutes, run
from bench.stage import ROOT, open_stage

CHAPTERS = (
    "door",
    "settle",
    "latency",
    "claim",
    "sweep",
    "workers",
    "memory",
    "idle",
    "console",
    "limits",
    "footprint",
)
"""Modules of `bench`, in the order of the report."""

ROUNDS = 3


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a run takes besides its options."""

    docs: Path = ROOT / "docs"
    open_stage: OpenStage = open_stage
    machine_of: Callable[[Any], Mapping[str, str]] = machine_of
    load: Callable[[str], Measure] = imported


def main(argv: Sequence[str] | None = None, *, means: Means | None = None) -> int:
    """Measure, tell, write."""
    given, means = _options(argv), means or Means()
    names, rounds = given.only or CHAPTERS, 1 if given.quick else given.rounds
    console = Console(highlight=False, emoji=False)
    expected = expected_seconds(_known(means.docs / "benchmarks.json"), rounds=rounds)
    progress = Progress(names, expected=expected, write=lambda line: console.print(line, soft_wrap=True, markup=False))
    machine: dict[str, str] = {}

    def meet(stage: Any) -> None:
        machine.update(machine or means.machine_of(stage))

    ran = run(names, rounds=rounds, progress=progress, open_stage=means.open_stage, load=means.load, meet=meet)
    report = Report(
        machine=machine, moment=moment(), ran=ran, rounds=rounds, seconds=progress.passed, is_whole=not given.only
    )
    for one in ran:
        if one.traceback:
            sys.stderr.write(f"\n{one.name} failed:\n{one.traceback}")
    print_table(report, console)
    folder = given.out or (None if given.only or given.quick else means.docs)
    if folder:
        write_report(report, folder)
        console.print(
            f"written: {folder}/benchmarks.md, benchmarks.json and pictures/, after {minutes(progress.passed)}"
        )
    return 0 if report.is_good else 1


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=CHAPTERS, help=f"of {', '.join(CHAPTERS)}")
    parser.add_argument("--rounds", type=_count, default=ROUNDS, help=f"rounds of each measurement ({ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="one round: to see that it runs, not for figures")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the report there; docs/ for a whole run")
    return parser.parse_args(argv)


def _count(written: str) -> int:
    count = int(written)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return count


def _known(path: Path) -> object:
    """The last whole run, for how long each chapter takes here."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
