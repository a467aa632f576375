"""Counting in a pool of forked processes: each counts in a file, and their parent tells the sums of all.

A file belongs to a place in the pool and not to a process: whoever takes the place of a dead one goes on in its file. So no
count is lost with a child, and there are as many files as places, however many children come and go.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock

from billiard.process import current_process
from prometheus_client import CollectorRegistry, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

PREFIX = "reconciler-metrics-"

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells the library where the files are."""


def count_in_files(registry: CollectorRegistry) -> None:
    """Have what is counted from now on counted in files, by this process and all it forks, and told by this registry.

    Call it before anything to count with is made, and before the first fork.
    """
    folder = _new_folder()
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(_place)  # type: ignore[no-untyped-call]  # the library leaves it so
    files = MultiProcessCollector(None, str(folder))  # type: ignore[no-untyped-call]  # as above
    registry.register(Undivided(files))


class Undivided:
    """Tells what another collector does, with no fork in the middle: a child must not inherit a lock that is held."""

    def __init__(self, inner: Collector) -> None:
        self._inner = inner
        self._lock = Lock()
        os.register_at_fork(
            before=self._lock.acquire, after_in_parent=self._lock.release, after_in_child=self._lock.release
        )

    def collect(self) -> list[Metric]:
        """All of it, read to the end."""
        with self._lock:
            return list(self._inner.collect())


def _place() -> str:
    """Of this process in the pool; the parent has none."""
    index = getattr(current_process(), "index", None)
    return "parent" if index is None else str(index)


def _new_folder() -> Path:
    """A folder that goes with this process; those that killed ones left behind go now."""
    for left in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(ProcessLookupError, PermissionError, ValueError):
            if not _is_alive(int(left.name.removeprefix(PREFIX).partition("-")[0])):
                shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    atexit.register(partial(_remove, folder, of=os.getpid()))
    return folder


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _remove(folder: Path, *, of: int) -> None:
    if os.getpid() == of:  # a child leaves by the same door
        shutil.rmtree(folder, ignore_errors=True)
