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
from worker.web.drainer import Drainer
from worker.web.spool import Spool
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolFinding(Finding):
    """What lies in the spool's folder, of all doors that share it. `ok` while there is room."""

    waiting: int = 0
    """Callbacks that are not in the database yet."""
    bytes: int = 0
    limit: int = 0
    """Bytes past which nothing more is taken."""
    oldest: float = 0.0
    """Seconds since the oldest file was begun that is not drained yet."""
    apart: int = 0
    """Files with what could not be read or stored."""


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
    """The two probes. Redis is told of and never counts: callbacks are received and settled without it.

    Nor does the database count by itself: while the spool has room the door takes callbacks, which nobody sends twice.
    """

    def __init__(
        self,
        writer: Writer,
        drainer: Drainer,
        *,
        database: Callable[[], Finding],
        spool: Callable[[], Finding],
        redis: Callable[[], Finding],
    ) -> None:
        self._writer = writer
        self._drainer = drainer
        self._database = Outside(database)
        self._spool = Outside(spool)
        self._redis = Outside(redis)

    def routes(self) -> list[Route]:
        """Both routes, open to anyone: they tell no secrets."""
        return [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, request: Request) -> Response:
        """The process answers: that is all."""
        del request
        return JSONResponse({"ok": True})

    async def ready(self, request: Request) -> Response:
        """Whether a callback sent here now would be taken."""
        del request
        outside = (self._database.finding(), self._spool.finding(), self._redis.finding())
        database, spool, redis = await asyncio.gather(*outside)
        checks = {"database": database, "writer": self._writer_finding(), "spool": spool, "redis": redis}
        can_store = database.ok and not self._writer.is_spooling  # it may answer, and take nothing
        needed = ["writer"] if spool.ok or can_store else ["database", "spool", "writer"]
        missing = [name for name in needed if not checks[name].ok]
        told = {name: asdict(finding) for name, finding in checks.items()}
        if not missing:
            return JSONResponse({"ready": True, "checks": told})
        log.warning("not_ready", missing=missing)
        sentence = f"not ready: {', '.join(f'{name} ({checks[name].detail})' for name in missing)}"
        return JSONResponse({"error": sentence, "ready": False, "checks": told}, HTTPStatus.SERVICE_UNAVAILABLE)

    def _writer_finding(self) -> Finding:
        if not self._writer.is_alive or not self._drainer.is_alive:
            return Finding(ok=False, detail="not all of its threads run")
        where = "; the database is away, callbacks go to the spool" if self._writer.is_spooling else ""
        return Finding(ok=self._writer.has_room, detail=f"{self._writer.waiting} wait to be stored{where}")


def look_at_spool(spool: Spool) -> Finding:
    """How much lies in the spool, whether there is room, and whether somebody must look at something."""
    try:
        state = spool.look()
    except OSError as exc:
        return SpoolFinding(ok=False, detail=f"cannot be looked at ({exc.strerror})", limit=spool.limit)
    has_room = state.bytes < spool.limit
    told = [] if has_room else ["full"]
    if state.apart:
        told.append(f"files kept apart for a person: {state.apart}")
    return SpoolFinding(ok=has_room, detail="; ".join(told), limit=spool.limit, **asdict(state))


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
