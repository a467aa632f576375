"""Checks: each question put to the gateway, with its answer word for word. The evidence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from models.answers import Said
from models.base import Base, identity, one_of


class Lane(StrEnum):
    """Who wanted to know. Says in the ledger how an outcome was learned."""

    CALLBACK = "callback"
    PERSON = "person"
    SWEEP = "sweep"
    REPLAY = "replay"
    AUDIT = "audit"
    """Nobody waits: final states looked at once more. First to stand back when calls are scarce."""


class Check(Base):
    """One question and its answer. Rows are only added. Does not say what the books made of it; `reason` is a note.

    A trigger lets the answer's wording be erased, and nothing else change, once nothing about its transaction is open. What
    a settlement rests on stays: what was said, the amount, the reference, and the digest of the wording.
    """

    __tablename__ = "checks"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    transaction_pk: Mapped[int] = mapped_column(ForeignKey("transactions.id"))
    lane: Mapped[str]
    asked_at: Mapped[datetime]
    took_ms: Mapped[int]
    said: Mapped[str]
    amount: Mapped[int | None]
    reference: Mapped[str] = mapped_column(server_default="")
    http_status: Mapped[int | None]
    sub_code: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    """One sentence: what the answer was taken to mean when it came."""
    body: Mapped[bytes]
    digest: Mapped[bytes | None]
    """SHA-256 of the body that was erased; none while it is there."""
    erased_at: Mapped[datetime | None]
    """When the body was erased, for its time was over, or on request."""

    __table_args__ = (
        one_of("lane", Lane, name="known_lane"),
        one_of("said", Said, name="known_said"),
        CheckConstraint("took_ms >= 0", name="took_forward"),
        CheckConstraint(
            "(erased_at IS NULL) = (digest IS NULL) AND (erased_at IS NULL OR length(body) = 0)", name="erased_whole"
        ),
        Index("ix_checks_transaction", "transaction_pk", "id"),
    )
