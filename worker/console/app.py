"""The console as an app of its own below the door's: who may come in, on which thread, and what they see when it goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from redis import Redis
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, NoMatchFound, Route
from starlette.types import Receive, Scope, Send

from config.people import known_people
from config.settings import Environment, Settings, people_file
from models.errors import Unreadable
from models.session import make_engine, make_sessions
from tasks.toolbox import Toolbox
from worker.console.attempts import Attempts
from worker.console.forms import FORM, Fields, read_fields
from worker.console.gate import Gate, cookie_name, inside
from worker.console.headers import FOR_A_YEAR, Guarded
from worker.console.origin import is_from_elsewhere, is_of_this_site, says_nothing
from worker.console.reception import Reception
from worker.console.rendering import STATIC, Renderer
from worker.console.rooms import Action, Page, all_rooms
from worker.console.sign_ins import SignIns
from worker.console.visit import ROOT, Ask
from worker.console.watchtower import Watchtower
from worker.language import languages, speaking_here
from worker.locks import connect
from worker.web.body import read_body
from worker.web.speech import language_of

log = structlog.get_logger()

READ_WITHIN = 5.0
"""Seconds one statement of a page may take. The door's own may take longer, for nobody waits in front of them."""

REDIS_WITHIN = 0.5
"""Seconds Redis has to say who is signed in. To sign in asks it five times: whoever comes to see why it hangs must not wait for it."""

THREADS = 4
"""Requests that are worked on at once; as many connections to PostgreSQL."""

MOST_WAITING, MOST_SIGNING_IN = 40, 8
"""Requests, and sign-ins, that one process has under way; more are asked to come again."""

LANGUAGE_COOKIE = "console-language"
A_YEAR = 365 * 86_400


def add_console(app: FastAPI, settings: Settings, tools: Toolbox) -> None:
    """Put the console into this app, for as long as that lives. Opens no connection yet."""
    redis = connect(settings.redis_url.get_secret_value(), within=REDIS_WITHIN)
    # A few connections of the console's own: a page that reads long must not keep callbacks waiting for one.
    engine = make_engine(settings.database_url.get_secret_value(), pool_size=THREADS, statement_within=READ_WITHIN)
    console = Console(settings, replace(tools, sessions=make_sessions(engine)), redis)
    app.router.routes.append(Below(ROOT, console.app))
    life_so_far = app.router.lifespan_context

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[Any]:
        async with life_so_far(_app) as state:
            yield state
        console.close()
        engine.dispose()
        redis.close()

    app.router.lifespan_context = life


