"""A file with faults sends nothing; its sender killed in the middle, twice, goes on, and the gateway hears of each once."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import toolbox
from tests.forked import Forked
from tests.ledger import cases, let_pass, value
from tests.worker.ops.bulk import sender
from worker.ligdicash.simulator.running import running_simulator

ROOT = Path(__file__).parents[4]
ROWS = 200


def send(url, simulator, file, *, said, limit=0):
    """The exit code; what it said is in the file `said`."""
    told = (url, simulator.base_url, str(file), limit)
    errors = said.with_suffix(".errors")
    return Forked(sender.main, *told, env={}, cwd=ROOT, log=said, errors=errors).wait(within=60)


def test_after_two_deaths_a_third_run_ends_it_and_each_was_received_once(sessions, tmp_path):
    file = tmp_path / "payouts.csv"
    lines = [f"OUT-{n},mobile_money,2267{n:07},{1000 + n}" for n in range(ROWS)]
    file.write_text("\n".join(["transaction_id,route,customer,amount", *lines]), encoding="utf-8")
    url = sessions.kw["bind"].url.render_as_string(hide_password=False)
    faulty = tmp_path / "faulty.csv"
    faulty.write_text(
        file.read_text(encoding="utf-8").replace("22670000007,", "7,").replace(",1199", ",1.5"), encoding="utf-8"
    )
    with running_simulator() as simulator:
        send(url, simulator, faulty, said=tmp_path / "faults")
        refused = json.loads((tmp_path / "faults").read_text())["faults"]
        assert [(fault["line"], fault["column"]) for fault in refused] == [(9, "customer"), (201, "amount")]
        assert simulator.gateway.payouts_received == {}
        for _ in range(2):
            assert send(url, simulator, file, said=tmp_path / "dead", limit=60) == -9
        assert send(url, simulator, file, said=tmp_path / "done") == 0
        received = dict(simulator.gateway.payouts_received)
    told = json.loads((tmp_path / "done").read_text())
    assert (told["sent"], told["skipped"], told["left"]) == (ROWS - 120, 118, 0)
    # Of the two that were under way at a death nobody here can know whether they arrived.
    assert len(told["unknown"]) == 2
    assert received == {f"OUT-{n}": 1 for n in range(ROWS)}
    let_pass(sessions, 121)
    sweep(toolbox(sessions))
    assert cases(sessions) == ["token_lost"] * 2
    assert value(sessions, "SELECT count(*) FROM transactions WHERE status = 'pending'") == ROWS - 2
    assert [str(violation) for violation in fsck(sessions)] == []
