"""Threads that do things at their time: they send the callbacks and play the payer."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Timetable:
    """Runs each job once, at its time or as soon after as a thread is free. What is not due when it stops is dropped."""

    def __init__(self, name: str, *, threads: int) -> None:
        self._due: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._running = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        """Start the threads; jobs added before wait for this."""
        for thread in self._threads:
            thread.start()

    def after(self, seconds: float, job: Job) -> None:
        """Run `job` that many seconds from now."""
        with self._changed:
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._numbers), job))
            self._changed.notify()

    @property
    def waiting(self) -> int:
        """Jobs that are not over yet: to come, due, or under way."""
        with self._changed:
            return len(self._due) + self._running

    def stop(self, *, within: float) -> None:
        """Take no more jobs, and wait at most `within` seconds for those under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        deadline = time.monotonic() + within
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # a fault in one job must not take the thread from the others
                log.exception("simulator job failed")
            with self._changed:
                self._running -= 1

    def _next(self) -> Job | None:
        with self._changed:
            while not self._stopping:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    self._running += 1
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None
