"""Remember what a customer asked to have erased: who answers for it, why, and which transactions wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

SHELVES = ("callbacks", "answers", "persons", "proofs", "settled")


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("keeps_settled", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(shelf, sa.BigInteger(), server_default="0", nullable=False) for shelf in SHELVES),
        sa.CheckConstraint("author <> '' AND reason <> ''", name=op.f("ck_erasures_answered_for")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
    )
    op.create_index("ix_erasures_open", "erasures", ["id"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "erasure_items",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("erasure_id", sa.BigInteger(), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=True),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("num_nonnulls(transaction_pk, callback_id) = 1", name=op.f("ck_erasure_items_one_thing")),
        sa.ForeignKeyConstraint(["erasure_id"], ["erasures.id"], name=op.f("fk_erasure_items_erasure_id")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_erasure_items_transaction_pk")),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], name=op.f("fk_erasure_items_callback_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_items")),
    )
    op.create_index("ix_erasure_items_erasure", "erasure_items", ["erasure_id", "id"])


def downgrade() -> None:
    """What was erased stays so; who asked for it is forgotten, and what waited for it is kept until its time."""
    op.drop_table("erasure_items")
    op.drop_table("erasures")
