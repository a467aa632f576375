"""What every measurement stands on: real servers, real processes, and the CPU and memory that each of them used.

PostgreSQL with fsync on and Valkey come from the wheels; the programs are started with the command lines that are deployed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from models import migrate
from tests.fakes import API_KEY
from tests.servers import Servers, create_database, drop_database, fresh_name, libpq, running_servers
from worker.embedded.child import Child
from worker.embedded.folder import LOOPBACK, answers
from worker.embedded.programs import Setup, deployed, somebody_listens

MIGRATED = "bench_migrated"
"""The database that each measurement gets a copy of."""

READY_WITHIN = 30.0
"""Seconds a program has until it is ready."""


def until(is_so: Callable[[], bool], *, within: float = READY_WITHIN, every: float = 0.02, what: str = "it") -> float:
    """Seconds until it is so, looked at `every` so often; raises `SystemExit` when it does not come true."""
    began = time.perf_counter()
    while not is_so():
        if time.perf_counter() - began > within:
            raise SystemExit(f"{what} did not come about within {within:g} s")
        time.sleep(every)
    return time.perf_counter() - began


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and all below it, those included that have ended."""
    total = 0.0
    try:
        parent = psutil.Process(pid)
        tree = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0
    for process in tree:
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


@dataclass(frozen=True)
class Program:
    """One process of the bench, with the children it has."""

    name: str
    pid: int
    log: Path

    def cpu(self) -> float:
        """CPU seconds so far, children included."""
        return cpu_of(self.pid)

    def memory(self) -> list[float]:
        """Megabytes that each of its processes has to itself and shares, proportionally (PSS); the largest first."""
        parent = psutil.Process(self.pid)
        tree = [parent, *parent.children(recursive=True)]
        return sorted((process.memory_full_info().pss / 1e6 for process in tree), reverse=True)


@dataclass(frozen=True)
class Stage:
    """The servers, and how to start programs on them."""

    servers: Servers
    folder: Path

    @property
    def redis_url(self) -> str:
        """Valkey."""
        return self.servers.redis_url

    @contextmanager
    def database(self) -> Iterator[str]:
        """A fresh database with our tables, dropped afterwards; Valkey is emptied before."""
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()
        name = fresh_name()
        url = create_database(self.servers.postgres_url, name, template=MIGRATED)
        try:
            yield url
        finally:
            drop_database(self.servers.postgres_url, name)

    def environment(self, database_url: str, *, gateway: str = "http://127.0.0.1:1", **more: str) -> dict[str, str]:
        """All settings of a program on this database, asking at this address. Logs at the deployed level."""
        return {
            "PATH": os.environ["PATH"],
            "ENVIRONMENT": "development",
            "LIGDICASH_API_KEY": "bench-key",
            "LIGDICASH_API_TOKEN": "bench-token",
            "LIGDICASH_BASE_URL": gateway,
            "RECONCILER_API_KEY": API_KEY,
            "CALLBACK_URL": "http://127.0.0.1/callbacks/ligdicash",
            "DATABASE_URL": libpq(database_url),
            "REDIS_URL": self.redis_url,
            "SPOOL_DIR": str(self.folder / "spool"),
            **more,
        }

    def ours(
        self, environment: Mapping[str, str], *, port: int = 0, pool: str = "prefork", concurrency: int = 2
    ) -> dict[str, Child]:
        """The deployed programs by name: `web`, `worker` and `beat`. Start them with `run_child`."""
        setup = Setup(
            environment=environment,
            redis_url=self.redis_url,
            data=self.folder,
            web_host=LOOPBACK,
            web_port=port,
            simulator_port=None,
            pool=pool,
            concurrency=concurrency,
        )
        return {child.name: child for child in deployed(setup).children}

    def plain(
        self, environment: Mapping[str, str], *, port: int = 0, pool: str = "threads", concurrency: int = 32
    ) -> dict[str, Child]:
        """The programs of `bench.plain` by name: `web` and `worker`. Its tables have to be there."""
        where = ("--host", LOOPBACK, "--port", str(port), "--no-access-log", "--log-level", "warning")
        size = ("--pool", pool, "--concurrency", str(concurrency))
        quick = ("--without-mingle", "--without-gossip")
        web = ("uvicorn", "bench.plain:door", *where)
        worker = ("celery", "-A", "bench.plain:celery", "worker", *quick, *size)
        children = (
            Child(name=name, argv=(sys.executable, "-m", *argv), env=environment, cwd=ROOT, ready=ready)
            for name, argv, ready in (
                ("web", web, self.listening(port)),
                ("worker", worker, lambda: somebody_listens(self.redis_url)),
            )
        )
        return {child.name: child for child in children}

    def run_child(self, child: Child) -> AbstractContextManager[Program]:
        """Run one of `ours` until the block ends, beginning when it is ready."""
        return self.run(child.name, *child.argv, environment=child.env, ready=child.ready, cwd=child.cwd)

    @contextmanager
    def run(
        self,
        name: str,
        *argv: str,
        environment: Mapping[str, str],
        ready: Callable[[], bool] = lambda: True,
        cwd: Path | None = None,
    ) -> Iterator[Program]:
        """Run a program until the block ends, beginning when it is ready. What it writes goes to a file."""
        log = self.folder / f"{name}.{time.monotonic_ns()}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(argv, env=dict(environment), stdout=out, stderr=out, cwd=cwd)
        try:
            until(
                lambda: ready() or process.poll() is not None,
                what=f"{name} being ready (its last words: {_tail(log)})",
            )
            if process.poll() is not None:
                raise SystemExit(f"{name} ended at once:\n{_tail(log)}")
            yield Program(name, process.pid, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def python(
        self, name: str, *module: str, environment: Mapping[str, str], ready: Callable[[], bool] = lambda: True
    ) -> AbstractContextManager[Program]:
        """Run a module of this project or of a library, as `python -m`."""
        return self.run(name, sys.executable, "-m", *module, environment=environment, ready=ready, cwd=ROOT)

    def listening(self, port: int) -> Callable[[], bool]:
        """Whether somebody answers on this port, as a question for `ready`."""
        return lambda: answers(port)

    def servers_cpu(self) -> dict[str, float]:
        """CPU seconds of `postgres` and `valkey` so far."""
        pids = {name: self.servers.supervisor.pid(name) for name in self.servers.supervisor.names}
        return {name: cpu_of(pid) for name, pid in pids.items() if pid is not None}


ROOT = Path(__file__).parents[1]


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start the servers; all is gone afterwards."""
    with running_servers(fsync=True) as servers, tempfile.TemporaryDirectory(prefix="reconciler-bench-") as folder:
        migrate.upgrade(create_database(servers.postgres_url, MIGRATED))
        yield Stage(servers, Path(folder))
