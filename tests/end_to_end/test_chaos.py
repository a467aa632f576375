"""`reconciler chaos` as a process: a short storm, the spool filled in it, breaks no promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.processes, pytest.mark.timeout(340)]

SEED = "4390"
"""Its first twenty seconds hold PostgreSQL, Redis, worker, web, beat, the gateway and its clock."""

STRIKES = (
    "PostgreSQL away, spool filled",
    "gateway answers HTML",
    "FLUSHALL on Redis",
    "gateway's clock an hour behind",
    "worker frozen",
    "kill -9 beat",
    "kill -9 web",
)


def chaos(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    hidden = ("DATABASE_URL", "REDIS_URL", "LIGDICASH_", "ENVIRONMENT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)} | settings
    return subprocess.run(
        [sys.executable, "-m", "worker.ops", "chaos", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=320,
        check=False,
    )


def test_a_short_storm_breaks_no_promise():
    run = chaos("--seconds", "20", "--seed", SEED)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "every promise held" in run.stdout
    assert "7 of 7 strikes hit" in run.stdout
    for strike in STRIKES:
        assert strike in run.stdout
    for figures in ("lost 0", "settled twice 0", "violations 0"):
        assert figures in run.stdout
    assert int(re.search(r"by way of the spool +(\d+)", run.stdout)[1]) > 0
    assert int(re.search(r"(\d+) refused", run.stdout)[1]) > 0


def test_a_dry_run_says_what_would_strike_and_starts_nothing():
    run = chaos("--seconds", "20", "--seed", SEED, "--dry-run")

    assert run.returncode == 0
    assert [line.split("  ")[-1].partition(" for ")[0] for line in run.stdout.splitlines()[:7]] == list(STRIKES)


def test_it_refuses_to_strike_a_database_it_was_pointed_at():
    run = chaos(DATABASE_URL="postgresql://shop@db.example/shop", ENVIRONMENT="development")

    assert run.returncode == 2
    assert "DATABASE_URL is set: chaos kills and empties its servers" in run.stderr
    assert "Traceback" not in run.stderr
