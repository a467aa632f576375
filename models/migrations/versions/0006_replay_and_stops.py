"""Room for replay plans with their items, and for the times during which something was switched off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_plans()
    _create_items()
    _create_stops()
    op.add_column("transactions", sa.Column("held_asked_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("transactions", "held_asked_at")
    op.drop_table("stops")
    op.drop_table("replay_items")
    op.drop_table("replay_plans")


def _create_plans() -> None:
    op.create_table(
        "replay_plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="drafting", nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("filters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("asked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("items", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("digest", sa.LargeBinary(), server_default=sa.text("''::bytea"), nullable=False),
        sa.Column(
            "drafted_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("drafted_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("over_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Text(), server_default="", nullable=False),
        sa.Column("cancelled_why", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('drafting', 'ready', 'running', 'done', 'cancelled')", name=op.f("ck_replay_plans_known_state")
        ),
        sa.CheckConstraint(
            "state IN ('drafting', 'ready', 'cancelled') OR (run_by <> '' AND reason <> '')",
            name=op.f("ck_replay_plans_answered_for"),
        ),
        sa.CheckConstraint(
            "state <> 'cancelled' OR (cancelled_by <> '' AND cancelled_why <> '')",
            name=op.f("ck_replay_plans_end_answered_for"),
        ),
        sa.CheckConstraint(
            "state = 'drafting' OR state = 'cancelled' OR length(digest) = 32", name=op.f("ck_replay_plans_frozen")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replay_plans")),
    )
    op.create_index(
        "ix_replay_plans_running",
        "replay_plans",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )


def _create_items() -> None:
    op.create_table(
        "replay_items",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=True),
        sa.Column("prediction", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("about_pk", sa.BigInteger(), nullable=True),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lost", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("actual", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "num_nonnulls(callback_id, transaction_pk) >= 1", name=op.f("ck_replay_items_about_something")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_replay_items_amount_not_negative")),
        sa.CheckConstraint("done_at IS NULL OR actual <> ''", name=op.f("ck_replay_items_has_come_to_something")),
        sa.CheckConstraint(
            "prediction IN ('to_ask', 'settled', 'closed', 'nothing_new', 'pending', 'mismatch', 'contradiction',"
            " 'unclear', 'unaskable', 'unmatched', 'unreadable')",
            name=op.f("ck_replay_items_known_prediction"),
        ),
        sa.CheckConstraint(
            "actual IN ('', 'settled', 'closed', 'nothing_new', 'pending', 'mismatch', 'contradiction',"
            " 'unclear', 'unaskable', 'unmatched', 'unreadable')",
            name=op.f("ck_replay_items_known_actual"),
        ),
        sa.ForeignKeyConstraint(["about_pk"], ["transactions.id"], name=op.f("fk_replay_items_about_pk")),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], name=op.f("fk_replay_items_callback_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["replay_plans.id"], name=op.f("fk_replay_items_plan_id")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_replay_items_transaction_pk")),
        sa.PrimaryKeyConstraint("plan_id", "position", name=op.f("pk_replay_items")),
    )
    op.create_index(
        "ix_replay_items_left",
        "replay_items",
        ["plan_id", "position"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL"),
    )
    op.create_index(
        "ix_replay_items_under_way",
        "replay_items",
        ["plan_id", "leased_until"],
        unique=False,
        postgresql_where=sa.text("done_at IS NULL AND leased_until IS NOT NULL"),
    )
    op.create_index("ix_replay_items_about", "replay_items", ["plan_id", "about_pk", "position"], unique=False)
    op.create_index(
        "uq_replay_items_settled",
        "replay_items",
        ["plan_id", "about_pk"],
        unique=True,
        postgresql_where=sa.text("actual = 'settled'"),
    )


def _create_stops() -> None:
    op.create_table(
        "stops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("switch", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("off_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("switch IN ('settle', 'sweep', 'notify', 'replay')", name=op.f("ck_stops_known_switch")),
        sa.CheckConstraint("author <> '' AND reason <> ''", name=op.f("ck_stops_answered_for")),
        sa.CheckConstraint("until > off_at", name=op.f("ck_stops_ends_later")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    op.create_index("uq_stops_open", "stops", ["switch"], unique=True, postgresql_where=sa.text("ended_at IS NULL"))
