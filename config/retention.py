"""How long things are kept, and how gently what is past its time is erased. Pure values and functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how many days things are kept, by shelf; 0 is for ever."""

    callbacks: int = 0
    answers: int = 0
    persons: int = 0
    proofs: int = 0
    settled: int = 0

    @classmethod
    def from_settings(cls, settings: Settings) -> Retention:
        """Bodies name persons too: they go when persons go, if their own time is not over before."""
        limits = [days for days in (settings.retention_bodies_days, settings.retention_personal_days) if days]
        bodies = min(limits, default=0)
        return cls(
            callbacks=bodies,
            answers=bodies,
            persons=settings.retention_personal_days,
            proofs=settings.retention_settled_days,
            settled=settings.retention_settled_days,
        )

    def days(self, shelf: str) -> int:
        """For how many days the things on this shelf are kept, by its name; 0 is for ever."""
        return int(getattr(self, shelf))


TURN = 60.0
"""Seconds that one message of beat works at most; the next goes on from there. It holds one slot of the pool meanwhile."""

TURN_LIMIT = 120
"""Seconds after which Celery ends it."""

WALK_REST = timedelta(hours=20)
"""How long a shelf whose walk has ended is left alone: about once a day is often enough to be a day late at most."""

LATE_AFTER = timedelta(days=3)
"""How long a shelf may go without a walk that ends before fsck tells."""

LEAST, MOST = 10, 40
"""Rows that one transaction erases at least, and at most. A callback that comes meanwhile waits behind its writes: with batches of
up to 500, half of the time, the door's p99 rose fourfold on two quiet cores; with these by a fifth. See docs/retention.md."""

TARGET = 0.005
"""Seconds that a transaction should take: so long its rows are locked, and others wait behind its writes."""

DUTY = 0.1
"""Share of the time that is spent on erasing."""

FAR = 10_000
"""Rows one transaction looks at where there is nothing to erase."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows the next transaction erases.

    The database's own speed tells how busy it is: the longer a transaction takes, the smaller the next one and the longer the
    rest before it. Whatever the database has to do, erasing takes no more than its share of it.
    """

    rows: int = LEAST

    def after(self, took: float, *, erased: int) -> tuple[Pace, float]:
        """The pace after a transaction that took so many seconds, and the seconds to rest before the next."""
        rest = took * (1 / DUTY - 1)
        if took > TARGET:
            return Pace(max(LEAST, self.rows // 2)), rest
        return (Pace(min(MOST, self.rows + LEAST)) if 2 * erased >= self.rows else self), rest
