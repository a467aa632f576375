"""The `reconciler` command: what a person asks of the books, and what a machine starts."""

from __future__ import annotations


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    from worker.ops.command import app

    app(prog_name="reconciler")
