"""Programs of ours as processes that are forked from one that has everything loaded: loading is most of what a start costs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from worker import ops
from worker.embedded import launch

LOADED = [
    *("celery.bin.celery", "celery.apps.worker", "celery.apps.beat", "celery.concurrency.prefork", "uvicorn.main"),
    *("worker.web", "worker.ops.command", "tests.certification.mortal"),
]
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(LOADED)


class Forked:
    """A process of its own, leader of its session and its group, with the environment that it was given and no other."""

    def __init__(
        self,
        main: Callable[..., object],
        *arguments: Any,
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        errors: Path | None = None,
    ) -> None:
        """Start it; what it writes is added to `log`, or its standard error to `errors`."""
        self._process = FORKING.Process(target=_begin, args=(main, arguments, dict(env), cwd, log, errors or log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def wait_for_end(self) -> None:
        self._process.join()

    def wait(self, *, within: float | None = None) -> int:
        """Return its exit code, negative for a signal."""
        self._process.join(within)
        if self._process.exitcode is None:
            self._process.kill()
            raise TimeoutError(f"not done within {within} s")
        return self._process.exitcode


def _begin(
    main: Callable[..., object],
    arguments: tuple[Any, ...],
    env: Mapping[str, str],
    cwd: Path,
    log: Path,
    errors: Path,
) -> None:
    os.setsid()
    launch._parent_death_signal()(signal.SIGKILL)
    for number, file in ((1, log), (2, errors)):
        with file.open("ab") as said:
            os.dup2(said.fileno(), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    main(*arguments)


def reconciler(*words: str, env: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `reconciler words` says and how it ends, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        said, errors = Path(folder, "said"), Path(folder, "errors")
        code = Forked(_command, *words, env=env, cwd=cwd, log=said, errors=errors).wait(within=100)
        return subprocess.CompletedProcess(words, code, said.read_text(), errors.read_text())


def _command(*words: str) -> None:
    sys.argv = ["reconciler", *words]
    ops.main()
