"""/healthz and /readyz: whether this process lives, and whether it should be sent requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from http import HTTPStatus

import structlog
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models import migrate
from models.errors import ReconcilerError
from worker.web.writer import Writer

log = structlog.get_logger()

FRESH_FOR = 3.0
"""Seconds a finding is told again before anybody looks anew."""

LOOK_WITHIN = 6.0
"""Seconds one look may take before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    ok: bool
    detail: str = ""


class Outside:
    """Something outside this process, looked at now and then. Any number of probes cause one look at a time."""

    def __init__(self, look: Callable[[], Finding]) -> None:
        """`look` may block; it runs on a thread and must not raise."""
        self._look = look
        self._looking: asyncio.Future[Finding] | None = None
        self._found: Finding | None = None
        self._found_at = 0.0

    async def finding(self) -> Finding:
        """The last finding while it is fresh, else a new one."""
        if self._found is not None and time.monotonic() - self._found_at < FRESH_FOR:
            return self._found
        if self._looking is None:
            self._looking = asyncio.get_running_loop().run_in_executor(None, self._look)
            self._looking.add_done_callback(self._keep)
        try:
            return await asyncio.wait_for(asyncio.shield(self._looking), LOOK_WITHIN)
        except TimeoutError:
            return Finding(ok=False, detail=f"no answer within {LOOK_WITHIN:g} seconds")

    def _keep(self, done: asyncio.Future[Finding]) -> None:
        self._looking = None
        if not done.cancelled() and done.exception() is None:
            self._found, self._found_at = done.result(), time.monotonic()


class Health:
    """The two probes. Redis is told of and never counts: callbacks are received and settled without it."""

    def __init__(self, writer: Writer, *, database: Callable[[], Finding], redis: Callable[[], Finding]) -> None:
        self._writer = writer
        self._database = Outside(database)
        self._redis = Outside(redis)

    def routes(self) -> list[Route]:
        """Both routes, open to anyone: they tell no secrets."""
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, request: Request) -> Response:
        """The process answers: that is all."""
        del request
        return JSONResponse({"ok": True})

    async def ready(self, request: Request) -> Response:
        """Whether a callback sent here now would be stored."""
        del request
        database, redis = await asyncio.gather(self._database.finding(), self._redis.finding())
        checks = {"database": database, "writer": self._writer_finding(), "redis": redis}
        missing = [name for name in ("database", "writer") if not checks[name].ok]
        told = {name: asdict(finding) for name, finding in checks.items()}
        if not missing:
            return JSONResponse({"ready": True, "checks": told})
        log.warning("not_ready", missing=missing)
        sentence = f"not ready: {', '.join(f'{name} ({checks[name].detail})' for name in missing)}"
        return JSONResponse({"error": sentence, "ready": False, "checks": told}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _writer_finding(self) -> Finding:
        if not self._writer.is_alive:
            return Finding(ok=False, detail="its thread is not running")
        return Finding(ok=self._writer.has_room, detail=f"{self._writer.waiting} wait to be stored")


def look_at_database(url: str) -> Finding:
    """Reachable, and migrated at least as far as this code needs."""
    try:
        missing = migrate.pending(url)
    except (CommandError, RevisionError):  # a revision this code does not know: a newer release runs beside this one
        return Finding(ok=True, detail="migrated further than this version knows")
    except ReconcilerError as exc:
        return Finding(ok=False, detail=str(exc))
    except SQLAlchemyError as exc:
        return Finding(ok=False, detail=f"cannot be asked ({type(exc).__name__})")
    if missing:
        return Finding(ok=False, detail=f"lacks the migrations {', '.join(missing)}; run `reconciler migrate`")
    return Finding(ok=True)
