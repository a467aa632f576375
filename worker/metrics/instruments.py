"""Things to count with, made from the catalog."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from worker.metrics.metric import Metric


def counter(metric: Metric, registry: CollectorRegistry | None) -> Counter:
    """Something to count with, told by this registry if any."""
    return Counter(metric.name, metric.meaning, list(metric.labels), registry=registry)


def gauge(metric: Metric, registry: CollectorRegistry | None) -> Gauge:
    """Something to set."""
    return Gauge(metric.name, metric.meaning, list(metric.labels), registry=registry)


def histogram(metric: Metric, registry: CollectorRegistry | None) -> Histogram:
    """Something to time with."""
    return Histogram(metric.name, metric.meaning, list(metric.labels), registry=registry, buckets=metric.buckets)
