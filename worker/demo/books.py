"""Closes a run: waits until the books hold every outcome, and puts them beside the gateway's own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from rich.progress import Progress

from models.errors import StoreAway
from models.queries.ledger import Ending, count_callbacks, count_spooled, endings, last_callback
from models.session import Sessions, transaction
from models.transaction import Status
from tasks.watch import fsck
from worker.demo.drive import Played
from worker.demo.evidence import Evidence
from worker.demo.gateway import gateway_books, wait_for_the_post
from worker.demo.story import Visit
from worker.language import _

POLL = 0.25

LAST_CALLBACK_WITHIN = 90.0
"""Seconds after the last customer decided until the gateway has sent its latest callback."""


class Books(Protocol):
    """The books of whatever system is played against."""

    def endings(self, transaction_ids: Sequence[str]) -> Sequence[Ending]:
        """Where these transactions stand; those the books do not know are left out. Raises `StoreAway`."""

    def callbacks(self) -> Mapping[str, int]:
        """Callbacks stored since the run began, by outcome; `received` is what nobody has read. Raises `StoreAway`."""


@dataclass(frozen=True, slots=True)
class OurBooks:
    """Our own tables, from a moment on."""

    sessions: Sessions
    after: int
    """The last callback that was there before."""

    @classmethod
    def opened(cls, sessions: Sessions) -> Self:
        """From now on."""
        with transaction(sessions) as step:
            return cls(sessions, last_callback(step.session))

    def endings(self, transaction_ids: Sequence[str]) -> Sequence[Ending]:
        """One row per transaction of these that the tables know."""
        with transaction(self.sessions) as step:
            return endings(step.session, transaction_ids)

    def callbacks(self) -> Mapping[str, int]:
        """Stored callbacks by outcome."""
        with transaction(self.sessions) as step:
            return count_callbacks(step.session, after=self.after)

    def spooled(self) -> int:
        """Stored callbacks that lay in the spool before."""
        with transaction(self.sessions) as step:
            return count_spooled(step.session, after=self.after)

    def violations(self) -> Sequence[str]:
        """What fsck finds, in full."""
        return [str(violation) for violation in fsck(self.sessions)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A run that was played and is to be closed. `prefix` begins the ids of its transactions."""

    visits: Sequence[Visit]
    played: Played
    books: Books
    simulator_url: str
    prefix: str

    def close(self, progress: Progress, *, within: float) -> Evidence:
        """Wait for the last callback, then for the books; after `within` seconds take them as they are.

        What is then missing is in the ledger. Raises `NoAnswer` when the gateway's own books cannot be read.
        """
        wait_for_the_post(self.simulator_url, within=LAST_CALLBACK_WITHIN)
        self._wait_for_the_books(self._evidence(), progress, within=within)
        return self._evidence()

    def _evidence(self) -> Evidence:
        # The gateway's books first: what the door answered with 200 until then must be in ours.
        told = {one.transaction_id: one for one in gateway_books(self.simulator_url, prefix=self.prefix)}
        ours = self.books.endings([visit.transaction_id for visit in self.visits])
        return Evidence(
            visits=self.visits,
            ours={ending.transaction_id: ending for ending in ours},
            told=told,
            played=self.played,
            stored=self.books.callbacks(),
        )

    def _wait_for_the_books(self, evidence: Evidence, progress: Progress, *, within: float) -> None:
        """Until every invoice is where it should end, and every acknowledged callback is stored and read."""
        wanted = {visit.transaction_id: evidence.should_end(visit) for visit in self.visits}
        # A hole never gets there; it is known by having no outcome to wait for.
        final = {
            ours
            for ours, end in wanted.items()
            if end is not Status.PENDING and ours in evidence.told and ours not in self.played.holes
        }
        task = progress.add_task(_("outcomes"), total=len(final))
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            began = time.monotonic()
            try:
                books, stored = self.books.endings(sorted(final)), self.books.callbacks()
            except StoreAway:
                books, stored = [], {"received": 1}
            done = sum(ending.status is wanted[ending.transaction_id] for ending in books)
            progress.update(task, completed=done)
            if done == len(final) and not stored.get("received") and sum(stored.values()) >= evidence.acknowledged:
                return
            time.sleep(max(POLL, 3 * (time.monotonic() - began)))  # looking must not slow down what is looked at
