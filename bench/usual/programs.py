"""Its processes, for the same supervisor that runs ours: `Shape(..., programs=usual)`."""

from __future__ import annotations

import sys
from collections.abc import Callable

from worker.embedded.child import Child
from worker.embedded.environment import EVERYWHERE
from worker.embedded.folder import answers
from worker.embedded.programs import ROOT, Programs, Setup, deployed, somebody_listens

OURS = ("simulator",)
"""Of our own programs, those this design needs too."""


def usual(setup: Setup) -> Programs:
    """Tables, then simulator, door, worker and beat. Nothing is on the beat's table: it is there to be struck like ours."""
    simulator = [child for child in deployed(setup).children if child.name in OURS]
    beat = _python(setup, "beat", "celery", "-A", "bench.usual.jobs", "beat", "-s", str(setup.data / "beat-schedule"))
    return Programs(_python(setup, "migrate", "bench.usual.tables"), (*simulator, _web(setup), _worker(setup), beat))


def _web(setup: Setup) -> Child:
    host = EVERYWHERE.get(setup.web_host, setup.web_host)
    where = ("--host", setup.web_host, "--port", str(setup.web_port), "--no-access-log")
    return _python(
        setup, "web", "uvicorn", "bench.usual.door:app", *where, ready=lambda: answers(setup.web_port, host=host)
    )


def _worker(setup: Setup) -> Child:
    options = ("--without-mingle", "--without-gossip", "--pool", setup.pool, "--concurrency", str(setup.concurrency))
    return _python(
        setup,
        "worker",
        *("celery", "-A", "bench.usual.jobs", "worker", *options),
        ready=lambda: somebody_listens(setup.redis_url),
    )


def _python(setup: Setup, name: str, *module: str, ready: Callable[[], bool] = lambda: True) -> Child:
    return Child(
        name=name,
        argv=(sys.executable, "-m", *module),
        env=setup.environment,
        cwd=ROOT,
        ready=ready,
        restart=name != "migrate",
    )
