"""What every play needs around it: an environment fit for invented money, a folder, progress that any output can show."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from worker.embedded.environment import refuse_play_in_real_books
from worker.embedded.shape import Shape
from worker.embedded.up import SETTINGS_FILE, keep_settings
from worker.language import _

GATEWAY = ("--create-latency", "0.01-0.05", "--confirm-latency", "0.02-0.15")
"""A gateway that takes its time, as the real one does."""

STOPPED = 130
"""The exit code of a program that Ctrl-C ended, as shells have it."""

LINE_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to play. Without `data` in a folder of its own, which is removed afterwards, unless `keep`."""

    data: Path | None = None
    keep: bool = False

    @contextmanager
    def folder(self, console: Console, *, name: str) -> Iterator[Path]:
        """The folder, for as long as it is used."""
        if self.data is not None:
            yield self.data
            return
        path = Path(tempfile.mkdtemp(prefix=f"reconciler-{name}-"))
        path.chmod(0o755)  # PostgreSQL may have to run as another user
        try:
            yield path
        finally:
            if self.keep:
                kept = _("kept: {command} shows it again")
                command = f"[bold]reconciler up --data {path}[/bold]"
                console.print("  " + kept.format(command=command), highlight=False)
            else:
                shutil.rmtree(path, ignore_errors=True)


def play_settings(environment: Mapping[str, str], quick: Mapping[str, str]) -> dict[str, str]:
    """The user's environment made fit for invented money: never the real gateway, never a production database by accident.

    Nor notices to a real application, nor a spool that a door of theirs drains. `quick` are the settings that make a run of minutes tell what otherwise takes
    hours; they win. Raises `SettingsFault`.
    """
    refuse_play_in_real_books(environment)
    replaced = {*quick, "ENVIRONMENT", "SPOOL_DIR"}
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith(("LIGDICASH_", "NOTICE_")) and name.upper().removesuffix("_FILE") not in replaced
    }
    return kept | dict(quick) | {"ENVIRONMENT": "development"}


def say_how_to_follow(shape: Shape, data: Path, console: Console) -> None:
    """Keep the settings of a shape that stands in its folder, so that another terminal can look at it; and say so."""
    keep_settings(shape.environment, data / SETTINGS_FILE)
    told = _("to follow it in another terminal:")
    follow = f"set -a; . {data / SETTINGS_FILE}; set +a; reconciler status --watch"
    console.print(f"  {told}\n    {follow}\n", highlight=False, soft_wrap=True)


@contextmanager
def progress_on(console: Console) -> Iterator[Progress]:
    """Bars on a terminal; in a file or a CI log, where no bar can move, a line every few seconds."""
    columns = (TextColumn("  {task.description:<10}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, _told_in_lines(progress):
        yield progress


@contextmanager
def _told_in_lines(progress: Progress) -> Iterator[None]:
    if progress.console.is_terminal:
        yield
        return
    over = threading.Event()

    def tell() -> None:
        while not over.wait(LINE_EVERY):
            told = (f"{task.description} {task.completed:g}/{task.total:g}" for task in progress.tasks if task.total)
            progress.console.print(f"  {', '.join(told)}", highlight=False)

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
