"""Stops: times during which one kind of acting was switched off by a person."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class Switch(StrEnum):
    """What can be switched off. Receiving cannot: a callback that was refused may never come again."""

    SETTLE = "settle"
    """Changing a status by an answer. Answers are still asked for and kept."""
    SWEEP = "sweep"
    """Asking about what nobody called back about."""
    NOTIFY = "notify"
    """Telling the merchant's application."""
    REPLAY = "replay"
    """Working off replay plans."""
    SEND = "send"
    """Sending money out. Payouts that are ordered are stored, and wait in the queue."""


class Stop(Base):
    """One time for which a switch is off. Over when `until` has passed by the database's clock, or it was ended before."""

    __tablename__ = "stops"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    switch: Mapped[str]
    author: Mapped[str]
    reason: Mapped[str]
    off_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    until: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        one_of("switch", Switch, name="known_switch"),
        CheckConstraint("author <> '' AND reason <> ''", name="answered_for"),
        CheckConstraint("until > off_at", name="ends_later"),
        Index("uq_stops_open", "switch", unique=True, postgresql_where=text("ended_at IS NULL")),
    )
