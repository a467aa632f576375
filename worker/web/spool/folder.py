"""The spool's folder: who may write which file, how much may lie in it, and what lies there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from models.errors import SettingsFault, TryAgain
from worker.web.spool import drain_file, header
from worker.web.spool.disk import Disk
from worker.web.spool.drain_file import REFUSED, TORN, DrainFile
from worker.web.spool.header import HEADER_BYTES
from worker.web.spool.record import Spooled, encode
from worker.web.spool.spool_file import SUFFIX, SpoolFile

FILE_BYTES = 16 * 1024 * 1024
"""A file that has grown to this is sealed. A file is read whole to drain it, and frees its room only at its end."""

MEGABYTE = 1024 * 1024


class SpoolRefuses(TryAgain):
    """The spool takes nothing now: it is full, or its disk does not work."""


@dataclass(frozen=True, slots=True)
class SpoolState:
    """What lies in the folder, of all processes that share it."""

    waiting: int
    """Records that are not in the database yet."""
    bytes: int
    """Size of all files, those kept apart included."""
    oldest: float
    """Seconds since the oldest file was begun that is not drained yet; 0 when there is none."""
    apart: int
    """Files with what could not be read or stored: somebody must look at them."""


class Spool:
    """Keeps receipts durable in files. Any number of processes may share the folder, and never a file.

    Does not know the database: a drainer takes the files, those of dead processes too.
    """

    def __init__(self, folder: Path, *, max_mb: int, disk: Disk | None = None) -> None:
        """Once `max_mb` megabytes lie in the folder it takes no more; the batch that reaches them may go beyond."""
        self._folder = folder.absolute()
        self._limit = max_mb * MEGABYTE
        self._disk = disk or Disk()
        self._file: SpoolFile | None = None
        self._stamp = 0
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Make the folder if need be and try to write in it; raises `SettingsFault` when that does not work."""
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._disk.sync_folder(self._folder.parent)
            self._new_file().seal()
        except OSError as exc:
            reason = exc.strerror or type(exc).__name__
            raise SettingsFault(f"SPOOL_DIR: the folder {self._folder} cannot be made or written ({reason})") from exc

    @property
    def limit(self) -> int:
        """Bytes past which nothing more is taken."""
        return self._limit

    def append(self, batch: Sequence[Spooled]) -> None:
        """Return when the whole batch is durable; raises `SpoolRefuses`, and then none of it counts as taken."""
        data = b"".join(map(encode, batch))
        with self._lock:
            try:
                self._append(data, records=len(batch))
            except OSError as exc:
                self._seal()
                reason = exc.strerror or type(exc).__name__
                raise SpoolRefuses(f"the database is away and the spool cannot be written ({reason})") from exc

    def _append(self, data: bytes, *, records: int) -> None:
        if sum(size for _, size in self._files()) >= self._limit:
            full = f"the spool is full ({self._limit // MEGABYTE} MB)"
            raise SpoolRefuses(f"the database is away and {full}; send the same request again later")
        if self._file is None:
            self._file = self._new_file()
        self._file.append(data, records=records)
        if self._file.size >= FILE_BYTES:
            self._seal()

    def _new_file(self) -> SpoolFile:
        self._stamp = max(time.time_ns() // 1000, self._stamp + 1)  # in order, also when the clock is set back
        return SpoolFile(self._folder, stamp=self._stamp, disk=self._disk)

    def seal(self) -> None:
        """Let go of the file under way, so that it can be drained; the next batch begins another."""
        with self._lock:
            self._seal()

    def _seal(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.seal()

    def waiting_files(self) -> list[Path]:
        """All files that wait to be drained, oldest first, of whatever process."""
        return sorted(path for path, _ in self._files() if path.suffix == SUFFIX)

    def take(self, path: Path) -> DrainFile | None:
        """The file, to be drained by this process alone; None when another has it, or it is gone. Raises `OSError`."""
        with self._lock:
            if self._file is not None and self._file.path == path:
                self._seal()
        return drain_file.take(path, disk=self._disk)

    def look(self) -> SpoolState:
        """What lies there. Reads the first bytes of each file. Raises `OSError`."""
        waiting = total = apart = 0
        begun = []
        for path, size in self._files():
            total += size
            if path.suffix == SUFFIX:
                waiting += _records_left(path)
                begun.append(_stamp_of(path))
            else:
                apart += 1
        oldest = time.time() - min(begun) if begun else 0.0
        return SpoolState(waiting, total, round(max(oldest, 0.0), 1), apart)

    def _files(self) -> Iterator[tuple[Path, int]]:
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith((SUFFIX, TORN, REFUSED)):
                    with suppress(FileNotFoundError):  # drained by another process meanwhile
                        yield Path(entry.path), entry.stat().st_size


def _records_left(path: Path) -> int:
    try:
        with path.open("rb") as file:
            known = header.decode(file.read(HEADER_BYTES))
    except OSError:
        # Drained meanwhile; or troubled, which the drainer tells of, and no reason to call the spool unusable.
        return 0
    return known.records - known.drained if known else 0


def _stamp_of(path: Path) -> float:
    """Seconds since 1970 at which the file was begun; now, for a name that is not ours."""
    stamp = path.name.partition("-")[0]
    return int(stamp) / 1_000_000 if stamp.isdecimal() else time.time()