class Below(BaseRoute):
    """An app at a path and all below it, which sees whole paths. Starlette's own mount does not take the path itself."""

    def __init__(self, path: str, app: Guarded) -> None:
        self._path = path
        self._app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether this request is the app's."""
        path = scope["path"]
        is_below = scope["type"] == "http" and (path == self._path or path.startswith(f"{self._path}/"))
        return (Match.FULL if is_below else Match.NONE), {}

    def url_path_for(self, name: str, /, **path_params: object) -> None:  # type: ignore[override]
        """Nothing is looked up by name here."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        await self._app(scope, receive, send)


class Console:
    """All of it, on these tools. `app` is what a server serves."""

    def __init__(self, settings: Settings, tools: Toolbox, redis: Redis) -> None:
        people = known_people(settings, file=people_file())
        sign_ins = SignIns(redis, people.now)
        self._gate = Gate(people.now, sign_ins=sign_ins, attempts=Attempts(redis))
        watchtower = Watchtower(settings, tools, people)
        self._reception = Reception(settings, tools, sign_ins=sign_ins, renderer=Renderer(), look=watchtower.look)
        self._may_be_plain = settings.environment is Environment.DEVELOPMENT
        self._pages = Crew(THREADS, most=MOST_WAITING, name="console")
        # One thread: sign-ins cost much of a core, and that is all they may ever have.
        self._signing = Crew(1, most=MOST_SIGNING_IN, name="console-sign-in")
        inner = Starlette(
            routes=self._routes(), exception_handlers={HTTPException: self._refused, Exception: self._surprised}
        )
        inner.router.redirect_slashes = False
        self.app = Guarded(inner)

    def close(self) -> None:
        """Take nothing more; what is under way ends by the time limits of its statements."""
        self._pages.close()
        self._signing.close()

    def _routes(self) -> list[Route]:
        rooms = [each for room in all_rooms() for each in room]
        return [
            Route(f"{ROOT}/static/console.css", _stylesheet),
            Route(f"{ROOT}/login", self._gate_page),
            Route(f"{ROOT}/login", self._enter, methods=["POST"]),
            Route(f"{ROOT}/logout", self._leave, methods=["POST"]),
            Route(f"{ROOT}/language", self._speak, methods=["POST"]),
            *(self._route(each) for each in rooms),
            Route(ROOT + "/{rest:path}", partial(self._visit, self._reception.nowhere), methods=["GET", "POST"]),
        ]

    def _route(self, each: Page | Action) -> Route:
        path = ROOT + ("" if each.path == "/" else each.path)
        method = "POST" if isinstance(each, Action) else "GET"
        return Route(path, _endpoint(partial(self._visit, each.handler)), methods=[method])

    async def _visit(self, handler: Callable[..., Response], request: Request) -> Response:
        """One of the rooms, for those who are signed in."""
        ask = await self._ask(request)
        if request.method == "GET" and not ask.sign_in_id and is_from_elsewhere(request):
            return await self._pages.do(partial(self._reception.come_again, ask))
        return await self._pages.do(partial(self._reception.visit, handler, ask, dict(request.path_params)))

    async def _gate_page(self, request: Request) -> Response:
        return await self._pages.do(partial(self._reception.gate_page, await self._ask(request)))

    async def _enter(self, request: Request) -> Response:
        return await self._signing.do(partial(self._reception.enter, self._gate, await self._ask(request)))

    async def _leave(self, request: Request) -> Response:
        return await self._pages.do(partial(self._reception.leave, self._gate, await self._ask(request)))

    async def _speak(self, request: Request) -> Response:
        ask = await self._ask(request)
        answer = RedirectResponse(inside(ask.form.one("next")), HTTPStatus.SEE_OTHER)
        wanted = ask.form.one("language")
        if wanted in languages():
            answer.set_cookie(
                LANGUAGE_COOKIE, wanted, max_age=A_YEAR, path=ROOT, secure=ask.is_secure, httponly=True, samesite="lax"
            )
        return answer

    async def _ask(self, request: Request) -> Ask:
        """What is asked for. Raises `HTTPException` for a form of another site, or one that is too long."""
        form = Fields()
        if request.method == "POST":
            if not is_of_this_site(request):
                log.warning("console_foreign_form", path=request.url.path[:200], origin=request.headers.get("Origin"))
                raise HTTPException(HTTPStatus.FORBIDDEN)
            form = _fields(await read_body(request.scope, request.receive, media_types=(FORM,)))
        is_secure = not (self._may_be_plain and request.url.scheme == "http")
        query = request.url.query
        return Ask(
            method=request.method,
            path=request.url.path + (f"?{query}" if query else ""),
            query=_fields(query),
            form=form,
            language=_language(request),
            address=request.client.host if request.client else "",
            sign_in_id=request.cookies.get(cookie_name(is_secure=is_secure), ""),
            is_secure=is_secure,
            is_bare=is_secure and request.url.scheme == "http" and says_nothing(request),
        )

    async def _refused(self, request: Request, exc: Exception) -> Response:
        if not isinstance(exc, HTTPException):
            raise exc
        with speaking_here(_language(request)):
            return self._reception.refused(_language(request), HTTPStatus(exc.status_code), headers=exc.headers)

    async def _surprised(self, request: Request, exc: Exception) -> Response:
        """A bug of ours, before the page was begun. The web server logs its traceback."""
        del exc
        return await self._refused(request, HTTPException(HTTPStatus.INTERNAL_SERVER_ERROR))


class Crew:
    """A few threads, and an end to how much waits for them."""

    def __init__(self, threads: int, *, most: int, name: str) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = most
        self._under_way = 0

    async def do(self, work: Callable[[], Response]) -> Response:
        """Have it done off the loop. Raises `HTTPException` 503 when too much waits already."""
        if self._under_way >= self._most:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": "5"})
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1

    def close(self) -> None:
        """Take nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _endpoint(serve: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """As a function: Starlette takes other callables for apps."""

    async def endpoint(request: Request) -> Response:
        return await serve(request)

    return endpoint


async def _stylesheet(request: Request) -> Response:
    request.state.caching = FOR_A_YEAR
    return FileResponse(STATIC / "console.css", media_type="text/css")


def _fields(text: bytes | str) -> Fields:
    try:
        return read_fields(text)
    except Unreadable as exc:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from exc


def _language(request: Request) -> str:
    """The one that was chosen here, else what the browser asks for."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in languages() else language_of(request)
