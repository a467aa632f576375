"""What one metric is: its name, its meaning, its labels with the values each may take, and who tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily


class Process(StrEnum):
    """The processes of a fleet that tell metrics."""

    WEB = "web"
    WORKER = "worker"
    BEAT = "beat"
    EXPORTER = "exporter"
    """Tells how the books and Redis stand, once for the whole fleet."""
    EVERY = "every"
    """Not one of them: each."""


class Kind(StrEnum):
    """Of the kinds Prometheus knows, those that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Bounded:
    """A label whose values are not ours to list, and why there are few of them all the same."""

    why: str


ACCOUNT = Bounded("the accounts that are set up here")
RULE = Bounded("the rules of fsck, of which only broken ones are told")
VERSION = Bounded("one for each release that runs")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    """One metric. `labels` are all it has; the values of each are listed, or bounded for a reason."""

    name: str
    kind: Kind
    meaning: str
    told_by: Process
    labels: Mapping[str, Sequence[str] | Bounded] = field(default_factory=dict)
    buckets: Sequence[float] = ()
    """Upper bounds of a histogram, rising, in its unit."""

    @property
    def unit(self) -> str:
        """The base unit its name ends with; empty where it counts things, or says yes (1) or no (0)."""
        base = self.name.removesuffix("_total")
        return next((unit for unit in ("seconds", "bytes", "francs") if base.endswith(unit)), "")

    def gauges(self) -> GaugeMetricFamily:
        """An empty family of this gauge, for a collector to fill."""
        return GaugeMetricFamily(self.name, self.meaning, labels=list(self.labels))

    def counters(self) -> CounterMetricFamily:
        """The same for a counter."""
        return CounterMetricFamily(self.name, self.meaning, labels=list(self.labels))

    def histograms(self) -> HistogramMetricFamily:
        """The same for a histogram."""
        return HistogramMetricFamily(self.name, self.meaning, labels=list(self.labels))
