"""The group commit of the HTTP door: whatever has queued since the last commit is stored with the next one.

One thread stores, and another spools what the database does not take in time; ringing the doorbell is a third one's work,
so that a slow broker delays no answer. See docs/decisions/0003-group-commit.md and 0008-spool.md.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

import structlog
from sqlalchemy.exc import DBAPIError

from models.callback import Receipt
from models.errors import ReconcilerError, StoreAway, TryAgain
from models.session import Sessions
from worker.metrics.door import DoorMeter
from worker.web.spool import Spool, Spooled, SpoolRefuses
from worker.web.store import NotStorable, commit, in_parts
from worker.web.waiting_room import Told, Waiting, WaitingRoom

log = structlog.get_logger()

ANSWER_WITHIN = 15.0
"""Seconds a request waits for its commit or its fsync, whatever happens."""

STOP_WITHIN = 20.0
"""Seconds a stop waits until all answers are released."""

LAST_COMMIT_WITHIN = 1.0
"""Seconds a stop waits for a commit whose receipts are spooled already."""


class Writer:
    """Makes receipts durable for the requests of one event loop. An answer is released after that, never before.

    Does not read what it stores, and loses nothing it has acknowledged. A receipt whose request was told 503 may still
    be stored a moment later: one more row to read, which changes nothing.
    """

    def __init__(
        self,
        sessions: Sessions,
        spool: Spool,
        *,
        ring: Callable[[Sequence[int]], object],
        room: WaitingRoom | None = None,
        within: float = ANSWER_WITHIN,
        meter: DoorMeter | None = None,
    ) -> None:
        """`ring` hears the ids of each commit, in the storing thread: it must return at once and not raise.

        Each request waits in `room`, for `within` seconds at most.
        """
        self._sessions = sessions
        self._spool = spool
        self._ring = ring
        self._room = room or WaitingRoom()
        self._meter = meter or DoorMeter()
        self.within = within
        self._storing = threading.Thread(target=self._store_all, name="writer", daemon=True)
        self._spooling = threading.Thread(target=self._spool_all, name="spooler", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to store, for requests of the loop that is running here."""
        self._loop = asyncio.get_running_loop()
        self._storing.start()
        self._spooling.start()

    def stop(self) -> None:
        """Take nothing more, make durable what waits, and end. Blocks; call it outside the loop, which has answers to release."""
        self._room.close()
        self._spooling.join(STOP_WITHIN)  # ends when nothing waits any more, in the database or for the spool
        if self._spooling.is_alive():
            log.error("writer_did_not_end", waiting=self.waiting)
        self._storing.join(LAST_COMMIT_WITHIN)
        if self._storing.is_alive():
            log.warning("commit_left_behind")

    @property
    def is_alive(self) -> bool:
        """Whether both threads run."""
        return self._storing.is_alive() and self._spooling.is_alive()

    @property
    def waiting(self) -> int:
        """Receipts that nobody has taken up yet."""
        return self._room.waiting

    @property
    def has_room(self) -> bool:
        """Whether one more receipt would be taken now."""
        return self._room.has_room

    @property
    def is_spooling(self) -> bool:
        """Whether the database counts as away, and receipts go to the spool."""
        return self._room.is_spooling

    def database_is_back(self) -> None:
        """Somebody else stored something: try the database again. Any thread may call."""
        self._room.database_is_back()

    def take(self, receipt: Receipt, told: Told) -> None:
        """Make it durable, and let `told` hear of it: committed, or fsynced in the spool, or what `store` raises.

        Raises `TryAgain` when too many wait or the door is closing. How long that may take is the caller's to watch.
        """
        item = Waiting(receipt, told)
        try:
            self._room.take(item)
        except TryAgain:
            self._count_away([item])
            raise

    def too_late(self) -> StoreAway:
        """What is said to a request whose receipt is not durable in all that time."""
        self._meter.turned_away("unavailable", count=1, at_accounts=0)
        return StoreAway(f"neither database nor spool took it within {self.within:g} seconds")

    async def store(self, receipt: Receipt) -> None:
        """Return once the receipt is durable.

        Raises `SpoolRefuses` when neither the database nor the spool takes it, `TryAgain` when too many wait or the door is
        closing, `StoreAway` when nothing came of it in time, and `NotStorable` for a receipt the database will not have.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.take(receipt, partial(_resolve, durable))
        try:
            async with asyncio.timeout(self.within):
                await durable
        except TimeoutError as exc:
            raise self.too_late() from exc

    def _store_all(self) -> None:
        while batch := self._room.next_to_store():
            try:
                for part, outcome in in_parts(batch, self._commit):
                    self._tell(part, outcome)
            except StoreAway as exc:
                self._room.database_is_away(exc)

    def _commit(self, batch: Sequence[Waiting]) -> list[int]:
        return commit(self._sessions, [item.receipt for item in batch])

    def _tell(self, part: Sequence[Waiting], outcome: list[int] | NotStorable) -> None:
        if isinstance(outcome, NotStorable):
            self._refuse(part[0], outcome)
            return
        self._room.stored(part)
        self._release(part, None)
        self._ring(outcome)
        self._meter.committed(len(part))
        self._count(part, "stored")

    def _refuse(self, item: Waiting, error: NotStorable) -> None:
        cause = error.__cause__
        surprise = None if isinstance(cause, DBAPIError) else cause
        log.error("receipt_not_storable", source=item.receipt.source, reason=str(error), exc_info=surprise)
        self._room.refused(item)
        self._release([item], error)
        self._meter.turned_away("refused", count=1, at_accounts=_at_accounts([item]))

    def _spool_all(self) -> None:
        while batch := self._room.next_to_spool():
            try:
                self._spool.append([Spooled(item.receipt, item.received_at) for item in batch])
            except SpoolRefuses as exc:
                self._turn_away(batch, exc)
            except Exception:  # a bug of ours: the thread must live, and answers be given
                log.exception("callbacks_not_stored", count=len(batch))
                self._release(batch, TryAgain("this cannot be stored now; send the same request again"))
                self._count_away(batch)
            else:
                self._release(batch, None)
                self._count(batch, "spooled")

    def _turn_away(self, batch: Sequence[Waiting], why: SpoolRefuses) -> None:
        log.error("callbacks_not_stored", count=len(batch), reason=str(why))
        self._release(batch, why)
        self._count_away(batch)

    def _count(self, batch: Sequence[Waiting], outcome: str) -> None:
        now = time.monotonic()
        self._meter.durable(outcome, took=[now - item.since for item in batch], at_accounts=_at_accounts(batch))

    def _count_away(self, batch: Sequence[Waiting]) -> None:
        self._meter.turned_away("unavailable", count=len(batch), at_accounts=_at_accounts(batch))

    def _release(self, batch: Sequence[Waiting], error: ReconcilerError | None) -> None:
        """Let the requests answer, with one call into their loop for the whole batch."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(_settle, batch, error)
        except RuntimeError:  # the loop is closed: nobody is left to answer to
            log.warning("answers_without_a_loop", count=len(batch))


def _at_accounts(batch: Sequence[Waiting]) -> int:
    return sum(item.receipt.is_at_account for item in batch)


def _settle(batch: Sequence[Waiting], error: ReconcilerError | None) -> None:
    for item in batch:
        item.told(error and type(error)(*error.args))  # one each: raising writes a traceback into it


def _resolve(durable: asyncio.Future[None], error: ReconcilerError | None) -> None:
    if durable.done():  # timed out, its request was cancelled, or the other thread was quicker
        return
    if error is None:
        durable.set_result(None)
    else:
        durable.set_exception(error)
