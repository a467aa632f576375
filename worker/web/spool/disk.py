"""The few things the spool asks of a file system, in one place so that a test can let them fail."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

PRIVATE = 0o600
"""Receipts may hold telephone numbers."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The real one. All raise `OSError`."""

    def write(self, fd: int, data: bytes, at: int) -> None:
        """Write all of it at this place."""
        view = memoryview(data)
        while view:
            done = os.pwrite(fd, view, at)
            view, at = view[done:], at + done

    def sync(self, fd: int) -> None:
        """Return when everything written to the file is durable."""
        os.fsync(fd)

    def sync_folder(self, folder: Path) -> None:
        """Return when the names in the folder are durable."""
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def is_locked_for_us(fd: int) -> bool:
    """Take the file for this process, until it is closed. False when another has it, or has removed it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(fd).st_nlink > 0
