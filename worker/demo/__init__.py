"""The main job in two minutes: the whole shape on this machine, real traffic, faults in the middle, and a ledger."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from worker.bootstrap import build_sessions
from worker.demo.books import Closing, OurBooks
from worker.demo.drive import Driver, Moment
from worker.demo.ledger import Ledger, Telling, add_up
from worker.demo.receiver import Receiver, events_written
from worker.demo.show import show_ledger, show_verdict
from worker.demo.stage import GATEWAY, STOPPED, Place, play_settings, progress_on, say_how_to_follow
from worker.demo.story import EVERYTHING, SHARES, write_story
from worker.demo.trouble import Fault, faults
from worker.embedded.environment import given
from worker.embedded.shape import Shape
from worker.embedded.up import settings_of
from worker.language import _, number

QUICK = {
    "PENDING_AFTER": "8",
    "SWEEP_EVERY": "1",
    "LIGDICASH_CONNECT_TIMEOUT": "1",
    "LIGDICASH_ANSWER_TIMEOUT": "2",
    "WEB_PORT": "0",
}
"""Settings that make two minutes of it: a lost callback is found after seconds, not after two minutes."""

PACE = 10.0
"""Invoices a second."""

PATIENCE = 75.0
"""Seconds the books get to reach every outcome after the last customer decided."""


TOLD_WITHIN = 45.0
"""Seconds the merchant's application gets to hear of every outcome after that: longer than a killed delivery's lease."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What a run may choose. Without `data` it uses a folder of its own and removes it, unless `keep`."""

    invoices: int = 300
    seed: int = 1
    everything: bool = False
    """Also customers who pay without the gateway's page."""
    data: Path | None = None
    keep: bool = False


def run_demo(options: DemoOptions, console: Console) -> int:
    """Run it; 0 when every promise held, 1 when one broke, 130 after Ctrl-C.

    Raises `SettingsFault` or `NeedsHuman` when it cannot start.
    """
    try:
        return _run(options, console, demo_settings(os.environ))
    except KeyboardInterrupt:
        console.print("\n  " + _("stopped by Ctrl-C, and everything it had started"), highlight=False)
        return STOPPED


def _run(options: DemoOptions, console: Console, settings: Mapping[str, str]) -> int:
    began = time.monotonic()
    place = Place(data=options.data, keep=options.keep)
    with (
        place.folder(console, name="demo") as data,
        Receiver() as receiver,
        Shape(data, settings_env={**settings, **receiver.settings}, simulator_options=GATEWAY) as shape,
    ):
        shape.start(lambda line: console.print(f"  {line}", highlight=False))
        started = _("started in {seconds} s").format(seconds=number(time.monotonic() - began, ".1f"))
        console.print(f"  {started}\n", highlight=False)
        say_how_to_follow(shape, data, console)
        began = time.monotonic()
        ledger = _drive(options, shape, console, receiver=receiver, may_flush=not given(settings, "REDIS_URL"))
        show_ledger(ledger, console, restarts=shape.restarts)
        show_verdict(ledger, console, seconds=time.monotonic() - began)
        console.print("  " + _("stopping ..."), highlight=False)
    return 0 if ledger.is_clean else 1


def demo_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment with the demo's pace; see `play_settings`."""
    return play_settings(environment, QUICK)


def _drive(options: DemoOptions, shape: Shape, console: Console, *, receiver: Receiver, may_flush: bool) -> Ledger:
    seconds = options.invoices / PACE
    prefix = f"DEMO-{secrets.token_hex(4)}"
    shares = EVERYTHING if options.everything else SHARES
    visits = write_story(invoices=options.invoices, seconds=seconds, seed=options.seed, prefix=prefix, shares=shares)
    sessions = build_sessions(settings_of(shape))
    books = OurBooks.opened(sessions)
    told_before = max((seq for seq, _ in events_written(sessions)), default=0)
    simulator_url = shape.simulator_url or ""
    with progress_on(console) as progress:
        playing = progress.add_task(_("customers"), total=len(visits))
        driver = Driver(
            api_url=shape.api_url,
            api_key=given(shape.environment, "RECONCILER_API_KEY"),
            callback_url=shape.callback_url,
            simulator_url=simulator_url,
            on_step=lambda: progress.advance(playing),
        )
        blows = [Moment(blow.at * seconds, _announced(blow, progress)) for blow in faults(shape, may_flush=may_flush)]
        driver.play(visits, [*blows, Moment(seconds / 2, driver.forge_strangers)])
        closing = Closing(visits=visits, played=driver.played, books=books, simulator_url=simulator_url, prefix=prefix)
        evidence = closing.close(progress, within=PATIENCE)
        written = [event_id for _, event_id in events_written(sessions, after=told_before)]
        receiver.wait_for(written, within=TOLD_WITHIN)
        telling = Telling(written=written, received=receiver.received, refused=receiver.refused)
        return add_up(replace(evidence, telling=telling))


def _announced(fault: Fault, progress: Progress) -> Callable[[], None]:
    def blow() -> None:
        progress.console.print(f"  [red]{fault.words}[/red]", highlight=False)
        fault.strike()

    return blow
