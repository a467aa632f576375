"""Counting: in batches at the door, in files that outlive their process in a pool, and of all that jobs do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from models.answers import Answer, Said
from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import read_and_ask
from tasks.notify import notify
from tests.fakes import Fakes, answers, completed, settings_for, toolbox
from tests.ledger import add_pending, claim, knock
from tests.servers import PATIENCE, free_port
from tests.webdoor import NOWHERE
from worker.metrics import catalog
from worker.metrics.door import DoorMeter, Spread
from worker.metrics.meter import PrometheusMeter
from worker.metrics.metric import Bounded, Process
from worker.metrics.serve import new_registry, serve


def samples(registry) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(registry, name, **labels) -> float | None:
    return samples(registry).get((f"reconciler_{name}", tuple(sorted(labels.items()))))


def test_a_spread_counts_many_at_once_like_one_by_one():
    at_once, one_by_one = Spread((0.1, 1)), Spread((0.1, 1))
    values = (0.05, 0.1, 0.11, 5, 1)
    at_once.add(values)
    for one in values:
        one_by_one.add((one,))
    buckets, total = at_once.told()
    assert buckets == one_by_one.told()[0] == [("0.1", 2), ("1.0", 4), ("+Inf", 5)]
    assert total == pytest.approx(sum(values))


def test_the_door_counts_by_outcome_and_route_and_tells_zero_of_what_never_happened():
    registry, meter = CollectorRegistry(support_collectors_without_names=True), DoorMeter()
    registry.register(meter)
    meter.durable("stored", took=(0.001, 0.2, 0.3), at_accounts=1)
    meter.turned_away("unavailable", count=2, at_accounts=0)
    meter.refused(413)
    meter.refused(418)
    assert value(registry, "door_callbacks_total", outcome="stored", route="default") == 2
    assert value(registry, "door_callbacks_total", outcome="stored", route="account") == 1
    assert value(registry, "door_callbacks_total", outcome="unavailable", route="default") == 2
    assert value(registry, "door_callbacks_total", outcome="spooled", route="default") == 0
    assert value(registry, "http_refusals_total", status="413") == 1
    assert value(registry, "http_refusals_total", status="other") == 1
    assert value(registry, "door_latency_seconds_count", outcome="stored") == 3


def test_what_the_jobs_do_is_counted_with_labels_of_the_catalog_only(sessions):
    registry, fakes = new_registry(Process.WORKER), Fakes()
    tools = toolbox(sessions, fakes, meter=PrometheusMeter(registry), merchant=fakes.merchant)
    pks = add_pending(sessions, 3)
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1", took=0.2))
    fakes.gateway.says("token-of-ORD-2", completed(5000, "ORD-2"))
    fakes.gateway.says("token-of-ORD-3", Answer(said=Said.NOTCOMPLETED))
    read_and_ask(tools, knock(sessions, claim("ORD-1"), claim("ORD-1"), b"?"))
    confirm(tools, pks[1:], lane=Lane.SWEEP)
    fakes.merchant.says = lambda _: answers(503)
    notify(tools)
    there = {"account": "default", "direction": "in"}
    assert value(registry, "callbacks_read_total", outcome="matched") == 2
    assert value(registry, "callbacks_read_total", outcome="unreadable") == 1
    assert value(registry, "questions_total", account="default", lane="callback", answer="completed") == 1
    assert value(registry, "settlements_total", learned_by="callback", **there) == 1
    assert value(registry, "settlements_total", learned_by="sweep", **there) == 1
    assert value(registry, "settled_francs_total", **there) == 10_000
    assert value(registry, "closed_total", **there) == 1
    assert value(registry, "settled_after_callback_seconds_count", direction="in") == 1
    assert value(registry, "settled_after_creation_seconds_count", direction="in", learned_by="sweep") == 1
    assert value(registry, "deliveries_total", outcome="failed") == 3
    for name, labels in samples(registry):
        if name.startswith("process_"):
            continue
        known = catalog.ALL.get(name) or catalog.ALL[name.rpartition("_")[0]]
        for label, word in labels:
            allowed = known.labels.get(label, ()) if label != "le" else (word,)
            assert isinstance(allowed, Bounded) or word in allowed, (name, label, word)


POOL = """
import os
from billiard.process import current_process
from prometheus_client import CollectorRegistry, generate_latest
from worker.metrics import catalog
from worker.metrics.pool import count_in_files
from worker.metrics.instruments import counter
registry = CollectorRegistry()
count_in_files(registry)
swept = counter(catalog.SWEPT, None)
for place in (0, 1, 0):  # the third takes the place of the first, which was killed
    if not os.fork():
        current_process().index = place
        swept.labels(what="parked").inc(5)
        os.kill(os.getpid(), 9)
    os.wait()
print(os.environ["PROMETHEUS_MULTIPROC_DIR"], len(os.listdir(os.environ["PROMETHEUS_MULTIPROC_DIR"])))
print(generate_latest(registry).decode())
"""


def test_a_pool_loses_no_count_with_a_killed_process_and_keeps_a_file_for_each_place(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    (tmp_path / "reconciler-metrics-4194304-left").mkdir()  # of a pid that no process can have
    done = subprocess.run(
        [sys.executable, "-c", POOL], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    folder, files = done.stdout.splitlines()[0].split()
    assert 'reconciler_swept_total{what="parked"} 15.0' in done.stdout
    assert int(files) == 3  # of both places, and of the parent
    assert folder.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []  # and those of a parent that was killed are gone too


def test_a_port_that_is_taken_is_told_and_stops_nothing():
    settings = settings_for(NOWHERE, metrics_port=free_port())
    first = serve(CollectorRegistry(), settings)
    assert first is not None
    assert serve(CollectorRegistry(), settings) is None
    first.shutdown()
    first.server_close()
    assert serve(CollectorRegistry(), settings_for(NOWHERE)) is None
