"""The main job in two minutes: the whole shape on this machine, real traffic, faults in the middle, and a ledger."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from models.queries.ledger import Ending, count_callbacks, endings, last_callback
from models.session import Sessions, transaction
from models.transaction import Status
from worker.bootstrap import build_sessions
from worker.demo.drive import Driver, Moment
from worker.demo.gateway import gateway_books
from worker.demo.ledger import Evidence, Ledger, add_up
from worker.demo.show import show
from worker.demo.story import Visit, write_story
from worker.demo.trouble import Fault, faults
from worker.embedded.environment import given, refuse_play_in_real_books
from worker.embedded.shape import Shape
from worker.embedded.up import settings_of

QUICK = {
    "PENDING_AFTER": "8",
    "SWEEP_EVERY": "1",
    "LIGDICASH_CONNECT_TIMEOUT": "1",
    "LIGDICASH_ANSWER_TIMEOUT": "2",
    "WEB_PORT": "0",
}
"""Settings that make two minutes of it: a lost callback is found after seconds, not after two minutes."""

GATEWAY = ("--create-latency", "0.01-0.05", "--confirm-latency", "0.02-0.15")
"""A gateway that takes its time, as the real one does."""

PACE = 10.0
"""Invoices a second."""

STOPPED = 130
"""The exit code of a program that Ctrl-C ended, as shells have it."""

LINE_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""

PATIENCE = 75.0
"""Seconds the books get to reach every outcome after the last customer decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What a run may choose. Without `data` it uses a folder of its own and removes it, unless `keep`."""

    invoices: int = 300
    seed: int = 1
    data: Path | None = None
    keep: bool = False


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run it; 0 when every promise held, 1 when one broke, 130 after Ctrl-C.

    Raises `SettingsFault` or `NeedsHuman` when it cannot start.
    """
    try:
        return _run(options, console, demo_settings(os.environ))
    except KeyboardInterrupt:
        console.print("\n  stopped by Ctrl-C, and everything it had started", highlight=False)
        return STOPPED


def _run(options: DemoOptions, console: Console, settings: Mapping[str, str]) -> int:
    began = time.monotonic()
    with _folder(options, console) as data, Shape(data, settings_env=settings, simulator_options=GATEWAY) as shape:
        shape.start(lambda line: console.print(f"  {line}", highlight=False))
        console.print(f"  started in {time.monotonic() - began:.1f} s\n", highlight=False)
        began = time.monotonic()
        ledger = _drive(options, shape, console, may_flush=not given(settings, "REDIS_URL"))
        show(ledger, console, seconds=time.monotonic() - began, restarts=shape.restarts)
        console.print("  stopping ...", highlight=False)
    return 0 if ledger.is_clean else 1


def demo_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment made fit for invented money: never the real gateway, never a production database by accident."""
    refuse_play_in_real_books(environment)
    replaced = {*QUICK, "ENVIRONMENT"}
    kept = {
        name: value
        for name, value in environment.items()
        if not name.upper().startswith("LIGDICASH_") and name.upper().removesuffix("_FILE") not in replaced
    }
    return kept | QUICK | {"ENVIRONMENT": "development"}


@contextmanager
def _folder(options: DemoOptions, console: Console) -> Iterator[Path]:
    if options.data is not None:
        yield options.data
        return
    path = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    path.chmod(0o755)  # PostgreSQL may have to run as another user
    try:
        yield path
    finally:
        if options.keep:
            console.print(f"  kept: [bold]reconciler up --data {path}[/bold] shows it again", highlight=False)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _drive(options: DemoOptions, shape: Shape, console: Console, *, may_flush: bool) -> Ledger:
    seconds = options.invoices / PACE
    prefix = f"DEMO-{secrets.token_hex(4)}"
    visits = write_story(invoices=options.invoices, seconds=seconds, seed=options.seed, prefix=prefix)
    sessions = build_sessions(settings_of(shape))
    with transaction(sessions) as step:
        first = last_callback(step.session)
    with _progress(console) as progress, _told_in_lines(progress):
        playing = progress.add_task("customers", total=len(visits))
        driver = Driver(
            api_url=shape.api_url,
            api_key=given(shape.environment, "RECONCILER_API_KEY"),
            callback_url=shape.callback_url,
            simulator_url=shape.simulator_url or "",
            on_step=lambda: progress.advance(playing),
        )
        blows = [Moment(blow.at * seconds, _announced(blow, progress)) for blow in faults(shape, may_flush=may_flush)]
        driver.play(visits, [*blows, Moment(seconds / 2, driver.forge_strangers)])
        books = _wait_for_the_books(visits, sessions, progress, first=first)
    with transaction(sessions) as step:
        stored = count_callbacks(step.session, after=first)
    told = gateway_books(shape.simulator_url or "", prefix=prefix)
    ours = {ending.transaction_id: ending for ending in books}
    gateway = {one.transaction_id: one for one in told}
    return add_up(Evidence(visits=visits, ours=ours, told=gateway, played=driver.played, stored=stored))


def _announced(fault: Fault, progress: Progress) -> Callable[[], None]:
    def blow() -> None:
        progress.console.print(f"  [red]{fault.words}[/red]", highlight=False)
        fault.strike()

    return blow


def _progress(console: Console) -> Progress:
    columns = (TextColumn("  {task.description:<10}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


@contextmanager
def _told_in_lines(progress: Progress) -> Iterator[None]:
    """Where no bar can move, in a file or a CI log, say every few seconds how far things are."""
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


def _wait_for_the_books(visits: Sequence[Visit], sessions: Sessions, progress: Progress, *, first: int) -> list[Ending]:
    """Watch until every invoice is where it should end, or patience is over; what is then missing is in the ledger."""
    wanted = {visit.transaction_id: visit.should_end for visit in visits}
    final = sum(end is not Status.PENDING for end in wanted.values())
    task = progress.add_task("outcomes", total=final)
    deadline = time.monotonic() + PATIENCE
    while True:
        with transaction(sessions) as step:
            books = endings(step.session, list(wanted))
            unread = count_callbacks(step.session, after=first).get("received", 0)
        done = sum(e.status is wanted[e.transaction_id] is not Status.PENDING for e in books)
        progress.update(task, completed=done)
        # A hole, left by a killed door, never gets there; it is known by having no outcome to wait for.
        holes = sum(e.status is Status.CREATED and wanted[e.transaction_id] is not Status.PENDING for e in books)
        if (done + holes >= final and not unread) or time.monotonic() > deadline:
            return books
        time.sleep(0.25)
