"""Callbacks: each knock at the door exactly as received, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class Outcome(StrEnum):
    """What became of a callback. The receipt itself is never edited."""

    RECEIVED = "received"
    """Stored and acknowledged, not read yet."""
    MATCHED = "matched"
    """Led to a question about its transaction, or to none because the books already say what it claims."""
    UNMATCHED = "unmatched"
    """Names a transaction we do not know yet; looked for again for a while."""
    ORPHAN = "orphan"
    """Names nothing that could be asked about; a case is open."""
    UNREADABLE = "unreadable"
    """Its body cannot be understood, or broke the reader time and again; kept as it is."""


KNOCKED_AT = ":path"
"""Among the kept headers: where it knocked, if not at the plain route. No header that is sent can have this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One request at the callback route, before anything is made of it."""

    body: bytes
    content_type: str
    headers: dict[str, str]
    source: str
    """Address the request came from, as far as the web server knows."""

    @property
    def is_at_account(self) -> bool:
        """Whether it knocked at the address of a further account."""
        return KNOCKED_AT in self.headers


class Callback(Base):
    """One stored receipt. Proves that something knocked; proves nothing about a payment.

    Nobody rewrites it: a trigger lets it be erased, body, headers and source together, once nothing about it is open. Its
    digest stays, and tells whether bytes that somebody presents later are the same.
    """

    __tablename__ = "callbacks"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    """When it knocked."""
    stored_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    """When it came into this table: later than it knocked, if it lay in the spool. None in rows older than the column."""
    body: Mapped[bytes]
    content_type: Mapped[str]
    headers: Mapped[dict[str, str]]
    source: Mapped[str]
    digest: Mapped[bytes]
    """SHA-256 of the body: shows repeats to a person. Nothing is ever suppressed by it."""
    outcome: Mapped[str] = mapped_column(server_default=Outcome.RECEIVED.value)
    note: Mapped[str] = mapped_column(server_default="")
    """One sentence for a person on why the outcome is what it is."""
    transaction_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime | None]
    """When the sweep rings for it again; none once its outcome is final."""
    reopened_at: Mapped[datetime | None]
    """When a person last had it read again, as if it had just come."""
    erased_at: Mapped[datetime | None]
    """When body, headers and source were erased, for their time was over or on request."""

    __table_args__ = (
        one_of("outcome", Outcome, name="known_outcome"),
        CheckConstraint(
            "erased_at IS NULL OR length(body) = 0 AND headers = '{}' AND source = ''"
            " AND outcome NOT IN ('received', 'unmatched')",
            name="erased_whole",
        ),
        Index("ix_callbacks_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_callbacks_transaction", "transaction_pk", postgresql_where=text("transaction_pk IS NOT NULL")),
        Index("ix_callbacks_outcome_id", "outcome", "id"),
    )
