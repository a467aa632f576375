"""What all Celery tasks share: where their tools come from, and what becomes of trouble."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from celery import Task

from models.errors import TryAgain
from tasks.toolbox import Toolbox

log = structlog.get_logger()


class Job(Task):  # type: ignore[type-arg]  # Celery's Task is generic for type checkers only
    """A task that finds its tools on the app. It never retries: the row it works on is due again by itself.

    Celery's own `retry()` publishes a new message and drops the old one when that fails; a date in a row cannot be lost.
    """

    abstract = True
    ignore_result = True

    @property
    def tools(self) -> Toolbox:
        """The toolbox of this process, built on first use: after any fork, never before."""
        return tools_of(self.app)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run; expected trouble is one line, a surprise goes on to Celery with its traceback."""
        with structlog.contextvars.bound_contextvars(job=self.name.rpartition(".")[2]):
            try:
                return super().__call__(*args, **kwargs)
            except TryAgain as exc:
                log.warning("put_off", reason=str(exc))
                return None


_SLOT = "reconciler_tools"


def provide_tools(app: Any, build: Callable[[], Toolbox]) -> None:
    """Tell the app how tools are built. Call it again to forget the present ones, as after a fork."""
    setattr(app, _SLOT, [build, None])


def tools_of(app: Any) -> Toolbox:
    """The toolbox of this app in this process."""
    slot = getattr(app, _SLOT)
    if slot[1] is None:
        slot[1] = slot[0]()
    tools: Toolbox = slot[1]
    return tools
