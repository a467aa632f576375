"""`python -m worker.ops`: the `reconciler` command where the console script is not installed."""

from __future__ import annotations

from worker.ops import main

if __name__ == "__main__":
    main()
