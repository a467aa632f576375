"""The listener for /metrics: of its own, apart from the public door, so that no proxy publishes it.

What goes wrong here is told in the log and stops nothing: a payment is worth more than its count.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol
from wsgiref.simple_server import WSGIServer

import structlog
from prometheus_client import (
    CollectorRegistry,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)

from worker.metrics import catalog
from worker.metrics.metric import Process

log = structlog.get_logger()


class Listener(Protocol):
    """Where to listen, as the settings say it."""

    @property
    def metrics_host(self) -> str:
        """An address of this machine."""
        ...

    @property
    def metrics_port(self) -> int:
        """0: nowhere."""
        ...


class Build:
    """What runs here."""

    def __init__(self, process: Process) -> None:
        try:
            release = version("ligdicash-reconciler")
        except PackageNotFoundError:  # run from a checkout that nobody installed
            release = "checkout"
        self._values = (release, platform.python_version(), process.value)

    def collect(self) -> Iterable[Metric]:
        """One line."""
        family = catalog.BUILD.gauges()
        family.add_metric(self._values, 1)
        return [family]


def new_registry(process: Process) -> CollectorRegistry:
    """A registry that knows what runs here, and what it takes of the machine."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it so; another series for each that counts, which nobody asks for
    registry = CollectorRegistry(support_collectors_without_names=True)
    ProcessCollector(registry=registry)
    registry.register(Build(process))
    return registry


def serve(registry: CollectorRegistry, settings: Listener) -> WSGIServer | None:
    """Listen in a thread of its own until the process ends; None where nobody wants to, or the port is taken."""
    host, port = settings.metrics_host, settings.metrics_port
    if not port:
        return None
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as exc:
        log.error("metrics_not_served", port=port, reason=exc.strerror)  # noqa: TRY400 - its words say it
        return None
    log.info("metrics_served", host=host, port=port)
    return server
