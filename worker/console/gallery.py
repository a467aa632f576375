"""Pictures drawn once for everybody who looks at the same figures: drawing them is most of the work of a first page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from worker.console.pictures import Picture, by_age, by_hour, by_wait
from worker.ops.situation import Situation

Figures = TypeVar("Figures")


class Gallery:
    """The pictures of the last look, in each language somebody reads. Usable from many threads."""

    def __init__(self) -> None:
        self._hung: dict[tuple[str, str], tuple[object, Picture]] = {}
        # Whoever wants what is being drawn waits for it, and does not take Python's lock from the callbacks once more.
        self._lock = threading.Lock()

    def of(self, situation: Situation, language: str) -> list[Picture]:
        """Those whose figures could be read; call it while that language is spoken."""
        with self._lock:
            drawn = [self._drawn(by_age, situation.books, language)] if situation.books else []
            if situation.learned:
                drawn += [self._drawn(draw, situation.learned, language) for draw in (by_hour, by_wait)]
            return drawn

    def _drawn(self, draw: Callable[[Figures], Picture], figures: Figures, language: str) -> Picture:
        of, picture = self._hung.get((draw.__name__, language), (None, None))
        if picture is None or of is not figures:
            picture = draw(figures)
            self._hung[draw.__name__, language] = (figures, picture)
        return picture
