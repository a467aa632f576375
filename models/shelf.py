"""Shelves: what is kept for the same time, and how far each is cleared of what is past its time."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, one_of


class Shelf(StrEnum):
    """Things of one kind that are kept for the same time, and erased after it."""

    CALLBACKS = "callbacks"
    """Body, headers and source of callbacks. They prove nothing."""
    ANSWERS = "answers"
    """Bodies of the gateway's answers that no settlement rests on."""
    PERSONS = "persons"
    """Who was to pay or to be paid in what was never settled, and what it was for."""
    PROOFS = "proofs"
    """Bodies of the answers that settlements rest on."""
    SETTLED = "settled"
    """Who paid or was paid in what is settled, and what it was for."""


SETTLED = frozenset({Shelf.PROOFS, Shelf.SETTLED})
"""The shelves of what is settled, which accounts may want for longer."""


class ShelfMark(Base):
    """How far one shelf is cleared, in the order of ids. Written in the transaction that erases, so it is never ahead.

    Up to `upto` nothing is left that had to be erased: fsck holds the rows against that. A walk that is cut short goes on
    from `walked`; the next walk starts from `upto` again, behind which stands the first thing that had to stay.
    """

    __tablename__ = "shelf_marks"

    shelf: Mapped[str] = mapped_column(primary_key=True)
    days: Mapped[int]
    """For how long things are kept, as of the last look; 0 for ever."""
    set_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    """Since when that is so."""
    upto: Mapped[int] = mapped_column(server_default="0")
    walked: Mapped[int] = mapped_column(server_default="0")
    ended_at: Mapped[datetime | None]
    """When a walk last came to its end."""

    __table_args__ = (
        one_of("shelf", Shelf, name="known_shelf"),
        CheckConstraint("days >= 0", name="days_not_negative"),
        CheckConstraint("upto <= walked", name="cleared_as_far_as_walked"),
    )
