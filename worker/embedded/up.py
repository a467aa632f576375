"""`reconciler up`: the whole shape on this machine until Ctrl-C, with its data kept in a folder."""

from __future__ import annotations

import os
import shlex
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from config.settings import Settings, settings_from
from worker.embedded.environment import CONSOLE_PASSWORD, given
from worker.embedded.folder import write_privately
from worker.embedded.shape import Shape
from worker.language import _

SETTINGS_FILE = "settings.env"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """Where the data lives, which port the API takes (None: that of last time, else 8000), how many worker processes."""

    data: Path = Path(".reconciler")
    port: int | None = None
    workers: int = 2


def run_up(options: UpOptions, console: Console) -> int:
    """Start everything, say where it is, wait for Ctrl-C or SIGTERM, stop everything. Raises `SettingsFault`, `NeedsHuman`."""
    # The shell's variables only: a `.env` beside us is made for the containers, and names hosts that only they know.
    environment = dict(os.environ)
    if options.port is not None:
        environment["WEB_PORT"] = str(options.port)
    over = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: over.set())
    try:
        with Shape(options.data, settings_env=environment, concurrency=options.workers, console=True) as shape:
            shape.start(lambda line: console.print(f"  {line}", highlight=False))
            keep_settings(shape.environment, options.data / SETTINGS_FILE)
            _say_where(shape, options, console)
            _wait(over)
            console.print("\n  " + _("stopping ..."), highlight=False)
    finally:
        signal.signal(signal.SIGTERM, before)
    console.print("  " + _("stopped; the data is kept"), highlight=False)
    return 0


def settings_of(shape: Shape) -> Settings:
    """The settings the programs of the shape run with, for whoever works beside them in this process."""
    return settings_from(_settings_in(shape.environment))


def keep_settings(environment: Mapping[str, str], file: Path) -> None:
    """Write the settings of the running shape for a shell to read: `set -a; . FILE; set +a`. For its owner only."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in _settings_in(environment).items()]
    write_privately(file, "".join(lines))


def _settings_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Every setting this environment gives, those read from files included."""
    values = {name.upper(): given(environment, name.upper()) for name in Settings.model_fields}
    return {name: value for name, value in values.items() if value}


def _wait(over: threading.Event) -> None:
    try:
        over.wait()
    except KeyboardInterrupt:
        return


def _say_where(shape: Shape, options: UpOptions, console: Console) -> None:
    data = options.data
    lines = [
        ("API", f"{shape.api_url}/docs"),
        (_("callback URL"), shape.callback_url),
        (_("logs"), f"{shape.logs}"),
    ]
    told = _("{url}, as {person} with the password in {file}") if shape.console_person else "{url}"
    console_url = f"{shape.api_url}/console"
    file = data / "secrets" / CONSOLE_PASSWORD
    lines.insert(1, (_("console"), told.format(url=console_url, person=shape.console_person, file=file)))
    if shape.simulator_url:
        where = _("{url}, the payment_url").format(url=f"{shape.simulator_url}/pay/invoice/<token>")
        lines.insert(3, (_("payment page"), where))
    console.print()
    for name, where in lines:
        console.print(f"  {name:<18}{where}", highlight=False, soft_wrap=True)
    console.print("\n  " + _("In another terminal, for curl and the reconciler command:"), highlight=False)
    console.print(f"    set -a; . {data / SETTINGS_FILE}; set +a", highlight=False, soft_wrap=True)
    console.print("\n  " + _("Ctrl-C stops it."), highlight=False)
