"""Cases: what a person must look at, because no rule may decide it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class CaseKind(StrEnum):
    """Why a person is needed."""

    MISMATCH = "mismatch"
    """The gateway says completed, with another amount or reference than the books expect."""
    LATE_SUCCESS = "late_success"
    """Closed as not completed, later completed with evidence: settled, but goods may have been given up."""
    CONTRADICTION = "contradiction"
    """The gateway takes back what it said before."""
    CALLED_BACK = "called_back"
    """A callback is about a payment that cannot be asked about, for it was refused, or a person decided it: money may have moved."""
    ORPHAN = "orphan"
    """A callback names a transaction nobody knows."""
    UNREADABLE = "unreadable"
    """A callback that cannot be understood."""
    TOKEN_LOST = "token_lost"  # noqa: S105 - a word, not a password
    """The reply to our create was lost: an invoice may exist at the gateway that nobody can ask about."""
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - a word, not a password
    """The gateway no longer knows the token."""
    PARKED = "parked"
    """Pending past the last tier; asked about again only when a callback comes."""
    APPROVAL = "approval"
    """A payout above the ceiling waits until a person lets it go, or not."""
    ENDPOINT = "endpoint"
    """The merchant's application does not take its notices."""
    ACCOUNT = "account"
    """Payments belong to an account that is not set up here, and are not asked about."""
    STATEMENT = "statement"
    """A statement of the gateway and our books differ."""


CALLBACK_KINDS = (CaseKind.ORPHAN, CaseKind.UNREADABLE)
"""Cases about a callback alone. Anybody who can reach the door can open any number of them; of `CALLED_BACK`, which is about a
payment too, one for each."""

PARKING_KINDS = (CaseKind.TOKEN_LOST, CaseKind.TOKEN_REFUSED, CaseKind.PARKED, CaseKind.APPROVAL)
"""Cases that are over by themselves once their transaction reaches an outcome."""

WATCHING_KINDS = (*PARKING_KINDS, CaseKind.MISMATCH)
"""Cases that keep an open transaction in somebody's view: as long as it is open, they cannot just be ended."""


class Case(Base):
    """One matter for a person. At most one open case of a kind per transaction, per callback, and per account.

    About a difference there is one for ever, open or ended: it is not found twice.
    """

    __tablename__ = "cases"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    kind: Mapped[str]
    transaction_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    check_id: Mapped[int | None] = mapped_column(ForeignKey("checks.id"))
    account: Mapped[str | None]
    """Which account, or whose endpoint, it is about; none when it is about a transaction or a callback."""
    difference_id: Mapped[int | None] = mapped_column(ForeignKey("differences.id"))
    detail: Mapped[str]
    """One or two sentences: what happened, and what is suggested."""
    opened_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str] = mapped_column(server_default="")
    """Why it is over, in the words of whoever ended it."""
    resolved_by: Mapped[str] = mapped_column(server_default="")
    """Who ended it; empty when it ended by itself."""

    __table_args__ = (
        one_of("kind", CaseKind, name="known_kind"),
        CheckConstraint(
            "transaction_pk IS NOT NULL OR callback_id IS NOT NULL OR account IS NOT NULL OR difference_id IS NOT NULL",
            name="about_something",
        ),
        CheckConstraint("(kind = 'statement') = (difference_id IS NOT NULL)", name="statement_differs"),
        Index("uq_cases_difference_id", "difference_id", unique=True),
        Index("ix_cases_transaction", "transaction_pk"),
        Index("ix_cases_callback", "callback_id"),
        Index(
            "uq_cases_open_transaction",
            "transaction_pk",
            "kind",
            unique=True,
            postgresql_where=text("resolved_at IS NULL AND transaction_pk IS NOT NULL AND difference_id IS NULL"),
        ),
        Index(
            "uq_cases_open_callback",
            "callback_id",
            "kind",
            unique=True,
            postgresql_where=text("resolved_at IS NULL AND transaction_pk IS NULL"),
        ),
        Index(
            "uq_cases_open_account",
            "account",
            "kind",
            unique=True,
            postgresql_where=text("resolved_at IS NULL AND account IS NOT NULL"),
        ),
    )
