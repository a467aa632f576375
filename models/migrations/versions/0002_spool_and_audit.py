"""Tell when a callback came into the table from when it knocked; let checks be asked in the lane `audit`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LANES = "lane IN ('callback', 'person', 'sweep', 'replay')"
WITH_AUDIT = "lane IN ('callback', 'person', 'sweep', 'replay', 'audit')"


def upgrade() -> None:
    # In two steps: a new column with a default that changes from row to row would rewrite the table under a lock.
    op.add_column("callbacks", sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True), if_not_exists=True)
    op.alter_column("callbacks", "stored_at", server_default=sa.text("clock_timestamp()"))
    _replace_lanes(WITH_AUDIT)


def downgrade() -> None:
    _replace_lanes(LANES)
    op.drop_column("callbacks", "stored_at")


def _replace_lanes(rule: str) -> None:
    op.drop_constraint(op.f("ck_checks_known_lane"), "checks", type_="check", if_exists=True)
    op.create_check_constraint(op.f("ck_checks_known_lane"), "checks", rule, postgresql_not_valid=True)
    # On its own: looking at every row then keeps nobody from reading or writing. It also commits all that stands above
    # before the version is written; a migrator that is killed here runs it again, hence `if_exists` and its like.
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE checks VALIDATE CONSTRAINT ck_checks_known_lane")
