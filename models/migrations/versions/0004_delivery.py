"""Deliver notices: how far the telling of each got, and every attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("notice_id", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("took_ms >= 0", name=op.f("ck_deliveries_took_forward")),
        sa.ForeignKeyConstraint(["notice_id"], ["notices.id"], name=op.f("fk_deliveries_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        if_not_exists=True,
    )
    op.create_index("ix_deliveries_notice", "deliveries", ["notice_id", "id"], unique=False, if_not_exists=True)
    op.create_table(
        "endpoints",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("failed_rounds", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rest_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_endpoints")),
        if_not_exists=True,
    )
    # `now()` is one value for the whole statement, so it rewrites no rows: every notice of old is due from now on.
    op.execute(
        "ALTER TABLE notices ADD COLUMN IF NOT EXISTS state text NOT NULL DEFAULT 'waiting',"
        " ADD COLUMN IF NOT EXISTS attempts bigint NOT NULL DEFAULT 0,"
        " ADD COLUMN IF NOT EXISTS next_try_at timestamptz DEFAULT now(),"
        " ADD COLUMN IF NOT EXISTS delivered_at timestamptz"
    )
    op.alter_column("notices", "next_try_at", server_default=sa.text("clock_timestamp()"))
    for name, rule in CHECKS.items():
        op.drop_constraint(op.f(name), "notices", type_="check", if_exists=True)
        op.create_check_constraint(op.f(name), "notices", rule, postgresql_not_valid=True)
    # Without a lock that anybody would wait for. It also commits all that stands above before the version is written; a
    # migrator that is killed here runs it again, hence `if_not_exists` and its like. An index left half built is made anew.
    with op.get_context().autocommit_block():
        for name in CHECKS:
            op.execute(f"ALTER TABLE notices VALIDATE CONSTRAINT {name}")
        op.drop_index("ix_notices_due", "notices", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "ix_notices_due",
            "notices",
            ["next_try_at"],
            unique=False,
            postgresql_where=sa.text("next_try_at IS NOT NULL"),
            postgresql_concurrently=True,
        )
        op.drop_index("ix_notices_stopped", "notices", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "ix_notices_stopped",
            "notices",
            ["account", "seq"],
            unique=False,
            postgresql_where=sa.text("state = 'stopped'"),
            postgresql_concurrently=True,
        )


CHECKS = {
    "ck_notices_known_state": "state IN ('waiting', 'delivered', 'stopped')",
    "ck_notices_never_quiet": "state <> 'waiting' OR next_try_at IS NOT NULL",
}


def downgrade() -> None:
    for column in ("state", "attempts", "next_try_at", "delivered_at"):
        op.drop_column("notices", column)
    op.drop_table("deliveries")
    op.drop_table("endpoints")
