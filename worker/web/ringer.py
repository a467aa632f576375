"""Rings the doorbell for what was stored, and tells the log of it, on a thread of its own: the broker must never delay an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from models import trace
from tasks.toolbox import in_batches

log = structlog.get_logger()

BACKLOG = 100_000
"""Ids that may wait for the doorbell. Rows beyond that are due by themselves; the sweep rings for them."""

REST = 0.02
"""Seconds between two rings. A ring costs a millisecond of the door's time, however many it is for; the first after a
rest is rung at once."""

TOLD_TOGETHER = 500
"""Callbacks one log line names. A line for each would cost the door more than storing it."""


class Ringer:
    """Rings the doorbell from a thread of its own. What it cannot get rid of it forgets: the rows are due by themselves."""

    def __init__(
        self,
        ring: Callable[[Sequence[int]], object],
        *,
        backlog: int = BACKLOG,
        rest: float = REST,
    ) -> None:
        """`ring` may be slow; it is called with all ids that came together since its last return, and `rest` seconds later."""
        self._do_ring = ring
        self._rest = rest
        self._backlog = backlog
        self._ids: list[int] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ringer", daemon=True)

    def start(self) -> None:
        """Begin to ring."""
        self._thread.start()

    def stop(self, *, patience: float = 5.0) -> None:
        """Ring once more for what is left and end, within `patience` seconds or without having rung."""
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self._thread.join(patience)

    def ring(self, ids: Sequence[int]) -> None:
        """Ring for these soon. Never waits for the broker."""
        with self._changed:
            room = self._backlog - len(self._ids)
            self._ids += ids[: max(room, 0)]
            self._changed.notify()
        if room < len(ids):
            log.warning("left_to_the_sweep", count=len(ids) - max(room, 0))

    def _run(self) -> None:
        while ids := self._next():
            for some in in_batches(ids, size=TOLD_TOGETHER):
                log.info("callbacks_stored", count=len(some), trace=list(map(trace.of_callback, some)))
            try:
                self._do_ring(ids)
            except Exception:  # a bug of ours, not the broker's trouble; the sweep rings for these
                log.exception("doorbell_failed", count=len(ids))
            self._stopping.wait(self._rest)

    def _next(self) -> list[int]:
        with self._changed:
            self._changed.wait_for(lambda: self._ids or self._stopping.is_set())
            ids, self._ids = self._ids, []
            return ids
