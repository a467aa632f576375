"""`python -m tests.metrics_pages` writes docs/metrics.md from the catalog, and docs/alerts.md from the alert rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from worker.metrics import catalog
from worker.metrics.metric import Bounded, Metric, Process

ROOT = Path(__file__).parents[1]
ALERTS = ROOT / "deploy/prometheus/alerts.yml"
METRICS_PAGE, ALERTS_PAGE = ROOT / "docs/metrics.md", ROOT / "docs/alerts.md"

TITLES = {
    Process.EVERY: "Every process",
    Process.WEB: "Doors",
    Process.WORKER: "Workers",
    Process.BEAT: "Beat",
    Process.EXPORTER: "The exporter: how the books and Redis stand",
}

METRICS_HEAD = """# Metrics

Each process tells Prometheus its own metrics at `/metrics`, on a port of its own, apart from the public door. This page is written
from `worker/metrics/catalog.py` by `python -m tests.metrics_pages`, and a test holds both. [alerts.md](alerts.md) says what to do
when a figure is wrong.

## Turn it on

`METRICS_PORT` is 0, which is off. Set it for each process; two on one machine need two ports, and one that is taken is told in the
log and stops nothing (so of `uvicorn --workers` only the first tells any: start several doors instead). `METRICS_HOST` is loopback.
There are no secrets in what is told, and how much money moves is: leave it where only Prometheus reaches it.

    METRICS_PORT=9464 uvicorn --factory worker.server:create_app ...
    METRICS_PORT=9465 celery -A worker worker ...
    METRICS_PORT=9466 celery -A worker beat
    METRICS_PORT=9467 reconciler metrics          # the exporter: one is enough for the whole fleet

The compose file does this, each container on port 9464 of the network inside and none of them published. `reconciler up` takes free
ports from 9464 on and prints them; `METRICS_PORT=0` turns it off there. `demo` and `chaos` tell metrics when METRICS_PORT is set.

`deploy/prometheus/` has an example of whom to scrape and the alert rules, `deploy/grafana/` a dashboard.

## How it is counted

* **A door** counts batch by batch: a callback does not wait for its own count.
* **A worker** is a pool of processes. Each counts in a file that belongs to its place in the pool, and their parent tells the sums.
  A process that dies takes no count with it, and the one that replaces it goes on in its file.
* **The exporter** reads what `reconciler status` reads, when Prometheus asks, and never more often than every 5 s; a look that
  took long is told for up to a minute. What it cannot find out it does not tell: `reconciler_look_up` is 0 for that part, and
  no gauge keeps its old value. `reconciler metrics --once` prints it.
* What a person settles by hand, or asks from the command line, is in the books and in no counter of a worker.
* `process_*` are those of the library, of the process that listens: of a worker, the parent of its pool.

## What there is

A label is never a phone number, an id or a token: its values are listed, or few for the reason given.
"""

ALERTS_HEAD = """# Alerts

Nothing goes quiet: each of these fires when something stops that a person would miss too late. This page is written from
`deploy/prometheus/alerts.yml` by `python -m tests.metrics_pages`, and a test holds both. Another test causes the trouble of each on
real tables, and fails unless its alert fires and clears.

A **critical** alert means that payments wait, or that something may be lost: let it wake somebody. A **warning** can wait for the
morning. The page named shows what the alert is about, below the address of the door; the command shows or does the same. In a
template of Alertmanager it becomes a link: `https://pay.example.bf{{ .Annotations.console }}`.

[metrics.md](metrics.md) explains the figures. Load the rules with `rule_files`, as `deploy/prometheus/scrape.yml` does.

To follow one payment through the logs of all processes, take its id from `reconciler why`: the field `trace` of every log line that
is about it holds `tx-` and its row, and `cb-` and the row of each callback about it.

    docker compose logs --no-log-prefix | grep '"cb-176"'
"""


def metrics_page() -> str:
    """The whole page."""
    parts = [METRICS_HEAD]
    for process, title in TITLES.items():
        rows = [_row(metric) for metric in catalog.ALL.values() if metric.told_by is process]
        parts.append(
            f"### {title}\n\n| metric | kind | meaning | labels |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    return "\n".join(parts)


def _row(metric: Metric) -> str:
    kind = f"{metric.kind}, {metric.unit}" if metric.unit else f"{metric.kind}"
    labels = "; ".join(f"`{name}`: {_values(values)}" for name, values in metric.labels.items())
    return f"| `{metric.name}` | {kind} | {metric.meaning} | {labels} |"


def _values(values: Any) -> str:
    return values.why if isinstance(values, Bounded) else ", ".join(values)


def groups() -> list[dict[str, Any]]:
    """The groups of alert rules."""
    found: list[dict[str, Any]] = YAML(typ="safe").load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return found


def alerts_page() -> str:
    """The whole page."""
    parts = [ALERTS_HEAD]
    for group in groups():
        parts.append(f"## {group['name'].removeprefix('reconciler-').capitalize()}\n")
        parts += [_section(rule) for rule in group["rules"]]
    return "\n".join(parts)


def _section(rule: dict[str, Any]) -> str:
    told = rule["annotations"]
    when = "at once" if rule["for"] == "0m" else f"after {rule['for'].removesuffix('m')} min"
    return f"""### {rule["alert"]}

**{told["summary"]}.** ({rule["labels"]["severity"]}, {when})

{told["meaning"]}

* Look at: {told["look_at"]}
* Do: {told["action"]}
* Command: `{told["command"]}`; page: `{told["console"]}`
* Rule: `{rule["expr"]}`
"""


if __name__ == "__main__":
    METRICS_PAGE.write_text(metrics_page(), encoding="utf-8")
    ALERTS_PAGE.write_text(alerts_page(), encoding="utf-8")
