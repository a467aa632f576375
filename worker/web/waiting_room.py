"""Where receipts wait until they are durable: first for the database, and for the spool once that takes too long."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from models.callback import Receipt
from models.errors import ReconcilerError, TryAgain

log = structlog.get_logger()

BATCH = 500
"""Receipts of one commit, or of one fsync."""

BATCH_BYTES = 8 * 1024 * 1024
"""Bodies of one commit, about: a statement must stay well within the database's limit of 10 s."""

MAX_WAITING = 5_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""What may wait; more is turned away with 503, because memory has an end and an answer should come."""

PATIENCE = 2.0
"""Seconds a receipt waits for its commit before it is spooled. A commit takes milliseconds, one behind a busy disk a
second; and a sender that gives up after 5 s still hears its 200."""


def _now() -> datetime:
    return datetime.now(UTC)


Told = Callable[[ReconcilerError | None], None]
"""Hears that a receipt is durable, or why not; in the event loop, maybe more than once, and must not raise."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A receipt, and who waits until it is durable."""

    receipt: Receipt
    told: Told
    received_at: datetime = field(default_factory=_now)
    since: float = field(default_factory=time.monotonic)


class WaitingRoom:
    """Hands each receipt to one of two threads: one stores in the database, one spools. Any thread may call.

    While `is_spooling`, the database counts as away and everything is for the spool. It begins when a commit fails or
    keeps a receipt waiting longer than the patience allows, and ends with the next commit that succeeds. What the storing
    thread holds meanwhile is taken from it: should its commit succeed after all, there are two receipts of one
    knock, which is one more row to read.
    """

    def __init__(self, *, limit: int = MAX_WAITING, patience: float = PATIENCE) -> None:
        self._limit = limit
        self._patience = patience
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._under_way: list[Waiting] = []
        self._is_storing = False
        self._is_spooling = False
        self._is_closing = False
        lock = threading.Lock()
        self._for_database = threading.Condition(lock)
        self._for_spool = threading.Condition(lock)
        self._lock = lock

    @property
    def waiting(self) -> int:
        """Receipts that nobody has taken up yet."""
        return len(self._queue)

    @property
    def has_room(self) -> bool:
        """Whether one more receipt would be taken now."""
        return len(self._queue) < self._limit and self._bytes < MAX_WAITING_BYTES

    @property
    def is_spooling(self) -> bool:
        """Whether the database counts as away."""
        return self._is_spooling

    def take(self, item: Waiting) -> None:
        """Let it wait; raises `TryAgain` when too many do, or the door is closing."""
        with self._lock:
            if self._is_closing:
                raise TryAgain("this server is stopping; send the same request again")
            if not self.has_room:
                raise TryAgain("too many callbacks wait to be stored; send the same request again")
            self._queue.append(item)
            self._bytes += len(item.receipt.body)
            self._wake()

    def next_to_store(self) -> list[Waiting]:
        """The next batch for the database, as soon as there is one; empty when there will be no more."""
        with self._lock:
            self._is_storing = False
            self._for_database.wait_for(lambda: self._is_closing or (self._queue and not self._is_spooling))
            self._under_way = [] if self._is_spooling else self._cut()
            self._is_storing = bool(self._under_way)
            if not self._is_storing:
                self._for_spool.notify()
            return list(self._under_way)

    def stored(self, part: Sequence[Waiting]) -> None:
        """These are committed: so the database is there."""
        with self._lock:
            self._forget(part)
            self._end_spooling()

    def refused(self, item: Waiting) -> None:
        """The database will not have this one."""
        with self._lock:
            self._forget([item])

    def database_is_away(self, why: object) -> None:
        """What is under way was not stored, and goes to the spool with all that waits."""
        with self._lock:
            self._begin_spooling(str(why))

    def database_is_back(self) -> None:
        """Somebody else could store something. Believed only when our own commit does not hang."""
        with self._lock:
            if not self._is_storing:
                self._end_spooling()

    def next_to_spool(self) -> list[Waiting]:
        """The next batch for the spool, as soon as there is one; empty when nothing waits and there will be no more."""
        with self._lock:
            while not (self._is_spooling and self._queue):
                if self._is_closing and not self._queue and not self._under_way:
                    return []
                left = self._patience_left()
                if left > 0:
                    self._for_spool.wait(left)
                else:
                    self._begin_spooling(f"no commit within {self._patience:g} seconds")
            return self._cut()

    def close(self) -> None:
        """Take nothing more; what waits is still handed out."""
        with self._lock:
            self._is_closing = True
            self._for_database.notify()
            self._for_spool.notify()

    def _patience_left(self) -> float:
        """Seconds until the oldest has waited long enough; all of the patience when nothing waits.

        So nobody need wake the spooling thread for each receipt: one that comes while it sleeps is not overdue before
        the sleep ends.
        """
        waiting = self._under_way or self._queue
        return waiting[0].since + self._patience - time.monotonic() if waiting else self._patience

    def _begin_spooling(self, why: str) -> None:
        self._queue.extendleft(reversed(self._under_way))
        self._bytes += sum(len(item.receipt.body) for item in self._under_way)
        self._under_way = []
        if not self._is_spooling:
            log.error("spooling", reason=why, waiting=len(self._queue))
        self._is_spooling = True
        self._wake()

    def _end_spooling(self) -> None:
        if self._is_spooling:
            log.warning("storing_again")
        self._is_spooling = False
        self._wake()

    def _wake(self) -> None:
        (self._for_spool if self._is_spooling else self._for_database).notify()

    def _forget(self, part: Sequence[Waiting]) -> None:
        gone = set(map(id, part))
        self._under_way = [item for item in self._under_way if id(item) not in gone]

    def _cut(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._queue and len(batch) < BATCH and size < BATCH_BYTES:
            batch.append(self._queue.popleft())
            size += len(batch[-1].receipt.body)
        self._bytes -= size
        return batch
