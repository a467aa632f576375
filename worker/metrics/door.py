"""What the HTTP door counts: batch by batch, for a callback must not wait for its own count."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter as Tally
from collections.abc import Iterable, Sequence

from prometheus_client import Metric
from prometheus_client.utils import floatToGoString

from worker.metrics import catalog


class Spread:
    """A histogram that takes many values at once. Any thread may call."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` rise; what is above the last is counted too."""
        self._bounds = bounds
        self._upto = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._lock = threading.Lock()

    def add(self, values: Sequence[float]) -> None:
        """Costs a search for each bound, not for each value."""
        rising = sorted(values)
        places = [*(bisect_right(rising, bound) for bound in self._bounds), len(rising)]
        with self._lock:
            self._sum += sum(rising)
            for place, count in enumerate(places):
                self._upto[place] += count

    def told(self) -> tuple[list[tuple[str, float]], float]:
        """Its buckets, each with all below it, and the sum of all values."""
        with self._lock:
            names = [*map(floatToGoString, self._bounds), "+Inf"]
            return list(zip(names, map(float, self._upto), strict=True)), self._sum


class DoorMeter:
    """Counts of one door, told as metrics when somebody asks. Any thread may call."""

    def __init__(self) -> None:
        self._callbacks: Tally[tuple[str, str]] = Tally()
        self._refusals: Tally[str] = Tally()
        self._took = {outcome: Spread(catalog.QUICK) for outcome in ("stored", "spooled")}
        self._commits = Spread(catalog.SIZES)
        self._drained = 0
        self._lock = threading.Lock()

    def durable(self, outcome: str, *, took: Sequence[float], at_accounts: int) -> None:
        """These are `stored` or `spooled`, after so many seconds each; `at_accounts` came to the address of an account."""
        self._took[outcome].add(took)
        self._count(outcome, default=len(took) - at_accounts, account=at_accounts)

    def turned_away(self, outcome: str, *, count: int, at_accounts: int) -> None:
        """These were not: `unavailable`, or `refused`."""
        self._count(outcome, default=count - at_accounts, account=at_accounts)

    def committed(self, count: int) -> None:
        """One commit stored so many."""
        self._commits.add((count,))

    def drained(self, count: int) -> None:
        """So many came from the spool into the database."""
        with self._lock:
            self._drained += count

    def refused(self, status: int) -> None:
        """A request was answered with this status."""
        known = str(status) if str(status) in catalog.STATUSES else "other"
        with self._lock:
            self._refusals[known] += 1

    def _count(self, outcome: str, **by_route: int) -> None:
        with self._lock:
            for route, count in by_route.items():
                self._callbacks[outcome, route] += count

    def collect(self) -> Iterable[Metric]:
        """All of it; what never happened is told as 0, so that its first time is a rise."""
        with self._lock:
            callbacks, refusals, drained = Tally(self._callbacks), Tally(self._refusals), self._drained
        answered = catalog.DOOR_CALLBACKS.counters()
        for outcome in catalog.ANSWERED:
            for route in catalog.ROUTES:
                answered.add_metric((outcome, route), callbacks[outcome, route])
        refused = catalog.HTTP_REFUSALS.counters()
        for status in catalog.STATUSES:
            refused.add_metric((status,), refusals[status])
        brought = catalog.DOOR_DRAINED.counters()
        brought.add_metric((), drained)
        latency, commits = catalog.DOOR_LATENCY.histograms(), catalog.DOOR_COMMITS.histograms()
        for outcome, spread in self._took.items():
            latency.add_metric((outcome,), *spread.told())
        commits.add_metric((), *self._commits.told())
        return [answered, refused, brought, latency, commits]
