"""The whole promise at its size: ten thousand failed callbacks, planned, run, killed in the middle, resumed, and balanced."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from models.queries.replay import look
from models.session import transaction
from tasks.replay import work_batch
from tasks.watch import fsck
from tests.fakes import Fakes, toolbox
from tests.ledger import add_pending, count, open_books, value
from tests.plans import add_failed, approve, found, leases_end, let_wait, pairs, plan
from tests.tasks.replay_worker import TellingGateway

ITEMS, KNOWN = 10_000, 9_500
ROOT = Path(__file__).parents[2]

DONE = "SELECT count(*) FROM replay_items WHERE done_at IS NOT NULL"


def killed_in_the_middle(sessions, database_url, plan_id):
    """A worker of its own, ended by SIGKILL once it has done a third."""
    argv = [sys.executable, "-m", "tests.tasks.replay_worker", database_url, str(plan_id)]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as worker:
        while value(sessions, DONE) < ITEMS // 3:
            assert worker.poll() is None
            time.sleep(0.02)
        worker.kill()
    assert worker.returncode == -9


def test_ten_thousand_failed_callbacks_are_planned_run_killed_resumed_and_balance(database_url):
    with open_books(database_url) as sessions:
        add_failed(sessions, ITEMS)
        add_pending(sessions, KNOWN)
        tools = toolbox(sessions, Fakes(gateway=TellingGateway()))
        plan_id = plan(tools, ask=True)
        let_wait(sessions)
        approve(tools, plan_id)
        killed_in_the_middle(sessions, database_url, plan_id)
        left = pairs(sessions, plan_id)
        assert found(sessions, plan_id).state == "running"
        assert sum(items for (_, actual), items in left.items() if not actual) > ITEMS // 2

        assert count(sessions, "settlements") >= left[("settled", "settled")]  # it may have died between the two
        while found(sessions, plan_id).state == "running":
            if not work_batch(tools, plan_id):
                leases_end(sessions)

        paid, others = KNOWN * 9 // 10, KNOWN // 10
        assert pairs(sessions, plan_id) == {
            ("settled", "settled"): paid,
            ("pending", "pending"): others // 3,
            ("closed", "closed"): others // 3 + 1,
            ("mismatch", "mismatch"): others // 3 + 1,
            ("unmatched", "unmatched"): ITEMS - KNOWN,
        }
        assert count(sessions, "settlements") == paid
        assert value(sessions, "SELECT sum(amount)::bigint FROM settlements") == paid * 5000
        with transaction(sessions) as step:
            report = look.pairs(step.session, plan_id)
        assert sum(p.predicted_amount for p in report) == sum(p.settled_amount for p in report) == paid * 5000
        assert not any(pair.differs for pair in report)
        assert list(fsck(sessions)) == []
