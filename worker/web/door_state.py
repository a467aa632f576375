"""How the door and its spool stand, as metrics: looked at when somebody asks, told from no memory."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric as Family

from worker.metrics import catalog
from worker.metrics.metric import Metric
from worker.web.drainer import Drainer
from worker.web.spool import Spool
from worker.web.writer import Writer


class DoorState:
    """The door of this process. The spool is that of all doors that share its folder."""

    def __init__(self, writer: Writer, drainer: Drainer, spool: Spool) -> None:
        self._writer = writer
        self._drainer = drainer
        self._spool = spool

    def collect(self) -> Iterable[Family]:
        """All of it; of the spool only whether it can be looked at, while it cannot."""
        writer = self._writer
        values = {
            catalog.DOOR_WAITING: writer.waiting,
            catalog.DOOR_ALIVE: writer.is_alive and self._drainer.is_alive,
            catalog.DOOR_SPOOLING: writer.is_spooling,
        }
        for metric, value in {**values, **self._of_spool()}.items():
            family = metric.gauges()
            family.add_metric((), value)
            yield family

    def _of_spool(self) -> dict[Metric, float]:
        try:
            state = self._spool.look()
        except OSError:
            return {catalog.SPOOL_UP: False}
        return {
            catalog.SPOOL_UP: True,
            catalog.SPOOL_CALLBACKS: state.waiting,
            catalog.SPOOL_BYTES: state.bytes,
            catalog.SPOOL_LIMIT: self._spool.limit,
            catalog.SPOOL_OLDEST: state.oldest,
            catalog.SPOOL_APART: state.apart,
        }
