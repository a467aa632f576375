"""Differences: what a statement of the gateway and our books do not agree about, as it was found. Each has one case."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of
from models.statement import Direction, Match


class Difference(Base):
    """One difference that a person wanted a case about. Rows are only added. Says nothing about what came of it."""

    __tablename__ = "differences"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    """The same for the same difference, however often the statement is reconciled: see `statement.keys`."""
    match: Mapped[str]
    account: Mapped[str]
    transaction_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    direction: Mapped[str]
    there: Mapped[int | None]
    """Whole francs (XOF) on the statement; none when no line is about it."""
    here: Mapped[int | None]
    """Whole francs (XOF) that were settled when it was found; none when none were."""
    at_stake: Mapped[int]
    gateway_id: Mapped[str]
    reference: Mapped[str]
    at: Mapped[datetime | None]
    """The moment that the line names."""
    file: Mapped[str]
    """Name of the file, without its folder."""
    line: Mapped[int | None]
    found_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    found_by: Mapped[str]
    reason: Mapped[str]

    __table_args__ = (
        one_of("match", Match, name="known_match"),
        one_of("direction", Direction, name="known_direction"),
        CheckConstraint("num_nonnulls(there, here) > 0 OR transaction_pk IS NOT NULL", name="about_something"),
        CheckConstraint("found_by <> '' AND reason <> ''", name="answered_for"),
        Index("ix_differences_transaction", "transaction_pk"),
    )
