"""One chaos run from start to account: the shape is started, driven and struck; then its books are closed and audited."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rich.console import Console
from rich.progress import Progress

from models.errors import SettingsFault
from worker.bootstrap import build_sessions
from worker.chaos.account import Account, Toll, account_of
from worker.chaos.schedule import Strike, draw_schedule
from worker.chaos.show import show_account, show_schedule
from worker.chaos.storm import Storm
from worker.chaos.strikes import SickGateway, blows, flush
from worker.demo import QUICK
from worker.demo.books import Books, Closing, OurBooks
from worker.demo.drive import Driver, Moment
from worker.demo.gateway import gateway_counts
from worker.demo.payins import PayinFate
from worker.demo.payouts import PayoutFate
from worker.demo.stage import GATEWAY, STOPPED, Place, play_settings, progress_on, say_how_to_follow
from worker.demo.story import SHARES, AnyFate, Fate, Visit, write_story
from worker.embedded.environment import given
from worker.embedded.programs import Programs, Setup, deployed
from worker.embedded.shape import Shape
from worker.embedded.up import settings_of
from worker.language import _, number

SETTINGS = {**QUICK, "LIGDICASH_RATE": "1000", "SPOOL_MAX_MB": "1", "LOG_LEVEL": "WARNING"}
"""Beside a quick pace: a spool that can be filled, and a rate that is not what holds things up."""

CHAOTIC = {
    **SHARES,
    Fate.PAID: 20,
    Fate.PAID_REPEATED: 20,
    Fate.PAID_LATE: 6,
    Fate.PAID_PENDING_TOO: 10,
    Fate.PAID_SLOW: 3,
    Fate.TAKEN_BACK: 3,
    Fate.LATE_SUCCESS: 3,
    Fate.WRONG_REFERENCE: 1,
}
"""What the customers do, in parts of the whole: what the demo's do, and what gateways do on bad days."""

WHATEVER_IS_SOLD: dict[AnyFate, int] = {
    **CHAOTIC,
    **dict.fromkeys(PayinFate, 1),
    PayoutFate.PAID: 4,
    PayoutFate.WALLET: 3,
    PayoutFate.LOST: 1,
    PayoutFate.FAILED: 2,
    PayoutFate.LATE_SUCCESS: 1,
    PayoutFate.BALANCE: 1,
    PayoutFate.OPERATOR: 1,
    PayoutFate.REPLY_LOST: 1,
}
"""The same, with payins without the gateway's page, and with payouts about which nobody has to do anything."""

FORGETFUL = ("--token-expiry", "refuse")
"""A gateway that no longer knows a token past its date: it can be asked again once its clock is right again."""

PACE = 14.0
"""Invoices a second."""

HANDS = 120
"""Customers in the shop at the same time: they pile up while the door is shut."""

STRANGERS_EVERY = 15.0
"""Seconds between two rounds of forged callbacks about transactions that never were."""

READY_WITHIN = 60.0
"""Seconds the processes get to stand again when the storm is over."""

PATIENCE = 240.0
"""Seconds the books get after the last customer decided: the longest wait after silences, and a lease, and then some."""


class AuditedBooks(Books, Protocol):
    """Books that can be gone over by an accountant."""

    def spooled(self) -> int:
        """Stored callbacks that did not go straight to the tables."""

    def violations(self) -> Sequence[str]:
        """Everything that must not be, a line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """What is put to the test: its processes, and how its books are read.

    Any system will do whose processes have our names, whose door speaks our API, and which asks the simulator.
    """

    programs: Callable[[Setup], Programs]
    books: Callable[[Shape], AuditedBooks]


def _our_books(shape: Shape) -> AuditedBooks:
    return OurBooks.opened(build_sessions(settings_of(shape)))


OURS = System(programs=deployed, books=_our_books)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChaosOptions:
    """What a run may choose. `seconds` is how long customers come; starting before and recovering after come on top."""

    seconds: float = 60.0
    seed: int = 1
    hosted_alone: bool = False
    """Only what is paid on the gateway's page: for a system that knows nothing else."""
    place: Place = field(default_factory=Place)


def print_schedule(options: ChaosOptions, console: Console) -> None:
    """Say what would strike when, and do nothing."""
    show_schedule(draw_schedule(seconds=options.seconds, seed=options.seed), console)


def run_chaos(options: ChaosOptions, console: Console, *, system: System = OURS) -> int:
    """Run it; 0 when every promise held, 1 when one broke, 130 after Ctrl-C.

    Raises `SettingsFault` or `NeedsHuman` when it cannot start, or when a process does not come back.
    """
    try:
        account = chaos(options, console, system=system)
    except KeyboardInterrupt:
        console.print("\n  " + _("stopped by Ctrl-C, and everything it had started"), highlight=False)
        return STOPPED
    show_account(account, console)
    return 0 if account.is_clean else 1


