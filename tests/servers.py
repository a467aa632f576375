"""The real servers of the test session: one PostgreSQL and one Valkey from the wheels, and fresh databases in them."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import Engine, event, make_url

from models.session import make_engine
from worker.embedded.folder import PORTS, DataFolder, is_free
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.supervisor import Supervisor
from worker.embedded.valkey import EmbeddedValkey

TEMPLATE = "template_reconciler"

PATIENCE = 60
"""Seconds. The limits of the program are a few; a machine that stands still for that long says nothing about it."""

_numbers = count(1)


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """A temporary folder that PostgreSQL's unprivileged user can enter too; pytest's own are closed to it."""
    path = Path(tempfile.mkdtemp(prefix="reconciler-tests-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True)
class Servers:
    """Where the servers of this session are."""

    postgres_url: str
    redis_url: str
    supervisor: Supervisor


@contextmanager
def running_servers(*, fsync: bool = False) -> Iterator[Servers]:
    """Start both servers in a folder of their own and stop them at the end; any trouble is an error, never a skip."""
    with reachable_folder() as path, DataFolder(path) as folder, Supervisor(folder.logs) as supervisor:
        postgres = EmbeddedPostgres.prepare(folder, fsync=fsync)
        valkey = EmbeddedValkey.prepare(folder)
        supervisor.start(postgres.child(), valkey.child())
        yield Servers(postgres.url, valkey.url, supervisor)


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def libpq(url: str) -> str:
    """The same address as psycopg itself wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def patient_engine(url: str, *, pool_size: int = 5) -> Engine:
    """The engine of the program, with limits that no busy machine comes to."""
    engine = make_engine(url, pool_size=pool_size)
    make_patient(engine)
    return engine


def make_patient(engine: Engine) -> None:
    """The same for an engine that is made already, and not connected yet."""
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")

    def wait_longer(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
        options["connect_timeout"] = PATIENCE
        options["options"] += "".join(f" -c {limit}={PATIENCE}s" for limit in limits)

    event.listen(engine, "do_connect", wait_longer)
    engine.pool._timeout = PATIENCE


def patient(redis_url: str) -> str:
    """The same server for a client that waits for it; not for Celery, which knows no such address."""
    return f"{redis_url}?socket_timeout={PATIENCE}&socket_connect_timeout={PATIENCE}"


def free_port() -> int:
    """A port nobody listens on now, of those that the kernel gives to nobody who does not ask for it by number."""
    return next(port for port in random.sample(PORTS, k=50) if is_free(port))


def fresh_name() -> str:
    """A database name nobody has in this session."""
    return f"test_{os.getpid()}_{next(_numbers)}"


def create_database(url: str, name: str, *, template: str = "template1") -> str:
    """Create a database as a copy of `template` and return its address. Whoever is still in the template is thrown out."""
    with psycopg.connect(libpq(url), autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (template,))
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        admin.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return with_database(url, name)


def drop_database(url: str, name: str) -> None:
    """Drop a database, whoever may still be connected to it."""
    with psycopg.connect(libpq(url), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
