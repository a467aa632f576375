"""Notices: what the merchant's application has to be told, once per outcome, in the order of the commits."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class NoticeKind(StrEnum):
    """The outcomes an application wants to hear of."""

    COMPLETED = "completed"
    NOTCOMPLETED = "notcompleted"


class Notice(Base):
    """One outcome to be told. Written in the transaction that moved the status, so neither exists without the other.

    `seq` has no gaps and follows the order of commits within an account: a reader that has seen 7 has seen 1 to 7.
    """

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    account: Mapped[str]
    seq: Mapped[int]
    transaction_pk: Mapped[int] = mapped_column(ForeignKey("transactions.id"))
    kind: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (
        one_of("kind", NoticeKind, name="known_kind"),
        UniqueConstraint("transaction_pk", "kind"),
        UniqueConstraint("account", "seq"),
    )


class NoticeCounter(Base):
    """The last number given out per account. Its row lock is what makes `seq` gap-free and in commit order."""

    __tablename__ = "notice_counters"

    account: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int] = mapped_column(server_default="0")
