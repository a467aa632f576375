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
    expires_at: Mapped[datetime]
    run_by: Mapped[str] = mapped_column(server_default="")
    reason: Mapped[str] = mapped_column(server_default="")
    run_at: Mapped[datetime | None]
    over_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("state", PlanState, name="known_state"),
        CheckConstraint(
            "state IN ('drafting', 'ready', 'cancelled') OR (run_by <> '' AND reason <> '')", name="answered_for"
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
    prediction: Mapped[str]
    amount: Mapped[int] = mapped_column(server_default="0")
    """Whole francs (XOF) that would be settled."""
    begun_at: Mapped[datetime | None]
    """When a worker took it up; with no `done_at` it is taken up again after the lease."""
    done_at: Mapped[datetime | None]
    actual: Mapped[str] = mapped_column(server_default="")

    __table_args__ = (
        CheckConstraint("num_nonnulls(callback_id, transaction_pk) >= 1", name="about_something"),
        CheckConstraint("amount >= 0", name="amount_not_negative"),
        CheckConstraint("done_at IS NULL OR actual <> ''", name="has_come_to_something"),
        Index("ix_replay_items_left", "plan_id", "position", postgresql_where=text("done_at IS NULL")),
    )
