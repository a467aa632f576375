"""Settlements: money that moved. At most one per transaction, each resting on a stored answer or on a named person."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class Settlement(Base):
    """One completed transaction, with the check that proves it, or the override that stands in for one. Rows are only added.

    A trigger refuses a row whose check does not belong to the transaction, does not say `completed`, or names another
    amount, likewise a row whose override does, and refuses any change afterwards. Nobody settles by hand in SQL by accident.
    """

    __tablename__ = "settlements"

    transaction_pk: Mapped[int] = mapped_column(ForeignKey("transactions.id"), primary_key=True, autoincrement=False)
    check_id: Mapped[int | None] = mapped_column(ForeignKey("checks.id"), unique=True)
    override_id: Mapped[int | None] = mapped_column(ForeignKey("overrides.id"), unique=True)
    account: Mapped[str]
    amount: Mapped[int]
    """Whole francs (XOF)."""
    settled_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        CheckConstraint("amount > 0", name="positive_amount"),
        CheckConstraint("num_nonnulls(check_id, override_id) = 1", name="one_ground"),
        # Rows come in the order of their times: a note of the first and last in each stretch finds a day, and costs nothing
        # when a payment is settled.
        Index(
            "ix_settlements_settled_at",
            "settled_at",
            postgresql_using="brin",
            postgresql_with={"autosummarize": "on"},
        ),
    )
