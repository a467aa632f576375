"""Overrides: statuses that a person changed by hand, without an answer of the gateway that says so."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of
from models.transaction import Status


class Override(Base):
    """One change of status that somebody answers for, because of a case about it. Rows are only added; fsck lists them all.

    What it changed to `completed` is settled on it, and on no check: the settlement says so for ever.
    """

    __tablename__ = "overrides"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    transaction_pk: Mapped[int] = mapped_column(ForeignKey("transactions.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("cases.id"))
    old_status: Mapped[str]
    new_status: Mapped[str]
    amount: Mapped[int]
    """Whole francs (XOF) that were really received, as the person says; 0 when none were."""
    author: Mapped[str]
    reason: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        one_of("old_status", Status, name="known_old_status"),
        one_of("new_status", Status, name="known_new_status"),
        CheckConstraint("(new_status = 'completed') = (amount > 0)", name="amount_of_money_that_moved"),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("author <> '' AND reason <> ''", name="answered_for"),
        Index("ix_overrides_transaction", "transaction_pk"),
    )
