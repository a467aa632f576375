"""The main job in two minutes: the whole shape on this machine, real traffic, faults in the middle, and a ledger."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from worker.demo.payouts import CEILING
from worker.demo.play import Play
from worker.demo.receiver import Receiver
from worker.demo.second_account import SecondAccount
from worker.demo.show import show_ledger, show_verdict
from worker.demo.stage import GATEWAY, STOPPED, Place, play_settings, say_how_to_follow
from worker.embedded.environment import given
from worker.embedded.shape import Shape
from worker.language import _, number

QUICK = {
    "PENDING_AFTER": "8",
    "SWEEP_EVERY": "1",
    "LIGDICASH_CONNECT_TIMEOUT": "1",
    "LIGDICASH_ANSWER_TIMEOUT": "2",
    "WEB_PORT": "0",
}
"""Settings that make two minutes of it: a lost callback is found after seconds, not after two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What a run may choose. Without `data` it uses a folder of its own and removes it, unless `keep`."""

    invoices: int = 300
    seed: int = 1
    everything: bool = False
    """Also customers who pay without the gateway's page, payouts, and a second account."""
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
    ):
        second = SecondAccount(data) if options.everything else None
        more = {"PAYOUT_APPROVAL_ABOVE": str(CEILING), **second.open()} if second else {}
        with Shape(data, settings_env={**settings, **receiver.settings, **more}, simulator_options=GATEWAY) as shape:
            shape.start(lambda line: console.print(f"  {line}", highlight=False))
            started = _("started in {seconds} s").format(seconds=number(time.monotonic() - began, ".1f"))
            console.print(f"  {started}\n", highlight=False)
            say_how_to_follow(shape, data, console)
            began = time.monotonic()
            play = Play(
                invoices=options.invoices,
                seed=options.seed,
                shape=shape,
                receiver=receiver,
                second=second,
                may_flush=not given(settings, "REDIS_URL"),
            )
            ledger = play.ledger(console)
            show_ledger(ledger, console, restarts=shape.restarts)
            show_verdict(ledger, console, seconds=time.monotonic() - began)
            console.print("  " + _("stopping ..."), highlight=False)
    return 0 if ledger.is_clean else 1


def demo_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment with the demo's pace; see `play_settings`."""
    return play_settings(environment, QUICK)