def chaos_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's environment with a chaos run's pace. Raises `SettingsFault` where servers of somebody else would be hit."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        if given(environment, name):
            raise SettingsFault(
                f"{name} is set: chaos kills and empties its servers, so it uses only its own; unset it"
            )
    return play_settings(environment, SETTINGS)


def chaos(options: ChaosOptions, console: Console, *, system: System = OURS) -> Account:
    """Run it, saying how far it is. Raises what `run_chaos` raises, and `KeyboardInterrupt`."""
    settings = chaos_settings(os.environ)
    began = time.monotonic()
    with (
        options.place.folder(console, name="chaos") as data,
        Shape(data, settings_env=settings, simulator_options=(*GATEWAY, *FORGETFUL), programs=system.programs) as shape,
    ):
        shape.start(lambda line: console.print(f"  {line}", highlight=False))
        started = _("started in {seconds} s").format(seconds=number(time.monotonic() - began, ".1f"))
        console.print(f"  {started}\n", highlight=False)
        say_how_to_follow(shape, data, console)
        began = time.monotonic()
        account = _Play(options, shape, console).account(system.books(shape))
        account = replace(account, seconds=time.monotonic() - began, restarts=shape.restarts)
        console.print("  " + _("stopping ..."), highlight=False)
    return account


class _Play:
    """One run against a shape that stands."""

    def __init__(self, options: ChaosOptions, shape: Shape, console: Console) -> None:
        self._seconds = options.seconds
        self._shape = shape
        self._console = console
        self._prefix = f"CHAOS-{secrets.token_hex(4)}"
        self._simulator_url = shape.simulator_url or ""
        self._has_payouts = not options.hosted_alone
        self._schedule = draw_schedule(seconds=options.seconds, seed=options.seed)
        self._visits = write_story(
            invoices=round(PACE * options.seconds),
            seconds=options.seconds,
            seed=options.seed,
            prefix=self._prefix,
            shares=CHAOTIC if options.hosted_alone else WHATEVER_IS_SOLD,
        )

    def account(self, books: AuditedBooks) -> Account:
        """Play, close the books, have them audited."""
        with progress_on(self._console) as progress:
            customers = progress.add_task(_("customers"), total=len(self._visits))
            strikes = progress.add_task(_("strikes"), total=len(self._schedule))
            driver = self._driver(on_step=lambda _visit: progress.advance(customers))
            storm = self._storm(driver, progress, on_strike=lambda: progress.advance(strikes))
            with storm:
                driver.play(self._visits, self._strangers(driver))
            for name in self._shape.names:
                self._shape.wait_ready(name, within=READY_WITHIN)
            closing = Closing(
                visits=self._visits,
                played=driver.played,
                books=books,
                simulator_url=self._simulator_url,
                prefix=self._prefix,
            )
            evidence = closing.close(progress, within=PATIENCE)
        if self._has_payouts:
            money_out, _counters = gateway_counts(self._simulator_url)
            evidence = replace(evidence, money_out=money_out)
        toll = Toll(drawn=len(self._schedule), struck=storm.struck, troubles=storm.troubles, spooled=books.spooled())
        return account_of(evidence, toll=toll, violations=books.violations())

    def _driver(self, *, on_step: Callable[[Visit], object]) -> Driver:
        return Driver(
            api_url=self._shape.api_url,
            api_key=given(self._shape.environment, "RECONCILER_API_KEY"),
            callback_url=self._shape.callback_url,
            simulator_url=self._simulator_url,
            on_step=on_step,
            hands=HANDS,
        )

    def _storm(self, driver: Driver, progress: Progress, *, on_strike: Callable[[], None]) -> Storm:
        def announce(strike: Strike) -> None:
            progress.console.print(f"  {number(strike.at, '6.1f')} s  [red]{strike.words}[/red]", highlight=False)
            on_strike()

        redis_url = given(self._shape.environment, "REDIS_URL")
        done_by = blows(
            self._shape, SickGateway(self._simulator_url), flush_redis=lambda: flush(redis_url), flood=driver.flood
        )
        return Storm(self._schedule, done_by, announce=announce)

    def _strangers(self, driver: Driver) -> list[Moment]:
        rounds = int(self._seconds / STRANGERS_EVERY) + 1
        return [Moment((number + 0.5) * STRANGERS_EVERY, driver.forge_strangers) for number in range(rounds)]
