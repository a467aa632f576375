"""Erasures: what one customer asked to have erased before its time, and how far that got. Never who it was."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity


class Erasure(Base):
    """One request, with who answers for it and why. Over once each of its items is done.

    Neither the number nor its hash, which anybody could guess: there are few numbers. How many rows of each shelf were
    erased for it is counted in the transaction that erases them.
    """

    __tablename__ = "erasures"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    author: Mapped[str]
    reason: Mapped[str]
    keeps_settled: Mapped[bool]
    """Whether settled payments keep their persons, and their proofs the wording."""
    asked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    ended_at: Mapped[datetime | None]
    callbacks: Mapped[int] = mapped_column(server_default="0")
    answers: Mapped[int] = mapped_column(server_default="0")
    persons: Mapped[int] = mapped_column(server_default="0")
    proofs: Mapped[int] = mapped_column(server_default="0")
    settled: Mapped[int] = mapped_column(server_default="0")

    __table_args__ = (
        CheckConstraint("author <> '' AND reason <> ''", name="answered_for"),
        Index("ix_erasures_open", "id", postgresql_where=text("ended_at IS NULL")),
    )


class ErasureItem(Base):
    """A transaction of the customer, of which everything is to be erased, or a callback that names them elsewhere."""

    __tablename__ = "erasure_items"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    erasure_id: Mapped[int] = mapped_column(ForeignKey("erasures.id"))
    transaction_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    done_at: Mapped[datetime | None]
    """When nothing was left of it. An open one waits until it is final, and every case about it has ended."""

    __table_args__ = (
        CheckConstraint("num_nonnulls(transaction_pk, callback_id) = 1", name="one_thing"),
        Index("ix_erasure_items_erasure", "erasure_id", "id"),
    )
