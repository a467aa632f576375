"""A small fleet whose metrics are told as they are in production: real listeners, real tables, a real Redis, wires to cut."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import redis
import requests
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from config.policy import DAY
from config.settings import Settings
from models.session import Sessions, transaction
from tasks.job import provide_tools, tools_of
from tasks.sweep import SWEPT
from tasks.toolbox import Toolbox
from tasks.watch import WATCHED, WATCHED_IN_FULL
from tests.fakes import Fakes, settings_for, toolbox
from tests.ledger import empty, open_books
from tests.proxy import Wire, wire_to
from tests.servers import PATIENCE
from tests.webdoor import Door, open_door, until
from worker.app import make_app
from worker.metrics.meter import PrometheusMeter
from worker.metrics.metric import Process
from worker.metrics.serve import new_registry
from worker.ops.desk import Desk
from worker.ops.exporter.collector import BooksCollector
from worker.ops.exporter.look import Watcher
from worker.signs import PREFIX
from worker.web import registry_of

JOBS = tuple(f"reconciler-{process}" for process in ("web", "worker", "beat", "exporter"))

Series = dict[str, float]
"""Values by series, as PromQL writes one."""


class Anew:
    """An exporter that looks each time it is asked: a test does not wait for what was looked at to grow old."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def collect(self):
        return BooksCollector(Watcher(self.desk)).collect()


@dataclass
class Stage:
    """What troubles are caused on."""

    sessions: Sessions
    fakes: Fakes
    tools: Toolbox
    """Of a worker that counts: fakes around real tables."""
    app: object
    """Its Celery app."""
    desk: Desk
    """Of the exporter: real tools."""
    redis: redis.Redis
    database_wire: Wire
    redis_wire: Wire
    spool: Path
    open_door: Callable[[], Door]
    exporter: Anew
    door: Door
    registries: dict[str, CollectorRegistry]
    listeners: dict[str, WSGIServer] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def start(self, job: str) -> None:
        """Let the process of this job tell its metrics, where it did before."""
        server, _ = start_http_server(self.ports.get(job, 0), "127.0.0.1", self.registries[job])
        self.ports[job] = server.server_port
        self.listeners[job] = server

    def stop(self, job: str) -> None:
        """As if it were gone."""
        server = self.listeners.pop(job)
        server.shutdown()
        server.server_close()

    def restart_exporter(self) -> None:
        """One that remembers nothing of a server that was away."""
        self.exporter.desk = self.desk = new_desk(self.desk.settings)

    def all_is_well(self) -> None:
        """Nothing in the books, and signs of a beat that rings."""
        empty(self.sessions)
        self.redis.flushdb()
        for name in (SWEPT, WATCHED, WATCHED_IN_FULL):
            self.desk.tools.signs.leave(name, life=DAY)

    def past_the_guards(self, statement: str, **parameters: object) -> None:
        """Write what the database lets nobody write."""
        with transaction(self.sessions) as step:
            step.session.execute(text("SET LOCAL session_replication_role = replica"))
            step.session.execute(text(statement), parameters)

    def let_be_older(self, table: str, column: str, seconds: float) -> None:
        """Move this date of every row into the past."""
        older = f"UPDATE {table} SET {column} = {column} - CAST(:by AS interval)"
        self.past_the_guards(older, by=timedelta(seconds=seconds))

    def age_sign(self, name: str, seconds: float) -> None:
        """Let this sign be so much older."""
        sign = json.loads(self.redis.get(f"{PREFIX}{name}"))
        self.redis.set(f"{PREFIX}{name}", json.dumps(sign | {"at": sign["at"] - seconds}))

    def post_callback(self, size: int = 2) -> int:
        """Knock; the status of the answer."""
        body = b'{"n": "%b"}' % (b"x" * size)
        headers = {"Content-Type": "application/json"}
        return self.door.call("POST", "/api/callback/ligdicash", data=body, headers=headers).status_code

    def database_is_back(self) -> None:
        """For the door, and its spool is drained."""
        self.database_wire.mend()
        until(lambda: not self.door.app.state.writer.is_spooling and not list(self.spool.glob("*.spool")))

    def tell(self, names: Collection[str]) -> Series:
        """What Prometheus would scrape of these metrics now, `up` included."""
        told: Series = {}
        for job in JOBS:
            told |= _scrape(job, self.ports[job], tuple(f"{name}{mark}" for name in names for mark in "{ "))
        return told


def _scrape(job: str, port: int, beginnings: tuple[str, ...]) -> Series:
    labels = {"job": job, "instance": job}
    try:
        page = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=PATIENCE)
    except requests.ConnectionError:
        return {_series("up", labels): 0}
    wanted = [line for line in page.text.splitlines(keepends=True) if line.startswith(beginnings)]
    families = text_string_to_metric_families("".join(wanted))
    samples = [sample for family in families for sample in family.samples]
    return {_series("up", labels): 1} | {_series(s.name, {**s.labels, **labels}): s.value for s in samples}


def _series(name: str, labels: dict[str, str]) -> str:
    return f"{name}{{{', '.join(f'{label}={json.dumps(value)}' for label, value in sorted(labels.items()))}}}"


def new_desk(settings: Settings) -> Desk:
    """With tools as in production, on these servers."""
    return Desk(settings=settings, tools=tools_of(make_app(settings)))


@contextmanager
def running_stage(database_url: str, redis_url: str, folder: Path) -> Iterator[Stage]:
    """A fleet on these servers. The exporter and the door reach them by wires."""
    with ExitStack() as stack:
        database_wire, wired_database = stack.enter_context(wire_to(database_url))
        redis_wire, wired_redis = stack.enter_context(wire_to(redis_url))
        sessions = stack.enter_context(open_books(database_url))
        settings = settings_for(
            wired_database,
            wired_redis,
            ligdicash_rate=0.1,  # so that a budget that is used up stays so for as long as somebody looks
            notice_url="http://127.0.0.1:1/notices",
            notice_secret="whsec_" + "A" * 43 + "=",
            notice_allow_private=True,
            spool_dir=folder / "none",
        )
        desk = new_desk(settings)
        fakes = Fakes()
        worker = new_registry(Process.WORKER)
        tools = replace(
            toolbox(sessions, fakes, meter=PrometheusMeter(worker), approval_above=1000, merchant=fakes.merchant),
            signs=desk.tools.signs,
        )
        app = make_app(settings)
        provide_tools(app, lambda: tools)
        spool = folder / "spool"

        def new_door():
            return stack.enter_context(
                open_door(database_url, writing_url=wired_database, spool_dir=spool, spool_max_mb=1)
            )

        door = new_door()
        anew = Anew(desk)
        exporter = new_registry(Process.EXPORTER)
        exporter.register(anew)
        registries = dict(zip(JOBS, (registry_of(door.app), worker, new_registry(Process.BEAT), exporter), strict=True))
        client = stack.enter_context(redis.Redis.from_url(redis_url))
        stage = Stage(
            sessions=sessions,
            fakes=fakes,
            tools=tools,
            app=app,
            desk=desk,
            redis=client,
            database_wire=database_wire,
            redis_wire=redis_wire,
            spool=spool,
            open_door=new_door,
            exporter=anew,
            door=door,
            registries=registries,
        )
        for job in JOBS:
            stage.start(job)
        yield stage
        for job in list(stage.listeners):
            stage.stop(job)
