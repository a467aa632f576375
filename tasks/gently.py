"""Erasing gently: handful after handful, each in a short transaction of its own, with a rest before the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from config import retention
from config.retention import Pace
from models.queries.retention import Step
from models.session import Sessions, transaction

EraseSome = Callable[[Session, int, int], Step | None]
"""Erases at most so many rows, among so many that it looks at; None when there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run: how long it may take, and how it rests."""

    sessions: Sessions
    until: float
    rest: Callable[[float], object]
    is_wanted: Callable[[], bool]

    @property
    def is_over(self) -> bool:
        """Whether its time is up, or nobody wants it any more."""
        return time.monotonic() >= self.until or not self.is_wanted()


def handfuls(turn: Turn, erase_some: EraseSome) -> Iterator[Step]:
    """What each transaction did, until there is no more or the turn is over. Raises `StoreAway`; what was erased stays so."""
    pace, look = Pace(), retention.LEAST
    while not turn.is_over:
        began = time.monotonic()
        with transaction(turn.sessions) as step:
            done = erase_some(step.session, pace.rows, look)
        took = time.monotonic() - began
        if done is None:
            return
        yield done
        is_sparse = 2 * done.erased < pace.rows
        pace, pause = pace.after(took, erased=done.erased)
        look = min(2 * look, retention.FAR) if is_sparse else max(pace.rows, look // 2)
        turn.rest(pause)
        if done.is_over:
            return
