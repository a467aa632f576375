"""Metrics of a process that Celery runs: a worker with its pool, or beat. Loads nothing of them where they are off."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from celery.signals import after_task_publish, beat_init, worker_ready

from config.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from tasks.meter import Meter


class Counting:
    """What this process counts and tells. With METRICS_PORT at 0, nothing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._registry: CollectorRegistry | None = None
        self.meter: Meter | None = None
        """What the jobs of a worker count with, in each process of its pool."""
        if settings.metrics_port:
            self._begin_with_the_process()

    def _begin_with_the_process(self) -> None:
        # Celery keeps weak references to receivers unless told otherwise, and these are local.
        @worker_ready.connect(weak=False)
        def _worker_is_ready(**_: Any) -> None:  # after its pool was forked: the listener is a thread
            self._tell()

        @beat_init.connect(weak=False)
        def _beat_begins(**_: Any) -> None:
            self._of_beat()
            self._tell()

    def of_worker(self) -> Meter | None:
        """Count what jobs do. Call it before the pool is forked."""
        if self._settings.metrics_port:
            from worker.metrics.meter import PrometheusMeter
            from worker.metrics.metric import Process
            from worker.metrics.pool import count_in_files
            from worker.metrics.serve import new_registry

            self._registry = new_registry(Process.WORKER)
            count_in_files(self._registry)
            self.meter = PrometheusMeter(None)  # its counts are told from the files
        return self.meter

    def _of_beat(self) -> None:
        from worker.metrics import catalog
        from worker.metrics.instruments import counter, gauge
        from worker.metrics.metric import Process
        from worker.metrics.serve import new_registry

        self._registry = new_registry(Process.BEAT)
        rings = counter(catalog.BEAT_RINGS, self._registry)
        rang = gauge(catalog.BEAT_RANG, self._registry)

        @after_task_publish.connect(weak=False)
        def _rang(sender: Any = None, **_: Any) -> None:
            rings.labels(task=str(sender).rpartition(".")[2]).inc()
            rang.set(time.time())

    def _tell(self) -> None:
        from worker.metrics.serve import serve

        if self._registry is not None:
            serve(self._registry, self._settings)
