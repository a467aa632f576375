"""Keeps the books in a file between two runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from models.errors import SettingsFault
from worker.ligdicash.simulator.books import Books
from worker.ligdicash.simulator.payment import Record

log = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between two writes at least: what a crash can lose."""

REST = 10
"""Times as long as the last write took before the next one: the whole books are written each time, however long they are."""

_records = TypeAdapter(list[Record])


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step: a reader sees the old one or the new one, whole. Readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}.part")
    half.touch(mode=0o600)
    half.write_bytes(content)
    half.replace(path)


class StateFile:
    """Loads the books at the start, writes them when they changed, and once more at the end.

    Callbacks that were due while the simulator was down are lost, as they would be at the gateway.
    """

    def __init__(self, path: Path, books: Books) -> None:
        self._path = path
        self._books = books
        self._dirty = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="simulator-state", daemon=True)

    def load(self) -> None:
        """Read what is there, and write it back at once: better to find out now. Raises `SettingsFault`."""
        try:
            if self._path.exists():
                self._books.load(_records.validate_json(self._path.read_bytes()))
            self._save()
        except ValidationError:
            raise SettingsFault(
                f"{self._path} is not a state file of the simulator; move it away"
            ) from None  # the original would repeat tokens
        except OSError as exc:
            raise SettingsFault(f"{self._path} cannot be read and written ({exc.strerror})") from exc

    def start(self) -> None:
        """From now on write what changes."""
        self._books.on_change = self._dirty.set
        self._thread.start()

    def stop(self) -> None:
        """Write the last changes."""
        self._stopping.set()
        self._dirty.set()
        if self._thread.is_alive():
            self._thread.join()
        self._save()

    def _work(self) -> None:
        while not self._stopping.is_set():
            self._dirty.wait()
            self._dirty.clear()
            began = time.monotonic()
            try:
                self._save()
            except OSError:  # a full disk may have room again
                log.warning("the simulator's books could not be written", exc_info=True)
                self._dirty.set()
            self._stopping.wait(max(EVERY, REST * (time.monotonic() - began)))

    def _save(self) -> None:
        write_atomically(self._path, _records.dump_json(self._books.records()))
