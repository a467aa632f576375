"""The whole deployed shape on this machine: servers, migrations, simulator, HTTP door, worker and beat as processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGKILL, Signals
from typing import Self

from config.settings import CALLBACK_PATH
from models.errors import NeedsHuman
from worker.embedded.child import Child, Event
from worker.embedded.environment import (
    PERSON,
    complete,
    given,
    http_address,
    let_in,
    refuse_play_in_real_books,
    web_host,
    web_port,
)
from worker.embedded.folder import LOOPBACK, DataFolder
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.programs import Programs, Setup, deployed
from worker.embedded.supervisor import Supervisor
from worker.embedded.valkey import EmbeddedValkey
from worker.embedded.wheels import SHARED
from worker.language import _

MIGRATE_WITHIN = 120.0
"""Seconds the migrations may take."""

Progress = Callable[[str], None]


class Shape:
    """Starts everything over one data folder and stops it again; a second start finds the data.

    `settings_env` is the user's environment; its settings win. With DATABASE_URL, REDIS_URL or LIGDICASH_BASE_URL in it
    the embedded PostgreSQL, Valkey or simulator is not started, nor looked for. `console` lets one person into the console,
    unless the settings name others. Making a Shape does nothing yet.
    """

    def __init__(  # noqa: PLR0913 - each is a choice of its own
        self,
        data_dir: Path,
        *,
        settings_env: Mapping[str, str],
        simulator: bool = True,
        simulator_options: tuple[str, ...] = (),
        pool: str = "prefork",
        concurrency: int = 2,
        console: bool = False,
        programs: Callable[[Setup], Programs] = deployed,
        shared: Path = SHARED,
    ) -> None:
        self._folder = DataFolder(data_dir)
        self._env = dict(settings_env)
        self._simulated = simulator and not given(self._env, "LIGDICASH_BASE_URL")
        self._simulator_options = simulator_options
        self._pool = pool
        self._concurrency = concurrency
        self._console = console and not given(self._env, "CONSOLE_USERS")
        self._programs = programs
        self._shared = shared
        self._supervisor = Supervisor(self._folder.logs)
        self._setup: Setup | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, on_progress: Progress) -> None:
        """Start everything and return when it is ready; on any trouble, Ctrl-C included, stop what was started.

        Raises `SettingsFault` for what the user must set or install, `NeedsHuman` with log lines for what failed.
        """
        if self._simulated:
            refuse_play_in_real_books(self._env)
        self._folder.open()
        try:
            self._start(on_progress)
        except BaseException:
            self.stop()
            raise

    def _start(self, say: Progress) -> None:
        servers, found = self._servers(say)
        setup = self._setup = self._settle(found)
        if servers:
            self._supervisor.start(*servers)
            say(_("servers are ready: {names}").format(names=", ".join(child.name for child in servers)))
        programs = self._programs(setup)
        self._supervisor.run(programs.migrate, within=MIGRATE_WITHIN)
        say(_("the database is up to date"))
        self._supervisor.start(*programs.children)
        say(_("programs are ready: {names}").format(names=", ".join(child.name for child in programs.children)))

    def _servers(self, say: Progress) -> tuple[list[Child], dict[str, str]]:
        """The servers that are ours to run, and the settings that point to them."""
        servers, found = [], {}
        if not given(self._env, "DATABASE_URL"):
            postgres = EmbeddedPostgres.prepare(self._folder, shared=self._shared, say=say)
            servers.append(postgres.child())
            found["DATABASE_URL"] = postgres.url
        if not given(self._env, "REDIS_URL"):
            valkey = EmbeddedValkey.prepare(self._folder)
            servers.append(valkey.child())
            found["REDIS_URL"] = valkey.url
        return servers, found

    def _settle(self, found: dict[str, str]) -> Setup:
        """Choose ports and addresses, and write the environment that all programs share."""
        host, port = web_host(self._env), web_port(self._env, self._folder)
        found |= {"WEB_HOST": host, "CALLBACK_URL": http_address(host, port) + CALLBACK_PATH}
        found["SPOOL_DIR"] = str(self._folder.path / "spool")
        if self._console:
            found["CONSOLE_USERS_FILE"] = str(let_in(self._folder))
        simulator_port = self._folder.port("simulator") if self._simulated else None
        if simulator_port is not None:
            found["LIGDICASH_BASE_URL"] = http_address(LOOPBACK, simulator_port)
        environment = complete(self._env, folder=self._folder, found=found, simulated=self._simulated)
        environment["WEB_PORT"] = str(port)
        return Setup(
            environment=environment,
            redis_url=given(environment, "REDIS_URL"),
            data=self._folder.path,
            web_host=host,
            web_port=port,
            simulator_port=simulator_port,
            simulator_options=self._simulator_options,
            pool=self._pool,
            concurrency=self._concurrency,
        )

    def stop(self) -> None:
        """Stop every child, the last started first, and let the folder go; harmless twice."""
        self._supervisor.stop()
        self._folder.close()

    def kill(self, name: str, number: Signals = SIGKILL) -> bool:
        """Kill a process with its whole group, the way a crash would; the supervisor starts it again."""
        return self._supervisor.kill(name, number)

    def pause(self, name: str) -> bool:
        """Freeze a process where it stands."""
        return self._supervisor.pause(name)

    def resume(self, name: str) -> bool:
        """Let a frozen process go on."""
        return self._supervisor.resume(name)

    def take_down(self, name: str, number: Signals = SIGKILL) -> bool:
        """Kill a process and keep it down until `bring_back`."""
        return self._supervisor.take_down(name, number)

    def bring_back(self, name: str) -> None:
        """Let a process that was taken down be started again."""
        self._supervisor.bring_back(name)

    def wait_ready(self, name: str, *, within: float = 30.0) -> None:
        """Return when a process is ready again."""
        self._supervisor.wait_ready(name, within=within)

    @property
    def names(self) -> tuple[str, ...]:
        """The processes, in the order in which they were started."""
        return self._supervisor.names

    @property
    def restarts(self) -> dict[str, int]:
        """How often each process was started again."""
        return self._supervisor.restarts

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened to the processes, oldest first."""
        return self._supervisor.events

    @property
    def logs(self) -> Path:
        """The folder of the processes' logs."""
        return self._folder.logs

    @property
    def environment(self) -> dict[str, str]:
        """The complete environment of the programs, secrets included: for other programs of the same shape, not for logs."""
        return dict(self._settled.environment)

    @property
    def api_url(self) -> str:
        """Where the merchant's API answers."""
        return http_address(self._settled.web_host, self._settled.web_port)

    @property
    def console_person(self) -> str:
        """Who may sign in to the console with the password that lies in the folder; nobody where others were named."""
        return PERSON if self._console else ""

    @property
    def callback_url(self) -> str:
        """Where the gateway is told to send callbacks."""
        return given(self._settled.environment, "CALLBACK_URL")

    @property
    def simulator_url(self) -> str | None:
        """Where the simulator answers; None when the real gateway is used."""
        port = self._settled.simulator_port
        return None if port is None else http_address(LOOPBACK, port)

    @property
    def _settled(self) -> Setup:
        if self._setup is None:
            raise NeedsHuman("the shape was not started yet")
        return self._setup
