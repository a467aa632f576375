"""The jobs' own counts as Prometheus metrics, in this process or, of a pool of processes, in files they share."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry

from models.answers import Answer
from models.callback import Outcome
from models.check import Lane
from models.transaction import Kind, Status
from tasks.meter import MovedOne, Ran, Why
from worker.metrics import catalog
from worker.metrics.instruments import counter, histogram

DIRECTIONS = {Kind.INVOICE: "in", Kind.PAYOUT: "out"}


class PrometheusMeter:
    """Counts for a registry, or for files that are told elsewhere."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._read = counter(catalog.CALLBACKS_READ, registry)
        self._questions = counter(catalog.QUESTIONS, registry)
        self._answers = histogram(catalog.ANSWERS, registry)
        self._put_off = counter(catalog.PUT_OFF, registry)
        self._settlements = counter(catalog.SETTLEMENTS, registry)
        self._francs = counter(catalog.FRANCS, registry)
        self._closed = counter(catalog.CLOSED, registry)
        self._after_callback = histogram(catalog.AFTER_CALLBACK, registry)
        self._after_creation = histogram(catalog.AFTER_CREATION, registry)
        self._swept = counter(catalog.SWEPT, registry)
        self._deliveries = counter(catalog.DELIVERIES, registry)
        self._delivery = histogram(catalog.DELIVERY_TIME, registry)
        self._tasks = counter(catalog.TASKS_RUN, registry)
        self._task_time = histogram(catalog.TASK_TIME, registry)

    def read(self, outcomes: Mapping[Outcome, int]) -> None:
        """Once for each outcome of a batch."""
        for outcome, count in outcomes.items():
            self._read.labels(outcome=outcome.value).inc(count)

    def answered(self, account: str, lane: Lane, answers: Sequence[Answer]) -> None:
        """Once for each thing that was said, and the time of each."""
        for said, count in Tally(answer.said for answer in answers).items():
            self._questions.labels(account=account, lane=lane.value, answer=said.value).inc(count)
        took = self._answers.labels(account=account)
        for answer in answers:
            took.observe(answer.took)

    def put_off(self, account: str, lane: Lane, *, why: Why, count: int) -> None:
        """All at once."""
        self._put_off.labels(account=account, lane=lane.value, reason=why.value).inc(count)

    def moved(self, moved: Sequence[MovedOne]) -> None:
        """Each: money is worth it."""
        for one in moved:
            direction = DIRECTIONS[one.kind]
            if one.status is not Status.COMPLETED:
                self._closed.labels(account=one.account, direction=direction).inc()
                continue
            learned_by = one.learned_by.value
            self._settlements.labels(account=one.account, direction=direction, learned_by=learned_by).inc()
            self._francs.labels(account=one.account, direction=direction).inc(one.amount)
            self._after_creation.labels(direction=direction, learned_by=learned_by).observe(one.after_creation)
            if one.after_callback is not None:
                self._after_callback.labels(direction=direction).observe(one.after_callback)

    def swept(self, *, callbacks: int, transactions: int, parked: int) -> None:
        """Where there was something."""
        for what, count in (("callbacks", callbacks), ("transactions", transactions), ("parked", parked)):
            if count:
                self._swept.labels(what=what).inc(count)

    def told(self, took: Sequence[float], *, failed: int, stopped: int) -> None:
        """By how they ended, and the time of each."""
        counts = {"delivered": len(took) - failed, "failed": failed - stopped, "stopped": stopped}
        for outcome, count in counts.items():
            self._deliveries.labels(outcome=outcome).inc(count)
        for seconds in took:
            self._delivery.observe(seconds)

    def ran(self, task: str, how: Ran, seconds: float) -> None:
        """Once for each task."""
        self._tasks.labels(task=task, outcome=how.value).inc()
        self._task_time.labels(task=task).observe(seconds)
