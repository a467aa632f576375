"""The HTTP door on a real server in a thread, on real tables and stand-ins for everything else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryDirectory

import requests
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from models.callback import Callback
from models.session import Sessions, make_sessions
from models.transaction import Invoice
from tasks.toolbox import Gateway
from tests.fakes import API_KEY, FakeAccounts, Fakes, settings_for, toolbox
from tests.servers import PATIENCE, patient_engine
from worker.web import build_app
from worker.web.quick import QuickProtocol

NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"


def until(is_so: Callable[[], object], *, within: float = PATIENCE) -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.01)


@contextmanager
def sessions_on(url: str) -> Iterator[Sessions]:
    """Sessions on an engine that is closed afterwards."""
    engine = patient_engine(url)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """Serve the app on a free port; its address."""
    config = uvicorn.Config(
        app,
        http=QuickProtocol,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_keep_alive=PATIENCE,  # it must not hang up just when a slow test sends its next request
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive(), "the server did not stop"


@dataclass
class Door:
    """A running door and what is behind it."""

    url: str
    app: FastAPI
    fakes: Fakes
    sessions: Sessions
    http: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, **more) -> requests.Response:
        return self.http.request(method, self.url + path, timeout=PATIENCE, **more)

    def v1(self, method: str, path: str = "", *, key: str = API_KEY, **more) -> requests.Response:
        """A call to the invoice routes, with the right key unless told otherwise."""
        return self.call(method, f"/v1/invoices{path}", headers={"Authorization": f"Bearer {key}"}, **more)

    def callbacks(self) -> list[Callback]:
        with self.sessions() as session:
            return list(session.scalars(select(Callback).order_by(Callback.id)))

    def invoices(self) -> list[Invoice]:
        with self.sessions() as session:
            return list(session.scalars(select(Invoice).order_by(Invoice.id)))


@contextmanager
def open_door(
    database_url: str,
    *,
    writing_url: str = "",
    fakes: Fakes | None = None,
    accounts: FakeAccounts | None = None,
    gateway: Gateway | None = None,
    patience: float = PATIENCE,
    **settings,
) -> Iterator[Door]:
    """A door on this database; `writing_url` may send its callbacks elsewhere, say into nowhere, `gateway` be a real one.

    Its spool is gone with it, unless `spool_dir` says where it lies. A callback is spooled when the database does not take it
    within `patience` seconds: that it should be for the database alone, and not for how busy the machine is.
    """
    fakes = fakes or Fakes()
    with (
        TemporaryDirectory() as folder,
        sessions_on(database_url) as sessions,
        sessions_on(writing_url or database_url) as writing,
    ):
        known = settings_for(database_url, **({"spool_dir": folder} | settings))
        own = {"operators": known.operator_ids, "gateway": gateway or fakes.gateway}
        behind = {"accounts": accounts} if accounts else own
        tools = toolbox(sessions, fakes, approval_above=known.payout_approval_above, **behind)
        app = build_app(known, tools, writing=writing)
        app.state.writer._room._patience = patience
        with serving(app) as url, requests.Session() as http:
            http.trust_env = False
            yield Door(url=url, app=app, fakes=fakes, sessions=sessions, http=http)
