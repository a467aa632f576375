"""Replay plans: what is to be worked again, predicted item by item, approved as it stands, and held against what came of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, identity, one_of


class PlanState(StrEnum):
    """How far a plan got."""

    DRAFTING = "drafting"
    """Its items are still being chosen, or the gateway asked about them. Not to be run."""
    READY = "ready"
    """Frozen, with its hash; may be run until it expires."""
    RUNNING = "running"
    """Approved; its items are worked off, whoever is killed meanwhile."""
    DONE = "done"
    CANCELLED = "cancelled"
    """What was not worked when somebody cancelled it never will be."""


class Upshot(StrEnum):
    """What is predicted of an item, and what came of it."""

    TO_ASK = "to_ask"
    """Only the gateway knows, and it was not asked, or did not answer. Only ever predicted."""
    SETTLED = "settled"
    CLOSED = "closed"
    """Closed as not completed."""
    NOTHING_NEW = "nothing_new"
    """The books say it already."""
    PENDING = "pending"
    MISMATCH = "mismatch"
    """Completed, with another amount or reference than ours: nothing moves."""
    CONTRADICTION = "contradiction"
    """The gateway takes back what it said: nothing moves."""
    UNCLEAR = "unclear"
    """An answer that says nothing about the payment: no usable status, or a token it does not know."""
    UNASKABLE = "unaskable"
    """There is no token to ask with."""
    UNMATCHED = "unmatched"
    """A callback about nothing we know."""
    UNREADABLE = "unreadable"


class ReplayPlan(Base):
    """One choice of items, and who answers for working it. The items never change once it is ready."""

    __tablename__ = "replay_plans"

    id: Mapped[int] = mapped_column(identity(), primary_key=True)
    state: Mapped[str] = mapped_column(server_default=PlanState.DRAFTING.value)
    author: Mapped[str]
    filters: Mapped[dict[str, str]]
    """What it was chosen by, as given."""
    asked: Mapped[bool] = mapped_column(server_default=text("false"))
    """Whether the predictions rest on fresh answers of the gateway, and not on the books alone."""
    items: Mapped[int] = mapped_column(server_default="0")
    digest: Mapped[bytes] = mapped_column(server_default=text("''::bytea"))
    """SHA-256 over the items and their predictions, in order."""
    drafted_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    drafted_to: Mapped[int] = mapped_column(server_default="0")
    """Up to which id of the callbacks or transactions items were chosen: where a draft that was cut short goes on."""
    leased_until: Mapped[datetime | None]
    """Until when it is being drafted by somebody. Ends by itself should they die."""
    expires_at: Mapped[datetime]
    run_by: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    run_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]
    cancelled_by: Mapped[str] = mapped_column(server_default="")
    cancelled_why: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        one_of("state", PlanState, name="known_state"),
        CheckConstraint(
            "state IN ('drafting', 'ready', 'cancelled') OR (run_by <> '' AND reason <> '')", name="answered_for"
        ),
        CheckConstraint(
            "state <> 'cancelled' OR (cancelled_by <> '' AND cancelled_why <> '')", name="end_answered_for"
        ),
        CheckConstraint("state = 'drafting' OR state = 'cancelled' OR length(digest) = 32", name="frozen"),
        Index("ix_replay_plans_running", "id", postgresql_where=text("state = 'running'")),
    )


class ReplayItem(Base):
    """One thing of a plan: a callback to be read again, or a transaction to be asked about. Worked once by its plan."""

    __tablename__ = "replay_items"

    plan_id: Mapped[int] = mapped_column(ForeignKey("replay_plans.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    """From 1, without gaps."""
    callback_id: Mapped[int | None] = mapped_column(ForeignKey("callbacks.id"))
    transaction_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    """As the plan was drafted. Of a callback, the transaction it named then, if any."""
    prediction: Mapped[str]
    amount: Mapped[int] = mapped_column(server_default="0")
    """Whole francs (XOF) that would be settled."""
    about_pk: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    """The transaction it turned out to be about when it was worked; before that, as drafted."""
    begun_at: Mapped[datetime | None]
    """When a worker first took it up: what happens to its transaction from then on is what came of it."""
    leased_until: Mapped[datetime | None]
    """Until when somebody works it. Ends by itself should they die."""
    due_at: Mapped[datetime | None]
    """When it is tried again; none for as soon as there is a turn."""
    tries: Mapped[int] = mapped_column(server_default="0")
    lost: Mapped[int] = mapped_column(server_default="0")
    """How often somebody took it up and never came back."""
    done_at: Mapped[datetime | None]
    actual: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        one_of("prediction", Upshot, name="known_prediction"),
        CheckConstraint("num_nonnulls(callback_id, transaction_pk) >= 1", name="about_something"),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("done_at IS NULL OR actual <> ''", name="has_come_to_something"),
        CheckConstraint(
            "actual IN ('', {})".format(", ".join(f"'{u.value}'" for u in Upshot if u is not Upshot.TO_ASK)),
            name="known_actual",
        ),
        Index("ix_replay_items_left", "plan_id", "position", postgresql_where=text("done_at IS NULL")),
        Index(
            "ix_replay_items_under_way",
            "plan_id",
            "leased_until",
            postgresql_where=text("done_at IS NULL AND leased_until IS NOT NULL"),
        ),
        Index("ix_replay_items_about", "plan_id", "about_pk", "position"),
        # A settlement is one item's doing, whoever else of the plan was about the same transaction.
        Index(
            "uq_replay_items_settled",
            "plan_id",
            "about_pk",
            unique=True,
            postgresql_where=text("actual = 'settled'"),
        ),
    )
