"""The sign that a worker takes messages: a task that ran, not a process that exists."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from tasks.job import Job
from tasks.toolbox import Toolbox

LIFE = 60.0
"""Seconds the sign of an echo stays; whoever sent it looks within a few."""


def leave_sign(tools: Toolbox, name: str, app: Any) -> None:
    """Leave the sign `name`, with what the app of this worker makes of two lengths that all workers must agree on."""
    facts = {"visibility": visibility(app), "longest": longest_unacknowledged(app)}
    tools.signs.leave(name, facts, life=LIFE)


def visibility(app: Any) -> float:
    """Seconds after which this app gives a message that nobody acknowledged to another worker."""
    return float(app.conf.broker_transport_options.get("visibility_timeout", 3600))  # kombu's own default


def longest_unacknowledged(app: Any) -> float:
    """Seconds for which a task of this app may run before its message is acknowledged.

    A task that is acknowledged before it runs counts for nothing, however long it may take.
    """
    rung = [(entry["task"], entry.get("options", {}).get("time_limit")) for entry in app.conf.beat_schedule.values()]
    own = [(name, task.time_limit) for name, task in app.tasks.items() if not name.startswith("celery.")]
    limits = [limit for name, limit in rung + own if limit and name in app.tasks and app.tasks[name].acks_late]
    return float(max([app.conf.task_time_limit or 0, *limits]))


@shared_task(bind=True, base=Job, name="reconciler.echo")
def echo(self: Job, name: str) -> None:
    """Message from `reconciler doctor`: show that somebody takes messages here."""
    leave_sign(self.tools, name, self.app)
