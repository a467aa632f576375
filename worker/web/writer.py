"""The group commit of the HTTP door: whatever has queued since the last commit is stored with the next one.

One thread stores; ringing the doorbell is another's work, so that a slow broker delays no answer. See docs/decisions/0003-group-commit.md.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from config import policy
from models.callback import Receipt
from models.errors import ReconcilerError, StoreAway, TryAgain
from models.queries.receive import store_callbacks
from models.session import Sessions, transaction

log = structlog.get_logger()

BATCH = 500
"""Receipts of one commit."""

BATCH_BYTES = 8 * 1024 * 1024
"""Bodies of one commit, about: a statement must stay well within the database's limit of 10 s."""

MAX_WAITING = 5_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait for a commit; more is turned away with 503, because memory has an end and an answer should come."""

ANSWER_WITHIN = 15.0
"""Seconds a request waits for its commit. The database gives up on a statement after 10."""

QUICKLY = 1.0
"""Seconds. A commit that failed sooner met a broken connection or a restart: one more try is nearly free."""

PATIENCE = 20.0
"""Seconds a stop waits for the writer's last commits: more than the database's limit for one statement."""


class NotStorable(ReconcilerError):
    """The database will not have this one receipt, and the reason lies in the receipt; others are not concerned."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A receipt and whoever waits for its commit."""

    receipt: Receipt
    stored: asyncio.Future[None]


class Writer:
    """Stores receipts for the requests of one event loop. An answer is released after its commit, never before.

    Does not read what it stores, and loses nothing it has acknowledged. A receipt whose request was told 503 may still
    be stored a moment later: one more row to read, which changes nothing.
    """

    def __init__(
        self,
        sessions: Sessions,
        *,
        ring: Callable[[Sequence[int]], object],
        limit: int = MAX_WAITING,
        within: float = ANSWER_WITHIN,
    ) -> None:
        """`ring` hears the ids of each commit, in the writer's thread: it must return at once and not raise.

        At most `limit` receipts may wait, each for `within` seconds.
        """
        self._sessions = sessions
        self._ring = ring
        self._limit = limit
        self._within = within
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to store, for requests of the loop that is running here."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, store what waits, and end. Blocks; call it outside the loop, which has answers to release."""
        with self._changed:
            self._is_stopping = True
            self._changed.notify()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            log.error("writer_did_not_end", waiting=self.waiting)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Receipts no commit has taken up yet."""
        return len(self._queue)

    @property
    def has_room(self) -> bool:
        """Whether one more receipt would be taken now."""
        return len(self._queue) < self._limit and self._bytes < MAX_WAITING_BYTES

    async def store(self, receipt: Receipt) -> None:
        """Return once the receipt is committed.

        Raises `StoreAway` when the database cannot do it in time, `TryAgain` when too many wait or the door is closing,
        and `NotStorable` for a receipt the database will not have.
        """
        stored = asyncio.get_running_loop().create_future()
        self._take(Waiting(receipt, stored))
        try:
            async with asyncio.timeout(self._within):
                await stored
        except TimeoutError as exc:
            raise StoreAway(f"the database did not answer within {self._within:g} seconds") from exc

    def _take(self, item: Waiting) -> None:
        with self._changed:
            if self._is_stopping:
                raise TryAgain("this server is stopping; send the same request again")
            if not self.has_room:
                raise TryAgain("too many callbacks wait to be stored; send the same request again")
            self._queue.append(item)
            self._bytes += len(item.receipt.body)
            self._changed.notify()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._store(batch)

    def _next_batch(self) -> list[Waiting]:
        """What waits, up to a batch; empty when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._is_stopping)
            return self._cut()

    def _cut(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._queue and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].receipt.body)
        self._bytes -= size
        return batch

    def _store(self, batch: list[Waiting]) -> None:
        """Commit the batch and release its answers; all get the same no when the database takes nothing from anybody."""
        try:
            ids = self._commit([item.receipt for item in batch])
        except StoreAway as exc:
            self._give_up(batch, exc)
        except Exception as exc:  # noqa: BLE001 - the thread must live, whatever one receipt holds
            if _may_lie_in_a_receipt(exc):
                self._divide(batch, exc)
            else:
                self._give_up(batch, StoreAway(f"the database cannot store anything now ({_kind(exc)})"))
        else:
            self._release(batch, None)
            self._ring(ids)

    def _divide(self, batch: list[Waiting], exc: Exception) -> None:
        """Try each half by itself, until the bad receipt is alone with its trouble."""
        if len(batch) == 1:
            self._refuse(batch[0], exc)
            return
        middle = len(batch) // 2
        self._store(batch[:middle])
        self._store(batch[middle:])

    def _commit(self, receipts: Sequence[Receipt]) -> list[int]:
        """Commit, twice if need be. Should the first one have got through unheard, there are two receipts of one knock."""
        started = time.monotonic()
        try:
            return self._commit_once(receipts)
        except StoreAway:
            if time.monotonic() - started > QUICKLY:
                raise
        return self._commit_once(receipts)

    def _commit_once(self, receipts: Sequence[Receipt]) -> list[int]:
        with transaction(self._sessions) as step:
            return store_callbacks(step.session, receipts, grace=policy.INTAKE_GRACE)

    def _refuse(self, item: Waiting, exc: Exception) -> None:
        is_known = isinstance(exc, DBAPIError)
        kind = _kind(exc)
        log.error("receipt_not_storable", source=item.receipt.source, kind=kind, exc_info=None if is_known else exc)
        self._release([item], NotStorable(f"this request cannot be stored ({kind})"))

    def _give_up(self, batch: list[Waiting], why: StoreAway) -> None:
        """The database is away: whoever waits behind this batch would only wait for the same answer."""
        with self._changed:
            behind = list(self._queue)
            self._queue.clear()
            self._bytes = 0
        log.error("callbacks_not_stored", count=len(batch) + len(behind), reason=str(why))
        self._release([*batch, *behind], why)

    def _release(self, batch: Sequence[Waiting], error: ReconcilerError | None) -> None:
        """Let the requests answer, with one call into their loop for the whole batch."""
        if self._loop is None:
            return
        try:
            self._loop.call_soon_threadsafe(_settle, batch, error)
        except RuntimeError:  # the loop is closed: nobody is left to answer to
            log.warning("answers_without_a_loop", count=len(batch))


def _may_lie_in_a_receipt(exc: Exception) -> bool:
    """Whether one receipt may be the cause.

    It is not when the server is read-only after a failover, or a table or a right is missing: dividing the batch would
    fail at every step and end in an error for each receipt.
    """
    return isinstance(exc, DataError | IntegrityError) or not isinstance(exc, DBAPIError)


def _kind(exc: Exception) -> str:
    """The name of the error. The text of a database error repeats what was to be stored: its kind must do."""
    return type(exc.orig if isinstance(exc, DBAPIError) else exc).__name__


def _settle(batch: Sequence[Waiting], error: ReconcilerError | None) -> None:
    for item in batch:
        if item.stored.done():  # timed out, or its request was cancelled
            continue
        if error is None:
            item.stored.set_result(None)
        else:
            item.stored.set_exception(type(error)(*error.args))  # one each: raising writes a traceback into it
