"""A look as metrics. What could not be found out is left out: a gauge that froze would say that all is well."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from worker.metrics import catalog
from worker.metrics.metric import Metric
from worker.ops.exporter.look import Look, Watcher
from worker.ops.exporter.parts import PARTS
from worker.ops.situation import REST

WITHIN = 5.0
"""Seconds one look may take; Prometheus by itself waits 10 s."""

CLOSEST, FARTHEST = 5.0, 60.0
"""Seconds between two looks, whoever asks how often. Those that took long are farther apart."""


class BooksCollector:
    """Looks when somebody asks, and tells the same to whoever asks shortly after."""

    def __init__(self, watcher: Watcher, *, closest: float = CLOSEST) -> None:
        self._watcher = watcher
        self._closest = closest
        self._look: Look | None = None
        self._looked_at = 0.0
        self._lock = threading.Lock()

    def collect(self) -> Iterable[Family]:
        """All of it, with the age of the look."""
        with self._lock:
            if self._look is None or time.monotonic() - self._looked_at >= self._rest(self._look):
                self._look = self._watcher.look(within=WITHIN)
                self._looked_at = time.monotonic()
            return families(self._look, age=time.monotonic() - self._looked_at)

    def _rest(self, look: Look) -> float:
        return min(FARTHEST, max(self._closest, REST * look.took))


def families(look: Look, *, age: float) -> list[Family]:
    """All that this look found, as of `age` seconds ago."""
    told: dict[str, GaugeMetricFamily] = {}

    def put(metric: Metric, value: float, *labels: str) -> None:
        told.setdefault(metric.name, metric.gauges()).add_metric(labels, float(value))

    put(catalog.LOOK_AGE, age)
    put(catalog.LOOK_TOOK, look.took)
    put(catalog.DATABASE_UP, look.situation.books is not None)
    put(catalog.REDIS_UP, not look.situation.redis)
    put(catalog.ACCOUNTS, len(look.names))
    put(catalog.ACCOUNT_FAULTS, len(look.situation.account_faults))
    for part in PARTS:
        found = part.find(look)
        put(catalog.LOOK_UP, found is not None, part.name)
        if found is not None:
            part.tell(put, found, look.at)
    return list(told.values())
