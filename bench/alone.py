"""Runs one measurement by itself: `python -m bench.NAME [ROUNDS]`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from bench.figures import Chapter, told
from bench.stage import open_stage


def alone(measure: Callable[..., Chapter], *, rounds: int = 3) -> None:
    """Measure on servers of its own and print the chapter; progress goes to stderr."""
    if sys.argv[1:]:
        rounds = int(sys.argv[1])
    with open_stage() as stage:
        chapter = measure(stage, rounds=rounds, say=lambda line: sys.stderr.write(f"{line}\n"))
    sys.stdout.write(told(chapter))
