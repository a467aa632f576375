"""Looks that run side by side, each with a deadline: one dead server keeps nobody from hearing of the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from config.logs import mask
from models.errors import ReconcilerError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Away:
    """Nothing could be seen. `why` is a sentence without a secret."""

    why: str


class Errand(Generic[T]):
    """One look on a thread of its own, which begins at once. A thread that never comes back ends with the process."""

    def __init__(self, look: Callable[[], T], *, within: float) -> None:
        """`within` is seconds, from now."""
        self._look = look
        self._within = within
        self._deadline = time.monotonic() + within
        self._seen: list[T | Away] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> T | Away:
        """What was seen, as soon as it was, or that the time is over. Never raises."""
        self._thread.join(max(0.0, self._deadline - time.monotonic()))
        return self._seen[0] if self._seen else Away(f"no answer within {self._within:g} s")

    def _run(self) -> None:
        try:
            self._seen.append(self._look())
        except ReconcilerError as exc:
            self._seen.append(Away(mask(str(exc))))
        except Exception as exc:  # noqa: BLE001 - the edge of a thread: it becomes a line of the report
            self._seen.append(Away(mask(f"unexpected {type(exc).__name__}: {exc}")[:200]))
