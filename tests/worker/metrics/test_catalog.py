"""The catalog of metrics: named as Prometheus wants it, bounded, in the words of the books, documented, and told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from config.celery_settings import MESSAGES, celery_settings
from models.answers import Said
from models.callback import Outcome
from models.case import CaseKind
from models.check import Lane
from models.queries.status import PayoutStands
from models.stop import Switch
from models.transaction import Kind as TransactionKind
from tasks.meter import Ran, Why
from tasks.toolbox import BreakerState
from tests.fakes import settings_for
from tests.metrics_pages import METRICS_PAGE, ROOT, metrics_page
from worker.app import JOBS, make_app
from worker.metrics import catalog
from worker.metrics.metric import Bounded, Kind, Process
from worker.ops.exporter.parts import PARTS

EVERY = list(catalog.ALL.values())
FORBIDDEN = {
    "id",
    "transaction",
    "transaction_id",
    "callback",
    "token",
    "phone",
    "operator",
    "customer",
    "plan",
    "source",
}
"""What no label may be about: any number of values, or somebody's secret."""


@pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
def test_each_is_named_by_the_conventions_and_has_bounded_labels(metric):
    assert re.fullmatch(r"reconciler_[a-z]+(_[a-z]+)*", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert not metric.name.endswith(("_count", "_sum", "_bucket"))
    assert not re.search(r"(milli|micro)?(ms|minutes|hours|kb|mb|percent)(_total)?$", metric.name)
    assert metric.meaning.endswith(".")
    assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.buckets) == sorted(metric.buckets)
    assert not FORBIDDEN & set(metric.labels)
    for values in metric.labels.values():
        assert isinstance(values, Bounded) or len(values) == len(set(values)) <= 16


def words(enum) -> tuple[str, ...]:
    return tuple(word.value for word in enum)


def test_labels_speak_the_words_of_the_books():
    assert words(Lane) == catalog.LANES
    assert words(Said) == catalog.SAID
    assert words(Outcome)[1:] == catalog.READ
    assert words(CaseKind) == catalog.CASES
    assert words(Switch) == catalog.SWITCHES
    assert words(BreakerState) == catalog.BREAKER
    assert words(Ran) == catalog.RAN
    assert words(Why) == catalog.PUT_OFF.labels["reason"]
    assert words(PayoutStands) == catalog.STANDS
    assert len(words(TransactionKind)) == len(catalog.DIRECTIONS)
    assert tuple(queue.name for queue in MESSAGES["task_queues"]) == catalog.QUEUES
    assert tuple(part.name for part in PARTS) == catalog.PARTS


def test_every_task_and_everything_that_beat_rings_for_is_among_the_labels():
    settings = settings_for("postgresql://nobody@127.0.0.1:1/nothing")
    app = make_app(settings)
    app.loader.import_default_modules()
    ours = {name.partition(".")[2] for name, task in app.tasks.items() if task.__module__ in JOBS}
    assert ours == set(catalog.TASKS)
    rung = {entry["task"].partition(".")[2] for entry in celery_settings(settings)["beat_schedule"].values()}
    assert rung == set(catalog.BEAT_RINGS.labels["task"])


def test_the_page_of_metrics_is_that_of_the_catalog():
    assert METRICS_PAGE.read_text(encoding="utf-8") == metrics_page(), "run `python -m tests.metrics_pages`"


def expressions(node) -> Iterator[str]:
    """Every PromQL expression in a dashboard."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "expr")
        for value in node.values():
            yield from expressions(value)
    elif isinstance(node, list):
        for value in node:
            yield from expressions(value)


def test_the_dashboard_shows_only_what_is_told_and_forgets_no_process(tmp_path):
    dashboard = json.loads((ROOT / "deploy/grafana/reconciler.json").read_text(encoding="utf-8"))
    shown = {name for one in expressions(dashboard) for name in re.findall(r"reconciler_[a-z_]+", one)}
    told = {
        f"{metric.name}{ending}"
        for metric in EVERY
        for ending in (("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",))
    }
    assert shown <= told, shown - told
    families = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in shown}
    processes = {metric.told_by for metric in EVERY if metric.name in families}
    assert processes >= {Process.WEB, Process.WORKER, Process.BEAT, Process.EXPORTER}
    if shutil.which("promtool"):
        recorded = [{"record": f"shown:{n}", "expr": one} for n, one in enumerate(expressions(dashboard))]
        (tmp_path / "shown.yml").write_text(json.dumps({"groups": [{"name": "shown", "rules": recorded}]}))
        subprocess.run(["promtool", "check", "rules", str(tmp_path / "shown.yml")], check=True, capture_output=True)
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert {panel["type"] for panel in dashboard["panels"]} >= {"timeseries", "stat", "row"}
