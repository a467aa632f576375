"""Things to count with, made from the catalog."""

from __future__ import annotations

from itertools import product

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from worker.metrics.metric import Bounded, Metric


def counter(metric: Metric, registry: CollectorRegistry | None) -> Counter:
    """Something to count with, told by this registry if any.

    Where all values of its labels are known it is told as 0 from the start, so that the first time of each is a rise.
    """
    made = Counter(metric.name, metric.meaning, list(metric.labels), registry=registry)
    closed = [values for values in metric.labels.values() if not isinstance(values, Bounded)]
    if closed and len(closed) == len(metric.labels):
        for combination in product(*closed):
            made.labels(*combination)
    return made


def gauge(metric: Metric, registry: CollectorRegistry | None) -> Gauge:
    """Something to set."""
    return Gauge(metric.name, metric.meaning, list(metric.labels), registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry | None) -> Histogram:
    """Something to time with."""
    return Histogram(metric.name, metric.meaning, list(metric.labels), registry=registry, buckets=metric.buckets)
