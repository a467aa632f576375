"""Notices: what the merchant's application has to be told, once per outcome, in the order of the commits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class NoticeKind(StrEnum):
    """The outcomes an application wants to hear of."""

    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"
    REFUSED = "refused"
    """Of a payout whose order was taken and waited: it was not sent, and is not sent any more under its id."""


class NoticeState(StrEnum):
    """How far the telling got."""

    WAITING = "waiting"
    """Not told yet; it has the time of its next try."""
    DELIVERED = "delivered"
    STOPPED = "stopped"
    """Given up, with a case: the application answered 410, or never well in all the time the policy gives it."""


class Notice(Base):
    """One outcome to be told. Written in the transaction that moved the status, so neither exists without the other.

    `seq` has no gaps and follows the order of commits within an account: a reader that has seen 7 has seen 1 to 7.
    Delivery says nothing about reading: an application that follows the numbers by itself needs none.
    """

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    account: Mapped[str]
    seq: Mapped[int]
    transaction_pk: Mapped[int] = mapped_column(ForeignKey("transactions.id"))
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    state: Mapped[str] = mapped_column(server_default=NoticeState.WAITING.value)
    attempts: Mapped[int] = mapped_column(server_default="0")
    """Deliveries tried and not answered well, since it was last sent anew."""
    next_try_at: Mapped[datetime | None] = mapped_column(server_default=func.clock_timestamp())
    delivered_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("kind", NoticeKind, name="known_kind"),
        one_of("state", NoticeState, name="known_state"),
        CheckConstraint("state <> 'waiting' OR next_try_at IS NOT NULL", name="never_quiet"),
        UniqueConstraint("transaction_pk", "kind"),
        UniqueConstraint("account", "seq"),
        Index("ix_notices_due", "next_try_at", postgresql_where=text("next_try_at IS NOT NULL")),
        Index("ix_notices_stopped", "account", "seq", postgresql_where=text("state = 'stopped'")),
    )


class Delivery(Base):
    """One attempt to tell a notice, and how it was answered. Rows are only added."""

    __tablename__ = "deliveries"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notices.id"))
    tried_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    took_ms: Mapped[int]
    http_status: Mapped[int | None]
    trouble: Mapped[str] = mapped_column(server_default="")
    """One sentence on what kept it from being delivered; empty when it was."""

    __table_args__ = (
        CheckConstraint("took_ms >= 0", name="took_forward"),
        Index("ix_deliveries_notice", "notice_id", "id"),
    )


class Endpoint(Base):
    """Where an account's notices are pushed, and how it has been answering: its breaker, as dates in a row.

    Written by whoever delivers and by nobody who settles: a slow endpoint holds no lock that a payment needs. Says nothing
    about the address, which is a setting.
    """

    __tablename__ = "endpoints"

    account: Mapped[str] = mapped_column(primary_key=True)
    failed_rounds: Mapped[int] = mapped_column(server_default="0")
    """Rounds of deliveries in a row of which none was answered well."""
    failing_since: Mapped[datetime | None]
    """When the first of these was tried."""
    rest_until: Mapped[datetime | None]
    """Nothing is sent before."""
    gone_at: Mapped[datetime | None]
    """When it answered 410. Nothing is sent while the case that says so is open, or until a person has notices sent again."""
    taken_until: Mapped[datetime | None]
    """Somebody delivers, one at a time; ends by itself should they die."""


class NoticeCounter(Base):
    """The last number given out per account. Its row lock is what makes `seq` gap-free and in commit order."""

    __tablename__ = "notice_counters"

    account: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(server_default="0")
