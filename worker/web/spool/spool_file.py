"""A spool file while it is written: by one process, which holds its lock until it is sealed."""

from __future__ import annotations

import errno
import os
import secrets
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from worker.web.spool import header
from worker.web.spool.disk import PRIVATE, Disk, is_locked_for_us
from worker.web.spool.header import HEADER_BYTES, Header

SUFFIX = ".spool"


class SpoolFile:
    """Takes batches at its end, each durable when `append` returns. Not for several threads."""

    def __init__(self, folder: Path, *, stamp: int, disk: Disk) -> None:
        """A new file that nobody else has, its name durable. `stamp` is microseconds since 1970: names sort by it."""
        self._disk = disk
        self.path, self._fd = _create(folder, stamp)
        self._header = Header()
        self.size = HEADER_BYTES
        try:
            disk.write(self._fd, self._header.encode(), 0)
            disk.sync_folder(folder)
        except OSError:
            self.seal()
            raise

    def append(self, data: bytes, *, records: int) -> None:
        """Return when these records are durable. On `OSError` none of them stays, and the file must be sealed.

        Sealed, because a failed fsync may have dropped what it could not write: no later one may be believed.
        """
        grown = replace(self._header, records=self._header.records + records)
        try:
            self._disk.write(self._fd, data, self.size)
            header.write(self._fd, grown)
            self._disk.sync(self._fd)
            self._check_name()
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
                header.write(self._fd, self._header)
            raise
        self._header = grown
        self.size += len(data)

    def _check_name(self) -> None:
        """Raise `OSError` when somebody removed the file, or mounted another folder over it: nobody would drain it."""
        if not os.path.samestat(self.path.stat(), os.fstat(self._fd)):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    def seal(self) -> None:
        """Write no more, and let whoever comes first drain it. A file without a record is removed."""
        if self.size == HEADER_BYTES:
            with suppress(OSError):  # then the drainer removes it
                self.path.unlink()
        os.close(self._fd)


def _create(folder: Path, stamp: int) -> tuple[Path, int]:
    while True:
        path = folder / f"{stamp:020d}-{secrets.token_hex(4)}{SUFFIX}"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE)
        try:
            if is_locked_for_us(fd):
                return path, fd
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        os.close(fd)  # a drainer was quicker, found it empty and removed it
