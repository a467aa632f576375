"""Tell of payouts that are refused after their order was taken, and remember when one that waited was taken up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KIND = "ck_notices_known_kind"
KINDS = "kind IN ('completed', 'notcompleted'{more})"
WAITED = "ck_transactions_waited"
# Holds the release before back, too: it cannot take up again what its application was told is over.
TAKEN_OR_OVER = (
    "wait_ended_at IS NULL OR kind = 'payout' AND queued_at IS NULL AND (sent_at IS NOT NULL OR status = 'refused')"
)
OUT_OF_QUEUE = "ix_transactions_out_of_queue"


def upgrade() -> None:
    # An empty one, so that no row is written; the release before this one leaves it so.
    op.add_column("transactions", sa.Column("wait_ended_at", sa.DateTime(timezone=True)), if_not_exists=True)
    _replace("transactions", WAITED, TAKEN_OR_OVER)
    _replace("notices", KIND, KINDS.format(more=", 'refused'"))
    # Looking at every row, and building the index, without a lock that anybody would wait for. What stands above is
    # committed by then, and may be run twice.
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {WAITED}")
        op.execute(f"ALTER TABLE notices VALIDATE CONSTRAINT {KIND}")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {OUT_OF_QUEUE}")
        op.execute(
            f"CREATE INDEX CONCURRENTLY {OUT_OF_QUEUE} ON transactions (wait_ended_at)"
            " WHERE wait_ended_at IS NOT NULL AND approval IS NULL"
        )


def downgrade() -> None:
    """Refused by the database once a refusal was told: what an application has read is not taken back."""
    _replace("notices", KIND, KINDS.format(more=""), valid=True)
    op.drop_index(OUT_OF_QUEUE, "transactions")
    op.drop_constraint(op.f(WAITED), "transactions", type_="check")
    op.drop_column("transactions", "wait_ended_at")


def _replace(table: str, name: str, rule: str, *, valid: bool = False) -> None:
    op.drop_constraint(op.f(name), table, type_="check", if_exists=True)
    op.create_check_constraint(op.f(name), table, rule, postgresql_not_valid=not valid)
