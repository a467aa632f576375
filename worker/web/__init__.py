"""The HTTP door: callbacks in, invoices and payouts in, probes. `worker.server` starts it, with the console above it.

Only wiring stands here; the rooms behind the door are its neighbours in this folder.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CollectorRegistry
from redis import Redis
from redis.exceptions import RedisError

from config.logs import set_up_logs
from config.settings import CALLBACK_PATH, Settings
from models.errors import SettingsFault
from models.session import Sessions, make_engine, make_sessions
from tasks.job import tools_of
from tasks.toolbox import Toolbox
from worker.app import make_app
from worker.bootstrap import settings_or_fault
from worker.locks import connect
from worker.metrics.door import DoorMeter
from worker.metrics.metric import Process
from worker.metrics.serve import new_registry, serve
from worker.web.account_door import ACCOUNT_PATH, AccountDoor, documented_for_account
from worker.web.callback import DOCUMENTED, CallbackDoor
from worker.web.docs import docs_route
from worker.web.door_state import DoorState
from worker.web.drainer import Drainer
from worker.web.errors import speak_plainly
from worker.web.event_api import event_routes
from worker.web.health import Finding, Health, look_at_database, look_at_spool
from worker.web.invoice_api import invoice_routes
from worker.web.invoice_examples import more_schemas
from worker.web.payout_api import payout_routes
from worker.web.payout_examples import payout_schemas
from worker.web.ringer import Ringer
from worker.web.spool import Spool
from worker.web.wallet_api import wallet_routes
from worker.web.writer import Writer

log = structlog.get_logger()

DESCRIPTION = f"""Takes in LigdiCash's callbacks, and creates the invoices and payouts for them to be about.

* `POST {CALLBACK_PATH}` is for the gateway: it stores what comes and answers `{{"ok": true}}` once that is durable. Further
  accounts have addresses of their own, with their name behind it.
* `/v1/invoices`, `/v1/wallet-otps`, `/v1/payouts` and `/v1/events` are for your application, with
  `Authorization: Bearer <RECONCILER_API_KEY>`.
* Every refusal is `{{"error": "one sentence"}}`, some with more fields beside it.
"""


Furnish = Callable[[FastAPI, Settings, Toolbox], object]
"""Adds rooms of the floors above to the app of a server process."""


def create_app() -> FastAPI:
    """The door alone, without the console: see `worker.server`."""
    return app_of_process()


def app_of_process(furnish: Furnish | None = None) -> FastAPI:
    """The app of a server process, from the environment. Faulty settings end the process with one line each."""
    try:
        settings = settings_or_fault()
        set_up_logs(settings)
        _quiet_server()
        tools = tools_of(make_app(settings))
        app = build_app(settings, tools, writing=for_writing(settings))
        serve(registry_of(app), settings)
        if furnish is not None:
            furnish(app, settings, tools)
    except SettingsFault as exc:
        raise SystemExit(f"reconciler cannot start, fix these settings:\n{exc}") from None
    # What is here by now stays for good. The garbage collector would look through all of it every now and then: a tenth of a
    # second in which no request is answered.
    gc.collect()
    gc.freeze()
    return app


def registry_of(app: FastAPI) -> CollectorRegistry:
    """What this door tells of itself at /metrics."""
    registry = new_registry(Process.WEB)
    for part in app.state.metrics:
        registry.register(part)
    return registry


def for_writing(settings: Settings) -> Sessions:
    """Connections of the writer's and the drainer's own: receiving must not queue behind /v1 for one."""
    return make_sessions(make_engine(settings.database_url.get_secret_value(), pool_size=2))


def build_app(settings: Settings, tools: Toolbox, *, writing: Sessions | None = None) -> FastAPI:
    """The app on these tools; callbacks are stored through `writing`, which is the tools' own sessions by default.

    Raises `SettingsFault` when the spool cannot be used: that must not be found out when it is needed.
    """
    spool = Spool(settings.spool_dir, max_mb=settings.spool_max_mb)
    spool.prepare()
    ringer = Ringer(tools.queue.read_soon)
    sessions = writing or tools.sessions
    meter = DoorMeter()
    writer = Writer(sessions, spool, ring=ringer.ring, meter=meter)
    drainer = Drainer(spool, sessions, ring=ringer.ring, database_is_back=writer.database_is_back, meter=meter)
    callbacks = CallbackDoor(writer, lambda: tools.accounts.names)
    app = FastAPI(
        title="LigdiCash reconciler",
        description=DESCRIPTION,
        version="1",
        lifespan=_life_of(writer, drainer, ringer, spool=spool, callbacks=callbacks),
        redirect_slashes=False,
        docs_url=None,  # the framework's pages load scripts from other hosts; ours is docs_route
        redoc_url=None,
    )
    speak_plainly(app)
    app.router.routes.extend(callbacks.routes())
    app.router.routes.extend(AccountDoor(callbacks, lambda: tools.accounts.names).routes())
    app.router.routes.extend(_health(settings, writer=writer, drainer=drainer, spool=spool).routes())
    app.include_router(invoice_routes(tools, api_key=settings.reconciler_api_key.get_secret_value()))
    app.include_router(wallet_routes(tools, api_key=settings.reconciler_api_key.get_secret_value()))
    app.include_router(payout_routes(tools, api_key=settings.reconciler_api_key.get_secret_value()))
    app.include_router(event_routes(tools, api_key=settings.reconciler_api_key.get_secret_value()))
    document = partial(_openapi, app)
    app.openapi = document  # type: ignore[method-assign]  # the documented way to add to it
    app.router.routes.append(docs_route(document))
    app.state.writer = writer
    app.state.meter = meter
    app.state.metrics = (meter, DoorState(writer, drainer, spool))
    return app


def _life_of(
    writer: Writer, drainer: Drainer, ringer: Ringer, *, spool: Spool, callbacks: CallbackDoor
) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[dict[str, CallbackDoor]]:
        ringer.start()
        writer.start()
        drainer.start()
        try:
            yield {"callbacks": callbacks}  # the server's connections find it there
        finally:
            # In this order: the last commits still ring. Off the loop, which has their answers to release.
            await asyncio.to_thread(writer.stop)
            await asyncio.to_thread(drainer.stop)
            await asyncio.to_thread(spool.seal)
            await asyncio.to_thread(ringer.stop)

    return life


def _health(settings: Settings, *, writer: Writer, drainer: Drainer, spool: Spool) -> Health:
    url = settings.database_url.get_secret_value()
    client = connect(settings.redis_url.get_secret_value())
    return Health(
        writer,
        drainer,
        database=lambda: look_at_database(url),
        spool=lambda: look_at_spool(spool),
        redis=lambda: _look_at_redis(client),
    )


def _look_at_redis(client: Redis) -> Finding:
    try:
        client.ping()
    except RedisError as exc:
        return Finding(ok=False, detail=f"away ({type(exc).__name__}); receiving and settling go on without it")
    return Finding(ok=True)


def _quiet_server() -> None:
    """The web server's lines go where ours go, and it writes none per request: each refusal has one of ours."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = name != "uvicorn.access"


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schema.setdefault("components", {}).setdefault("schemas", {}).update(more_schemas() | payout_schemas())
        schema["paths"][CALLBACK_PATH] = DOCUMENTED
        schema["paths"][ACCOUNT_PATH] = documented_for_account()
        app.openapi_schema = schema
    return app.openapi_schema
