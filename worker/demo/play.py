"""Plays one demo against a shape that stands: the story is driven, faults strike in the middle, and the books are closed."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress

from models.account import DEFAULT
from models.session import Sessions
from worker.bootstrap import build_sessions
from worker.demo.books import Closing, OurBooks
from worker.demo.drive import Driver, Moment
from worker.demo.evidence import Evidence, Telling
from worker.demo.gateway import gateway_counts
from worker.demo.ledger import Ledger, add_up
from worker.demo.office import Office
from worker.demo.payouts import PayoutFate
from worker.demo.receiver import Receiver, events_written
from worker.demo.second_account import ABIDJAN, SecondAccount
from worker.demo.stage import progress_on
from worker.demo.story import EVERYTHING, SHARES, Visit, with_a_second_account, write_story
from worker.demo.trouble import AT_THE_DOOR, Fault, faults
from worker.embedded.environment import given
from worker.embedded.shape import Shape
from worker.embedded.up import settings_of
from worker.language import _

PACE = 10.0
"""Orders a second."""

PATIENCE = 75.0
"""Seconds the books get to reach every outcome after the last customer decided."""

TOLD_WITHIN = 45.0
"""Seconds the merchant's application gets to hear of every outcome after that: longer than a killed delivery's lease."""

IN_THE_CALL_WITHIN = 10.0
"""Seconds until the gateway has the payout during whose call the door is killed."""


@dataclass(kw_only=True)
class Play:
    """One run. Everything is played where there is a second account; else what goes over the hosted page."""

    invoices: int
    seed: int
    shape: Shape
    receiver: Receiver
    second: SecondAccount | None
    may_flush: bool
    prefix: str = field(default_factory=lambda: f"DEMO-{secrets.token_hex(4)}")

    @property
    def _seconds(self) -> float:
        return self.invoices / PACE

    @property
    def _simulator_url(self) -> str:
        return self.shape.simulator_url or ""

    @property
    def _accounts(self) -> Sequence[str]:
        return (DEFAULT, ABIDJAN) if self.second else (DEFAULT,)

    @cached_property
    def _sessions(self) -> Sessions:
        return build_sessions(settings_of(self.shape))

    def ledger(self, console: Console) -> Ledger:
        """Play it, saying how far it is, and add it up. Raises `NoAnswer` when the simulator's books cannot be read."""
        visits = self._story()
        books = OurBooks.opened(self._sessions)
        told_before = {name: max((seq for seq, _id in self._events(name)), default=0) for name in self._accounts}
        with progress_on(console) as progress:
            playing = progress.add_task(_("orders") if self.second else _("customers"), total=len(visits))
            driver = self._driver(on_step=lambda _visit: progress.advance(playing))
            with self._office(visits, driver, progress):
                driver.play(visits, self._moments(visits, driver, progress))
            closing = Closing(
                visits=visits,
                played=driver.played,
                books=books,
                simulator_url=self._simulator_url,
                prefix=self.prefix,
            )
            evidence = closing.close(progress, within=PATIENCE)
            written = [event for name, seq in told_before.items() for _seq, event in self._events(name, after=seq)]
            self.receiver.wait_for(written, within=TOLD_WITHIN)
        telling = Telling(written=written, received=self.receiver.received, refused=self.receiver.refused)
        return add_up(self._with_counts(replace(evidence, telling=telling)))

    def _story(self) -> list[Visit]:
        shares = EVERYTHING if self.second else SHARES
        visits = write_story(
            invoices=self.invoices, seconds=self._seconds, seed=self.seed, prefix=self.prefix, shares=shares
        )
        if self.second is None:
            return visits
        at = AT_THE_DOOR * self._seconds
        return [
            replace(visit, orders_at=at, decides_at=at) if visit.fate is PayoutFate.KILLED else visit
            for visit in with_a_second_account(visits, ABIDJAN)
        ]

    def _events(self, account: str, *, after: int = 0) -> list[tuple[int, str]]:
        return events_written(self._sessions, after=after, account=account)

    def _driver(self, *, on_step: Callable[[Visit], object]) -> Driver:
        return Driver(
            api_url=self.shape.api_url,
            api_key=given(self.shape.environment, "RECONCILER_API_KEY"),
            callback_url=self.shape.callback_url,
            simulator_url=self._simulator_url,
            on_step=on_step,
        )

    def _moments(self, visits: Sequence[Visit], driver: Driver, progress: Progress) -> list[Moment]:
        """What happens in between, beside the orders."""
        held_up = next((visit for visit in visits if visit.fate is PayoutFate.KILLED), None)
        in_a_call = (lambda: _wait_for_the_call(driver, held_up)) if held_up else None
        blows = faults(self.shape, may_flush=self.may_flush, in_a_call=in_a_call)
        return [
            *(Moment(blow.at * self._seconds, _announced(blow, progress)) for blow in blows),
            Moment(self._seconds / 2, driver.forge_strangers),
        ]

    @contextmanager
    def _office(self, visits: Sequence[Visit], driver: Driver, progress: Progress) -> Iterator[None]:
        """Beside the traffic: the people at the office, and the rotation of a key. Without a second account nobody is there."""
        if self.second is None:
            yield
            return
        office = self._at_the_office(visits, driver, progress)
        threads = [
            threading.Thread(target=_noting, args=(driver, work), daemon=True)
            for work in (office.send_a_file, office.look_after_single_ones, lambda: self._rotate(progress))
        ]
        for thread in threads:
            thread.start()
        yield
        for thread in threads:
            thread.join()

    def _at_the_office(self, visits: Sequence[Visit], driver: Driver, progress: Progress) -> Office:
        say = _printer(progress)
        return Office(
            visits=visits,
            environment=self.shape.environment,
            folder=self.shape.logs.parent,
            sessions=self._sessions,
            look=driver.look,
            has_taken=lambda visit: driver.ask_gateway(f"transactions/{visit.transaction_id}").ok,
            is_in_doubt=lambda visit: visit.transaction_id in driver.played.holes,
            set_faults=lambda visit, faults: driver.tell_gateway("PUT", visit, what="faults", body=faults),
            say=say,
            strike=lambda words: say(f"[red]{words}[/red]"),
        )

    def _rotate(self, progress: Progress) -> None:
        assert self.second is not None  # noqa: S101 - for mypy: nobody else comes here
        time.sleep(self._seconds / 2)
        told = _("keys of the account {account} replaced in its file; the old ones are withdrawn")
        _printer(progress)(told.format(account=ABIDJAN))
        self.second.rotate(self._simulator_url)

    def _with_counts(self, evidence: Evidence) -> Evidence:
        """What the gateway counted, added where the story has payouts and two accounts."""
        if self.second is None:
            return evidence
        money_out, counters = gateway_counts(self._simulator_url)
        keys = self.second.keys(
            callback_url=self.shape.callback_url,
            foreign=counters["foreign_questions"],
            withdrawn=counters["credentials_withdrawn"],
        )
        return replace(evidence, money_out=money_out, keys=keys)


def _wait_for_the_call(driver: Driver, visit: Visit) -> None:
    """Until the gateway has this payout; its reply is held up."""
    give_up = time.monotonic() + IN_THE_CALL_WITHIN
    while not driver.ask_gateway(f"transactions/{visit.transaction_id}").ok:
        if time.monotonic() > give_up:
            driver.note("the door was not killed in the middle of a payout")
            return
        time.sleep(0.05)


def _noting(driver: Driver, work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as exc:  # noqa: BLE001 - whatever it is, the story was not played as written
        driver.note(f"{type(exc).__name__}: {exc}"[:200])


def _printer(progress: Progress) -> Callable[[str], None]:
    return lambda words: progress.console.print(Padding(words, (0, 0, 0, 2)), highlight=False)


def _announced(fault: Fault, progress: Progress) -> Callable[[], None]:
    def blow() -> None:
        _printer(progress)(f"[red]{fault.words}[/red]")
        fault.strike()

    return blow
