"""A sender killed with SIGKILL at every step between the row and the record: the gateway hears of the payout once at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.queries.payouts import find_payout
from models.session import transaction
from models.transaction import Status
from tasks.payouts import create
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import toolbox
from tests.forked import Forked
from tests.ledger import all_at_once, cases, let_pass
from tests.tasks import payout_sender
from tests.tasks.payout_sender import ORDER, client_of
from worker.ligdicash.simulator.running import running_simulator

ROOT = Path(__file__).parents[2]

DEATHS = {
    # Where it dies: how often the gateway was told by then, how often in the end, how it ends, and with which case.
    "stored": (0, 1, Status.PENDING, []),
    "marked": (0, 0, Status.CREATED, ["token_lost"]),
    "accepted": (1, 1, Status.CREATED, ["token_lost"]),
    "recorded": (1, 1, Status.PENDING, []),
}


@pytest.fixture(scope="module")
def simulator():
    with running_simulator() as running:
        yield running


def killed_at(step, database_url, simulator, log):
    died = Forked(payout_sender.main, database_url, simulator.base_url, step, env={}, cwd=ROOT, log=log)
    assert died.wait(within=60) == -9, log.read_text()


def told(simulator) -> int:
    return simulator.gateway.payouts_received["OUT-1"]


@pytest.mark.parametrize("step", DEATHS)
def test_whoever_dies_where_it_is_sent_once_at_most(sessions, simulator, step, tmp_path):
    at_death, in_the_end, status, open_cases = DEATHS[step]
    simulator.gateway.payouts_received.clear()
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    killed_at(step, url, simulator, tmp_path / "log")
    assert told(simulator) == at_death

    client = client_of(simulator.base_url)
    tools = toolbox(sessions, gateway=client)
    for _ in range(2):  # the merchant sends it again and again, at once and after the sweep
        all_at_once(*[lambda: create(tools, ORDER)] * 3)
        let_pass(sessions, 121)
        sweep(tools)
    client.close()
    with transaction(sessions) as step_:
        assert find_payout(step_.session, "OUT-1").status == status
    assert (told(simulator), cases(sessions)) == (in_the_end, open_cases)
    assert [str(violation) for violation in fsck(sessions)] == []
