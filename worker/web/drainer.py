"""Brings what lies in the spool into the database, oldest first, as soon as the database takes it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from models.errors import StoreAway
from models.session import Sessions
from worker.metrics.door import DoorMeter
from worker.web.spool import REFUSED, TORN, DrainFile, Spool, Stretch
from worker.web.store import NotStorable, commit, in_parts
from worker.web.waiting_room import BATCH, BATCH_BYTES

log = structlog.get_logger()

EVERY = 1.0
"""Seconds between two looks into the folder, and so between two tries while the database is away."""


TROUBLED_FOR = 60.0
"""Seconds a file is left alone with which the disk made trouble: what cannot be noted would be stored twice each time."""


class Drainer:
    """Drains the files of this process and of dead ones. Each record is in the database, or kept apart, before it goes.

    A crash between a commit and the note of it stores that one batch twice: rows to read, which change nothing.
    """

    def __init__(
        self,
        spool: Spool,
        sessions: Sessions,
        *,
        ring: Callable[[Sequence[int]], object],
        database_is_back: Callable[[], object],
        every: float = EVERY,
        meter: DoorMeter | None = None,
    ) -> None:
        """`ring` hears the ids of each commit; `database_is_back` is called whenever nothing speaks against the database.

        Both are called in the drainer's thread, must return at once and not raise.
        """
        self._spool = spool
        self._sessions = sessions
        self._ring = ring
        self._database_is_back = database_is_back
        self._every = every
        self._meter = meter or DoorMeter()
        self._file: DrainFile | None = None
        self._left_alone: dict[Path, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drainer", daemon=True)

    def start(self) -> None:
        """Begin to drain."""
        self._thread.start()

    def stop(self, *, patience: float = 1.0) -> None:
        """End after the batch under way, or leave it after `patience` seconds: the next start goes on from there."""
        self._stopping.set()
        self._thread.join(patience)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                self.drain()
            except Exception:  # a bug of ours: the thread must live
                log.exception("drain_failed")
        self._let_go()

    def drain(self) -> None:
        """Drain what lies there now; return early when the database does not take it, or a stop is wanted."""
        paths = self._waiting_files()
        try:
            while (self._file or paths) and not self._stopping.is_set():
                path = self._file.path if self._file else paths.pop(0)
                if self._left_alone.get(path, 0.0) < time.monotonic():
                    self._drain(path)
        except StoreAway:
            return  # the file stays ours: the next try begins where this one ended
        self._database_is_back()

    def _waiting_files(self) -> list[Path]:
        """What lies there; nothing, when the folder is troubled: that speaks against the disk, not against the database."""
        try:
            return self._spool.waiting_files()
        except OSError as exc:
            log.error("spool_troubled", reason=exc.strerror)  # noqa: TRY400 - the disk's words say it
            return []

    def _drain(self, path: Path) -> None:
        try:
            self._file = self._file or self._spool.take(path)
            if self._file is not None:
                self._drain_to_its_end(self._file)
        except OSError as exc:
            self._left_alone[path] = time.monotonic() + TROUBLED_FOR
            log.error("spool_file_troubled", file=path.name, reason=exc.strerror)  # noqa: TRY400 - the disk's words say it
            self._let_go()

    def _drain_to_its_end(self, file: DrainFile) -> None:
        stored = 0
        while batch := file.next_batch(records=BATCH, size=BATCH_BYTES):
            if self._stopping.is_set():
                return
            stored += self._bring(file, batch)
        file.remove()
        self._let_go()
        log.info("spool_drained", file=file.path.name, stored=stored)

    def _bring(self, file: DrainFile, batch: Sequence[Stretch]) -> int:
        """Store these, or keep them apart; how many were stored."""
        records = [stretch for stretch in batch if stretch.spooled]
        if not records:
            [torn] = batch
            self._keep_apart(file, torn, TORN, reason="it cannot be read")
            return 0
        stored = 0
        for part, outcome in in_parts(records, self._commit):
            if isinstance(outcome, NotStorable):
                self._keep_apart(file, part[0], REFUSED, reason=str(outcome))
                continue
            file.advance(part)
            self._ring(outcome)
            self._meter.drained(len(part))
            self._database_is_back()
            stored += len(part)
        return stored

    def _commit(self, batch: Sequence[Stretch]) -> list[int]:
        spooled = [stretch.spooled for stretch in batch if stretch.spooled]
        receipts, times = [one.receipt for one in spooled], [one.received_at for one in spooled]
        return commit(self._sessions, receipts, received_at=times)

    def _keep_apart(self, file: DrainFile, stretch: Stretch, suffix: str, *, reason: str) -> None:
        path = file.keep_apart(stretch, suffix)
        log.error("spool_kept_apart", file=path.name, bytes=stretch.end - stretch.start, reason=reason)
        file.advance([stretch])

    def _let_go(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
