"""A spool file while it is drained: by one process, which holds its lock until the file is removed or let go."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog

from worker.web.spool import header
from worker.web.spool.disk import PRIVATE, Disk, is_locked_for_us
from worker.web.spool.header import HEADER_BYTES, Header
from worker.web.spool.record import Stretch, scan

log = structlog.get_logger()

TORN = ".torn"
"""What cannot be read: the end of a write that a power cut interrupted, or bytes that the disk spoilt."""

REFUSED = ".refused"
"""A record the database will not have. A spool file in all but its name: renamed, it is tried again."""


class DrainFile:
    """What is left to drain of one file, in order. Remembers in the file how far it came."""

    def __init__(self, path: Path, fd: int, *, disk: Disk) -> None:
        """`fd` is open and locked for this process; `take` sees to that."""
        self.path = path
        self._fd = fd
        self._disk = disk
        self._data = path.read_bytes()
        known = header.decode(self._data)
        self._header = known or Header(drained_to=0)  # damaged: then its bytes are kept apart like any others
        self._left = deque(scan(self._data, HEADER_BYTES if known else 0))
        while self._left and self._left[0].start < self._header.drained_to:
            self._left.popleft()

    def next_batch(self, *, records: int, size: int) -> list[Stretch]:
        """The next records, about `size` bytes of them; or one damaged stretch by itself. Empty at the end.

        The same ones again until `advance` passes them.
        """
        batch: list[Stretch] = []
        for stretch in self._left:
            if stretch.spooled is None:
                return batch or [stretch]
            batch.append(stretch)
            if len(batch) >= records or stretch.end - batch[0].start >= size:
                break
        return batch

    def advance(self, batch: Sequence[Stretch]) -> None:
        """Remember that these, the next in order, need no more work."""
        for _ in batch:
            self._left.popleft()
        count = sum(stretch.spooled is not None for stretch in batch)
        known = self._header
        self._header = Header(batch[-1].end, max(known.records, known.drained + count), known.drained + count)
        header.write(self._fd, self._header)

    def keep_apart(self, stretch: Stretch, suffix: str) -> Path:
        """Keep a copy of this stretch in a file of its own, durable on return. The same one again makes no second copy."""
        path = self.path.with_name(f"{self.path.stem}-{stretch.start}{suffix}")
        start = Header(records=1).encode() if suffix == REFUSED else b""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
        try:
            self._disk.write(fd, start + self._data[stretch.start : stretch.end], 0)
            self._disk.sync(fd)
        finally:
            os.close(fd)
        self._disk.sync_folder(path.parent)
        return path

    def remove(self) -> None:
        """Everything in it is in the database, or kept apart."""
        self.path.unlink()

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._fd)


def take(path: Path, *, disk: Disk) -> DrainFile | None:
    """The file, for this process alone; None when another has it, or it is gone. Raises `OSError`."""
    try:
        fd = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        if is_locked_for_us(fd):
            return DrainFile(path, fd, disk=disk)
    except OSError:
        os.close(fd)
        raise
    os.close(fd)
    return None
