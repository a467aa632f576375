"""`reconciler up`, used as a merchant, a gateway, a forger and an operator would use it."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest
import requests

from tests.end_to_end.conftest import children, cmdline, eventually, start_up
from tests.servers import PATIENCE, reachable_folder

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300)]

GOLDEN = Path(__file__).parents[1] / "golden" / "callbacks"
FORM = "application/x-www-form-urlencoded"
SAMPLES = {
    "payin-completed.json": "application/json",
    "payin-completed.text.form": FORM,
    "payin-completed.flat.form": FORM,
    "payin-completed.indexed.form": FORM,
}


def fresh_id() -> str:
    return f"E2E-{secrets.token_hex(6)}"


def happened(up, transaction_id: str, word: str) -> int:
    """How many moments of its timeline are told with this word."""
    shown = up.reconciler("invoices", "show", transaction_id, "--json")
    assert shown.returncode == 0, shown.stderr
    return sum(word in event["what"] for event in json.loads(shown.stdout)["timeline"])


def settlements(up, transaction_id: str) -> int:
    return happened(up, transaction_id, "settled ")


@pytest.mark.parametrize(("sample", "content_type"), SAMPLES.items())
def test_the_documented_callback_in_each_encoding_settles_its_invoice_once(up, sample, content_type):
    ours = fresh_id()
    up.order(ours)
    up.decide(ours)
    body = (GOLDEN / sample).read_bytes().replace(b"ART5A7044E5", ours.encode())
    up.call_back(body, content_type)
    up.call_back(body, content_type)
    eventually(lambda: happened(up, ours, "callback") == 2, what="both are known to be about it")
    up.becomes(ours, "completed")
    assert settlements(up, ours) == 1


def test_a_forged_callback_settles_nothing_and_does_not_stop_the_real_one(up):
    ours = fresh_id()
    up.order(ours)
    body = (GOLDEN / "payin-completed.json").read_bytes().replace(b"ART5A7044E5", ours.encode())
    up.call_back(body, "application/json")
    asked = lambda: "still pending" in up.reconciler("invoices", "show", ours).stdout  # noqa: E731
    eventually(asked, what="the forged callback led to a question")
    assert up.invoice(ours)["status"] == "pending"
    up.decide(ours, twins="form-json")
    up.becomes(ours, "completed")
    assert settlements(up, ours) == 1


def test_an_invoice_whose_callback_never_comes_is_settled_by_the_sweep(up):
    ours = fresh_id()
    up.order(ours)
    up.decide(ours)
    up.becomes(ours, "completed")


def test_a_customer_who_gives_up_closes_the_invoice_without_a_settlement(up):
    ours = fresh_id()
    up.order(ours)
    up.decide(ours, "notcompleted", twins="json-form")
    up.becomes(ours, "notcompleted")
    assert settlements(up, ours) == 0


def test_each_program_tells_its_metrics_where_up_says_and_the_pool_of_the_worker_as_one(up):
    def told(program: str) -> dict[str, float]:
        page = requests.get(up.address(f"metrics of {program}:"), timeout=PATIENCE).text
        lines = [line.rpartition(" ") for line in page.splitlines() if line.startswith("reconciler_")]
        return {series: float(value) for series, _, value in lines}

    settled = 'reconciler_settlements_total{account="default",direction="in",learned_by="callback"}'
    before = told("worker").get(settled, 0)
    ours = fresh_id()
    up.order(ours)
    up.decide(ours, twins="form-json")
    up.becomes(ours, "completed")
    eventually(lambda: told("worker").get(settled, 0) == before + 1, what="it is counted")
    assert told("web")['reconciler_door_callbacks_total{outcome="stored",route="default"}'] >= 2
    assert told("beat")['reconciler_beat_rings_total{task="sweep"}'] > 0

    def looks() -> list[float]:
        return [value for series, value in told("exporter").items() if series.startswith("reconciler_look_up")]

    eventually(lambda: all(looks()), what="every look of the exporter comes back")
    books = told("exporter")
    assert books["reconciler_database_up"] == books["reconciler_redis_up"] == 1
    assert books["reconciler_migrations_pending"] == 0
    assert up.settings().get("METRICS_PORT", "0") == "0"  # a command beside them must not want a port


def test_what_was_printed_holds_no_secret(up):
    for name, value in up.settings().items():
        if name in ("RECONCILER_API_KEY", "LIGDICASH_API_KEY", "LIGDICASH_API_TOKEN"):
            assert value not in up.said


def test_ctrl_c_stops_every_child_and_a_second_start_finds_the_data_again():
    with reachable_folder() as folder:
        first = start_up(folder)
        ours = fresh_id()
        first.order(ours)
        born = children(first.process.pid)
        assert first.stop() == 0, first.said
        assert [pid for pid in born if cmdline(pid)] == []

        second = start_up(folder)
        assert second.invoice(ours)["status"] == "pending"
        second.decide(ours, twins="form-json")
        second.becomes(ours, "completed")
        assert second.stop() == 0, second.said
