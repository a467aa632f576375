"""Runs the application under uvicorn: as a process of its own, or in a thread of a test."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from models.errors import SettingsFault
from worker.ligdicash.simulator.app import create_app
from worker.ligdicash.simulator.books import Books
from worker.ligdicash.simulator.gateway import Gateway
from worker.ligdicash.simulator.options import API_KEY, API_TOKEN, Options, refuse_production
from worker.ligdicash.simulator.statefile import write_atomically

START_WITHIN = 10.0


class _Severable(H11Protocol):
    """Lets the application reach its connection, so that it can cut it without a reply."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app_state = {**self.app_state, "connection": self}


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, gateway: Gateway, *, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            create_app(gateway),
            http=_Severable,
            ws="none",
            lifespan="on",
            log_config=None,  # in a test the process has its own logging; on its own, warnings reach stderr anyway
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=1,  # a reply held back by a fault must not hold up the end
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._on_ready()


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator:
    """A handle to a running simulator in this process. `api_key` and `api_token` are a pair it accepts."""

    base_url: str
    gateway: Gateway
    api_key: str = API_KEY
    api_token: str = API_TOKEN

    @property
    def books(self) -> Books:
        """What the gateway knows."""
        return self.gateway.books


def serve(options: Options) -> None:
    """Run until SIGINT or SIGTERM. Raises `SettingsFault` where it must not or cannot run."""
    refuse_production(os.environ)
    gateway = Gateway(options)
    gateway.load()
    with _listening(options) as (listener, base_url):

        def announce() -> None:
            if options.port_file:
                write_atomically(options.port_file, f"{listener.getsockname()[1]}\n".encode())
            sys.stdout.write(f"LigdiCash simulator at {base_url}\n")
            sys.stdout.flush()

        with contextlib.suppress(KeyboardInterrupt):
            _Server(gateway, on_ready=announce).run(sockets=[listener])


@contextlib.contextmanager
def running_simulator(options: Options | None = None) -> Iterator[Simulator]:
    """A simulator in a thread, on a free port unless the options name one; stopped when the block ends."""
    chosen = options or Options()
    gateway = Gateway(chosen)
    gateway.load()
    ready = threading.Event()
    with _listening(chosen) as (listener, base_url):
        server = _Server(gateway, on_ready=ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        thread.start()
        try:
            if not ready.wait(START_WITHIN):
                raise SettingsFault("the simulator did not start")
            yield Simulator(base_url=base_url, gateway=gateway)
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def _listening(options: Options) -> Iterator[tuple[socket.socket, str]]:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # Naming TCP matters: asyncio sets TCP_NODELAY only where it is named, and without it each reply takes 40 ms longer.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((options.host, options.port))
        except OSError as exc:
            raise SettingsFault(f"cannot listen on {options.host} port {options.port}: {exc.strerror}") from exc
        host = f"[{options.host}]" if family is socket.AF_INET6 else options.host
        yield listener, f"http://{host}:{listener.getsockname()[1]}"
