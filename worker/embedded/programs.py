"""The command lines of the deployed shape: the same programs as in production, each its own process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from worker.embedded.child import Child
from worker.embedded.environment import EVERYWHERE
from worker.embedded.folder import LOOPBACK, answers
from worker.embedded.valkey import ONE_TRY

ROOT = Path(__file__).parents[2]
"""The working directory of all of them: `python -m` finds our packages there, whose names are too general to install."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What the programs need to know about this machine. `simulator_port` is None when the real gateway is used."""

    environment: Mapping[str, str] = field(repr=False)
    redis_url: str = field(repr=False)
    data: Path
    web_host: str
    web_port: int
    simulator_port: int | None
    simulator_options: tuple[str, ...] = ()
    pool: str = "prefork"
    concurrency: int = 2


@dataclass(frozen=True, slots=True)
class Programs:
    """A step to run first, then the children to keep running, in the order in which they start."""

    migrate: Child
    children: tuple[Child, ...]


def deployed(setup: Setup) -> Programs:
    """Migrations, then simulator, HTTP door, worker and beat."""
    simulator = (_simulator(setup, setup.simulator_port),) if setup.simulator_port is not None else ()
    migrate = _python(setup, "migrate", "worker.ops", "migrate")
    return Programs(migrate, (*simulator, _web(setup), _worker(setup), _beat(setup)))


def _simulator(setup: Setup, port: int) -> Child:
    state = str(setup.data / "simulator.json")
    arguments = ("--host", LOOPBACK, "--port", str(port), "--state", state, *setup.simulator_options)
    return _python(setup, "simulator", "worker.ligdicash.simulator", *arguments, ready=lambda: answers(port))


def _web(setup: Setup) -> Child:
    where = ("--host", setup.web_host, "--port", str(setup.web_port))
    patience = ("--http", "worker.web.quick:QuickProtocol")
    host = EVERYWHERE.get(setup.web_host, setup.web_host)
    return _python(
        setup,
        "web",
        *("uvicorn", "--factory", "worker.server:create_app", *where, *patience, "--no-access-log"),
        ready=lambda: answers(setup.web_port, host=host),
    )


def _worker(setup: Setup) -> Child:
    quick = ("--without-mingle", "--without-gossip")
    pool = ("--pool", setup.pool, "--concurrency", str(setup.concurrency))
    return _python(
        setup,
        "worker",
        *("celery", "-A", "worker", "worker", *quick, *pool),
        ready=lambda: somebody_listens(setup.redis_url),
        grace=20.0,
    )


def _beat(setup: Setup) -> Child:
    schedule = str(setup.data / "beat-schedule")
    return _python(setup, "beat", "celery", "-A", "worker", "beat", "-s", schedule)


def _python(
    setup: Setup, name: str, *module: str, ready: Callable[[], bool] = lambda: True, grace: float = 10.0
) -> Child:
    return Child(
        name=name,
        argv=(sys.executable, "-m", *module),
        env=setup.environment,
        cwd=ROOT,
        ready=ready,
        grace=grace,
        restart=name != "migrate",
    )


def somebody_listens(redis_url: str) -> bool:
    """Whether a Celery worker waits for messages: the one sign of readiness that depends on no log level."""
    try:
        with redis.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1, retry=ONE_TRY) as client:
            return any(entry["cmd"] == "brpop" for entry in client.client_list())
    except redis.exceptions.NoPermissionError:  # a hired server may hide its clients; then running must do
        return True
    except redis.RedisError:
        return False
