"""What a command works with: settings and tools, made when first needed, so that `--help` needs none and is quick."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from config.settings import Settings
    from tasks.toolbox import Toolbox


class Desk:
    """Settings and toolbox of this process. Logs stay quiet: a command says itself what came of it."""

    def __init__(self, *, settings: Settings | None = None, tools: Toolbox | None = None, logs: bool = False) -> None:
        """What is given is not made, and no logs are set up for it; with `logs`, they are written as the settings say."""
        self._given_settings = settings
        self._given_tools = tools
        self._logs = logs
        self._looks_only = False
        self.account_faults: list[str] = []
        """What is wrong with the accounts file, where a command that only looks goes on without it."""
        self.people_faults: list[str] = []
        """The same of CONSOLE_USERS."""

    @cached_property
    def settings(self) -> Settings:
        """Raises `SettingsFault`."""
        from config.logs import set_up_logs
        from worker.bootstrap import settings_or_fault

        if self._given_settings is not None:
            return self._given_settings
        settings = self._without_what_it_spares() if self._looks_only else settings_or_fault()
        set_up_logs(settings)
        if not self._logs:
            logging.disable(logging.ERROR)
        return settings

    @cached_property
    def tools(self) -> Toolbox:
        """The toolbox the workers use. Raises `SettingsFault`; connects to nothing yet."""
        from tasks.job import tools_of
        from worker.app import make_app

        return self._given_tools or tools_of(make_app(self.settings))

    def look_only(self) -> None:
        """For a command that asks and moves nothing: a fault of the accounts, or of the console's people, must not hide all else."""
        self._looks_only = True

    def _without_what_it_spares(self) -> Settings:
        """Raises `SettingsFault` for a fault of any other setting."""
        from models.errors import SettingsFault
        from worker.bootstrap import settings_or_fault

        spared = {"ligdicash_accounts_file": self.account_faults, "console_users": self.people_faults}
        without: dict[str, str] = {}
        while True:  # files that cannot be read are told alone, and hide what is wrong with the others
            try:
                return settings_or_fault(**without)
            except SettingsFault as exc:
                told = {name: _about(name, str(exc)) for name in spared.keys() - without.keys()}
                if not any(told.values()):
                    raise
            for name, faults in told.items():
                if faults:
                    spared[name] += faults
                    without[name] = ""

    def let_logs_through(self) -> None:
        """For a command that runs for long: what happens goes to the logs, as the settings want them."""
        self._logs = True
        logging.disable(logging.NOTSET)


def _about(setting: str, faults: str) -> list[str]:
    return [line for line in faults.splitlines() if line.startswith(setting.upper())]


def desk_of(ctx: typer.Context) -> Desk:
    """The desk of this command line."""
    found = ctx.find_object(Desk)
    if found is None:  # cannot happen: the root command puts it there before any other runs
        raise RuntimeError("no desk was set up")
    return found
