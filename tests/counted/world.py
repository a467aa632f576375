"""The real jobs on real servers, in this process, one step after the other, so that every run does the very same work.

The gateway is a fake that says "completed". Questions run one after the other, so that they come back as one handful.
Messages are taken off their lists by hand and worked in the order of the queues: what a worker spends on fetching and
acknowledging a message is not counted.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from config.celery_settings import CALLBACKS, CONTROL, FRESH, NOTICES, RECHECK, SWEEP
from config.settings import CALLBACK_PATH
from models.account import DEFAULT
from models.session import Sessions
from tasks.job import provide_tools, tools_of
from tests.counted.counts import Counts
from tests.counted.meter import Meter
from tests.fakes import AtOnce, FakeAccounts, FakeGateway, completed, settings_for
from tests.ledger import add_pending, claim, empty
from tests.servers import make_patient
from worker.app import make_app
from worker.bootstrap import build_toolbox
from worker.web import build_app, for_writing

QUEUES = (CALLBACKS, FRESH, RECHECK, NOTICES, CONTROL)


class World:
    """One installation with everything real but the gateway, and a meter on it."""

    def __init__(self, database_url: str, valkey_url: str, *, folder: Path) -> None:
        self._settings = settings_for(
            database_url, valkey_url, ligdicash_rate=100_000, spool_dir=folder / "spool", sweep_batch=200
        )
        self.gateway = FakeGateway()
        self._valkey = redis.Redis.from_url(valkey_url)
        self._valkey.flushall()
        self._app: Celery = make_app(self._settings)
        self._app.loader.import_default_modules()
        tools = build_toolbox(self._settings, self._app)
        own = FakeAccounts(replace(tools.account(DEFAULT), gateway=self.gateway))
        tools = replace(tools, accounts=own, asking=AtOnce(), draw=lambda: 0.0)
        provide_tools(self._app, lambda: tools)
        self._writing = for_writing(self._settings)
        self._engines = [self.sessions.kw["bind"], self._writing.kw["bind"]]
        for engine in self._engines:
            make_patient(engine)
        self._meter = Meter(self._engines, valkey_url, folder=folder)
        self._messages: Counter[str] = Counter()
        self._message_bytes = 0

    def close(self) -> None:
        """Let go of all servers."""
        for engine in self._engines:
            engine.dispose()
        self._meter.close()
        self._valkey.close()
        self._app.close()

    @property
    def sessions(self) -> Sessions:
        """The books."""
        return tools_of(self._app).sessions

    def begin(self) -> None:
        """Empty books."""
        empty(self.sessions)

    def begin_counting(self) -> None:
        """Forget what was counted so far."""
        self._meter.reset()
        self.gateway.asked.clear()
        self._messages.clear()
        self._message_bytes = 0

    def counts(self) -> Counts:
        """All that was counted since the beginning."""
        return self._meter.counts(
            messages=dict(self._messages), message_bytes=self._message_bytes, questions=len(self.gateway.asked)
        )

    def add_paid(self, count: int, *, due_in: float = 60) -> list[str]:
        """Invoices that their customers have paid; we have not heard of it yet. Their transaction ids."""
        add_pending(self.sessions, count, due_in=due_in)
        names = [f"ORD-{number}" for number in range(1, count + 1)]
        for name in names:
            self.gateway.says(f"token-of-{name}", completed(5000, name))
        return names

    def let_callbacks_come(self, *transaction_ids: str) -> None:
        """Through the door, all at the same moment; and then the work that they make, to its end."""
        with self._meter.counting():
            asyncio.run(self._knock([claim(name) for name in transaction_ids]))
        self.work()

    def let_beat_ring(self) -> None:
        """One sweep. What it rings for is left alone."""
        with self._meter.counting():
            self._app.tasks[SWEEP]()
        self._take_messages()

    def work(self) -> None:
        """Work all messages, and those that come of it."""
        while messages := self._take_messages():
            for task, args in messages:
                with self._meter.counting():
                    self._app.tasks[task](*args)

    async def _knock(self, bodies: Sequence[bytes]) -> None:
        """The writer begins when all requests wait for it: then they are one batch. At its end the door has rung for all."""
        door = build_app(self._settings, tools_of(self._app), writing=self._writing)
        requests = [asyncio.create_task(post(door, body)) for body in bodies]
        while door.state.writer.waiting < len(bodies) and not any(r.done() for r in requests):  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0)  # they take a few turns of this loop; one that is done now was refused
        async with door.router.lifespan_context(door):
            assert await asyncio.gather(*requests) == [200] * len(bodies)

    def _take_messages(self) -> list[tuple[str, list[Any]]]:
        """Task and arguments of each message that waits; they are counted, and gone."""
        taken = []
        for queue in QUEUES:
            for raw in reversed(self._valkey.lrange(f"reconciler:{queue}", 0, -1)):
                message = json.loads(raw)
                self._messages[queue] += 1
                self._message_bytes += len(raw) - len(
                    message["headers"]["origin"]
                )  # a process id and this machine's name
                taken.append((message["headers"]["task"], json.loads(base64.b64decode(message["body"]))[0]))
            self._valkey.delete(f"reconciler:{queue}")
        return taken


async def post(door: Any, body: bytes) -> int:
    """One request to the callback route, without a server around it; the status of its answer."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": CALLBACK_PATH,
        "raw_path": CALLBACK_PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())],
        "client": ("203.0.113.7", 40_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    heard: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            heard.append(message["status"])

    await door(scope, receive, send)
    return heard[0]
