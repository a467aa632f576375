"""`reconciler demo --all` as a process: a small one, with all its faults, keeps every promise."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.processes, pytest.mark.timeout(320)]


def demo(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    hidden = ("DATABASE_URL", "REDIS_URL", "LIGDICASH_", "ENVIRONMENT")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)} | settings
    return subprocess.run(
        [sys.executable, "-m", "worker.ops", "demo", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_small_demo_of_everything_keeps_every_promise_with_processes_killed_and_redis_emptied():
    run = demo("--all", "--invoices", "80", "--seed", "7")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "every promise held" in run.stdout
    for blow in ("kill -9 worker", "kill -9 web", "kill -9 beat", "FLUSHALL", "kill -9 its sender"):
        assert blow in run.stdout
    for figures in ("lost 0", "settled twice 0", "sent twice 0", "otherwise 0", "others' 0, withdrawn 0"):
        assert figures in run.stdout
    assert "3 faults; nothing was sent" in run.stdout
    for decided in ("a person approves", "a person rejects"):
        assert decided in run.stdout
    assert re.search(r"opened [1-9]\d* callbacks again", run.stdout)
    told_apart = dict(
        re.findall(r"^ (over the ceiling, \w+|from a file, \w+ \w+) .* (\d|\.) +$", run.stdout, re.MULTILINE)
    )
    assert told_apart == {
        "over the ceiling, approved": ".",
        "over the ceiling, rejected": ".",
        "from a file, sender killed": "1",
    }


def test_the_demo_refuses_to_invent_invoices_in_a_database_it_was_only_pointed_at():
    run = demo(DATABASE_URL="postgresql://shop@db.example/shop")
    assert run.returncode == 2
    assert "DATABASE_URL is set" in run.stderr
    assert "Traceback" not in run.stderr
