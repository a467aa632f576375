"""The app of a server process: the HTTP door, and the console above it. `uvicorn --factory worker.server:create_app`.

`worker.web:create_app` is the same without the console. What the console needs is loaded only where it is switched on.
"""

from __future__ import annotations

from http import HTTPStatus

import structlog
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from config.settings import Settings
from tasks.toolbox import Toolbox
from worker.web import app_of_process
from worker.web.errors import problem

log = structlog.get_logger()

CONSOLE = "/console"
OFF = "the console is off here: CONSOLE_USERS is empty; docs/console.md says how to switch it on"


def create_app() -> FastAPI:
    """Everything, from the environment. Faulty settings end the process with one line each."""
    return app_of_process(with_console)


def with_console(app: FastAPI, settings: Settings, tools: Toolbox) -> None:
    """Put the console into this app, or a 404 that says why there is none."""
    if settings.console_people:
        from worker.console import add_console

        add_console(app, settings, tools)
        return
    log.info("console_off", why="CONSOLE_USERS is empty")
    app.router.routes.extend([Route(CONSOLE, _off), Route(CONSOLE + "/{rest:path}", _off)])


async def _off(request: Request) -> Response:
    return problem(request, HTTPStatus.NOT_FOUND, OFF)
