"""What all Celery tasks share: where their tools come from, and what becomes of trouble."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from celery import Task

from models.errors import TryAgain
from tasks.meter import Ran
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
        """Run, and be counted; expected trouble is one line, a surprise goes on to Celery with its traceback."""
        name = self.name.rpartition(".")[2]
        began = time.monotonic()
        how = Ran.FAILED
        with structlog.contextvars.bound_contextvars(job=name):
            try:
                result = super().__call__(*args, **kwargs)
                how = Ran.DONE
            except TryAgain as exc:
                how = Ran.PUT_OFF
                log.warning("put_off", reason=str(exc))
                return None
            else:
                return result
            finally:
                _count(self.app, name, how, seconds=time.monotonic() - began)


_SLOT = "reconciler_tools"


@dataclass(slots=True)
class _Slot:
    """Where an app keeps its toolbox. The lock is for pools of threads: two first tasks must not build two engines."""

    build: Callable[[], Toolbox]
    tools: Toolbox | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def _count(app: Any, name: str, how: Ran, *, seconds: float) -> None:
    """Where there are tools by now: what failed may be the making of them."""
    slot: _Slot | None = getattr(app, _SLOT, None)
    if slot is not None and slot.tools is not None:
        slot.tools.meter.ran(name, how, seconds)


def provide_tools(app: Any, build: Callable[[], Toolbox]) -> None:
    """Tell the app how tools are built. Call it again to forget the present ones, as after a fork."""
    setattr(app, _SLOT, _Slot(build))


def tools_of(app: Any) -> Toolbox:
    """The toolbox of this app in this process."""
    slot: _Slot = getattr(app, _SLOT)
    with slot.lock:
        if slot.tools is None:
            slot.tools = slot.build()
        return slot.tools
