"""The whole promise at its size: ten thousand failed callbacks, planned, run, killed in the middle, resumed, and balanced."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path

from models.account import DEFAULT
from models.answers import Said
from models.queries.replay import look
from models.session import transaction
from tasks.replay import work_batch
from tasks.watch import fsck
from tests.fakes import Fakes, toolbox
from tests.forked import Forked
from tests.ledger import add_pending, count, open_books, value
from tests.plans import add_failed, approve, found, leases_end, let_wait, pairs, plan
from tests.tasks import replay_worker
from tests.tasks.replay_worker import TellingGateway

ITEMS, NAMES, KNOWN = 10_000, 5_000, 2_000
"""Callbacks; what they name, each twice and far apart; and what of it we know by now, spread evenly over them."""
ROOT = Path(__file__).parents[2]

DONE = "SELECT count(*) FROM replay_items WHERE done_at IS NOT NULL"


def killed_in_the_middle(sessions, database_url, plan_id, log):
    """A worker of its own, ended by SIGKILL in the middle of a batch once it has done a third."""
    worker = Forked(replay_worker.main, database_url, plan_id, ITEMS // 3, env={}, cwd=ROOT, log=log)
    assert worker.wait(within=100) == -signal.SIGKILL, log.read_text()
    assert value(sessions, DONE) >= ITEMS // 3


def test_ten_thousand_failed_callbacks_are_planned_run_killed_resumed_and_balance(database_url, tmp_path):
    with open_books(database_url) as sessions:
        add_failed(sessions, ITEMS, names=NAMES, step=7919)
        add_pending(sessions, KNOWN)
        tools = toolbox(sessions, Fakes(gateway=TellingGateway()))
        plan_id = plan(tools, ask=True)
        let_wait(sessions)
        approve(tools, plan_id)
        killed_in_the_middle(sessions, database_url, plan_id, tmp_path / "log")
        assert found(sessions, plan_id).state == "running"
        assert value(sessions, DONE) < ITEMS * 2 // 3
        assert count(sessions, "settlements") > 0

        while found(sessions, plan_id).state == "running":
            if not work_batch(tools, plan_id):
                leases_end(sessions)
                let_wait(sessions)

        said = Counter(tools.account(DEFAULT).gateway.confirm(f"token-of-ORD-{n}").said for n in range(1, KNOWN + 1))
        mismatched = KNOWN // 10 - said[Said.PENDING] - said[Said.NOTCOMPLETED]
        paid = KNOWN * 9 // 10
        assert pairs(sessions, plan_id) == {
            ("settled", "settled"): paid,
            ("closed", "closed"): said[Said.NOTCOMPLETED],
            ("nothing_new", "nothing_new"): paid + said[Said.NOTCOMPLETED],
            ("pending", "pending"): 2 * said[Said.PENDING],
            ("mismatch", "mismatch"): 2 * mismatched,
            ("unmatched", "unmatched"): ITEMS - 2 * KNOWN,
        }
        assert count(sessions, "settlements") == paid
        with transaction(sessions) as step:
            report = look.pairs(step.session, plan_id)
        assert sum(pair.items for pair in report) == ITEMS
        assert sum(p.predicted_amount for p in report) == sum(p.settled_amount for p in report) == paid * 5000
        assert value(sessions, "SELECT sum(amount)::bigint FROM settlements") == paid * 5000
        assert not any(pair.differs for pair in report)
        assert list(fsck(sessions)) == []
