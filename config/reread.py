"""Entries by name that stand in files, read again when those change: keys and people come and go without a restart."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

LOOK_EVERY = 1.0
"""Seconds between two looks at the files, however often the entries are used."""

Entry = TypeVar("Entry")

Signature = tuple[tuple[int, int, int] | None, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[Entry]):
    """What came of one reading. With `faults`, lines without a value of a secret, the entries are not to be used."""

    entries: Mapping[str, Entry]
    faults: tuple[str, ...]
    files: tuple[Path, ...]
    """Every file that was looked into, those included that could not be read."""


class Reread(Generic[Entry]):
    """The entries as their files say now; while those have faults, as they said last without.

    Safe for many threads, and may cross a fork. Where nothing is read from a file, no file is ever looked at.
    """

    def __init__(
        self,
        read: Callable[[], Reading[Entry]],
        *,
        name: str,
        files: tuple[Path, ...],
        known: Mapping[str, Entry] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` begins the events in the log; `files` are those known before anything is read, `known` what holds until then."""
        self._read = read
        self._name = name
        self._files = files
        self._entries: Mapping[str, Entry] = known or {}
        self._faults: tuple[str, ...] = ()
        self._clock = clock
        self._turn = threading.Lock()
        self._seen: Signature = None
        self._look()
        self._looked_at = clock()

    @property
    def faults(self) -> tuple[str, ...]:
        """What is wrong with the files since they last changed, a line each; no value of a secret."""
        return self._faults

    def now(self) -> Mapping[str, Entry]:
        """Every entry by its name. The same object as before unless something changed."""
        # Whoever comes while somebody else looks goes by what is known: a look may wait for a slow disk.
        if self._files and self._clock() - self._looked_at >= LOOK_EVERY and self._turn.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._looked_at = self._clock()
                self._turn.release()
        return self._entries

    def _look(self) -> None:
        # Before reading: what is written meanwhile is seen by the next look. Of files that were not known before, after it.
        signature = _sign(self._files)
        if signature == self._seen:
            return
        found, is_first = self._read(), self._seen is None
        self._seen = signature if found.files == self._files else _sign(found.files)
        self._files = found.files
        self._faults = found.faults
        not_read, read = f"{self._name}_not_read", f"{self._name}_read"
        if found.faults:
            log.error(not_read, faults=list(found.faults), kept=sorted(self._entries))
        elif found.entries != self._entries:
            if not is_first:
                changed = sorted(_changed(self._entries, found.entries))
                log.info(read, known=[*found.entries], changed=changed)
            self._entries = found.entries


def _sign(paths: Iterable[Path]) -> Signature:
    """What tells changed files: of each its time, its place on the disk and its size. None for one that is not there."""
    return tuple(_sign_one(path) for path in paths)


def _sign_one(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _changed(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> Iterable[str]:
    return (name for name in {*old, *new} if old.get(name) != new.get(name))
