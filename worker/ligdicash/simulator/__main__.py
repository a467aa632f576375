"""`python -m worker.ligdicash.simulator`: the simulator as a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from models.errors import SettingsFault
from worker.ligdicash.simulator.command import parse_options
from worker.ligdicash.simulator.running import serve


def main(argv: Sequence[str]) -> int:
    """Serve until stopped; 2 with one line on stderr when it must not or cannot run."""
    try:
        serve(parse_options(argv))
    except SettingsFault as exc:
        sys.stderr.write(f"simulator: {exc}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
