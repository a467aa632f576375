"""Keep what a statement of the gateway and the books differ in, with a case for each, and find a day's settlements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KIND = "ck_cases_known_kind"
ABOUT = "ck_cases_about_something"
DIFFERS = "ck_cases_statement_differs"
BELONGS = "fk_cases_difference_id"
ONCE = "uq_cases_difference_id"
OPEN = "uq_cases_open_transaction"
BY_TIME = "ix_settlements_settled_at"

BEFORE = (
    "kind IN ('mismatch', 'late_success', 'contradiction', 'orphan', 'unreadable', 'token_lost', 'token_refused',"
    " 'parked', 'approval', 'endpoint', 'account'{more})"
)
ABOUT_BEFORE = "transaction_pk IS NOT NULL OR callback_id IS NOT NULL OR account IS NOT NULL"
OPEN_BEFORE = "resolved_at IS NULL AND transaction_pk IS NOT NULL"


def upgrade() -> None:
    # Everything may be run twice: what stands above an autocommit block is committed before the version is written.
    op.create_table(
        "differences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("match", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=True),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("there", sa.BigInteger(), nullable=True),
        sa.Column("here", sa.BigInteger(), nullable=True),
        sa.Column("at_stake", sa.BigInteger(), nullable=False),
        sa.Column("gateway_id", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=True),
        sa.Column("found_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("found_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "match IN ('matched', 'unpaid', 'amount', 'status', 'direction', 'account', 'twice', 'only_there',"
            " 'only_here', 'edge', 'outside')",
            name=op.f("ck_differences_known_match"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_differences_known_direction")),
        sa.CheckConstraint(
            "num_nonnulls(there, here) > 0 OR transaction_pk IS NOT NULL", name=op.f("ck_differences_about_something")
        ),
        sa.CheckConstraint("found_by <> '' AND reason <> ''", name=op.f("ck_differences_answered_for")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_differences_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_differences")),
        sa.UniqueConstraint("key", name=op.f("uq_differences_key")),
        if_not_exists=True,
    )
    op.create_index("ix_differences_transaction", "differences", ["transaction_pk"], if_not_exists=True)
    op.add_column("cases", sa.Column("difference_id", sa.BigInteger(), nullable=True), if_not_exists=True)
    _replace(KIND, BEFORE.format(more=", 'statement'"))
    _replace(ABOUT, f"{ABOUT_BEFORE} OR difference_id IS NOT NULL")
    _replace(DIFFERS, "(kind = 'statement') = (difference_id IS NOT NULL)")
    op.drop_constraint(op.f(BELONGS), "cases", type_="foreignkey", if_exists=True)
    op.create_foreign_key(op.f(BELONGS), "cases", "differences", ["difference_id"], ["id"], postgresql_not_valid=True)
    # Looking at every row and building indexes without a lock that anybody would wait for. The release before this one
    # opens its cases by ON CONFLICT without naming an index, so that it may find either.
    with op.get_context().autocommit_block():
        for name in (KIND, ABOUT, DIFFERS, BELONGS):
            op.execute(f"ALTER TABLE cases VALIDATE CONSTRAINT {name}")
        _build(ONCE, "UNIQUE", "cases (difference_id)")
        _build(f"{OPEN}_new", "UNIQUE", f"cases (transaction_pk, kind) WHERE {OPEN_BEFORE} AND difference_id IS NULL")
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {OPEN}")
        op.execute(f"ALTER INDEX {OPEN}_new RENAME TO {OPEN}")
        _build(BY_TIME, "", "settlements USING brin (settled_at) WITH (autosummarize = on)")


def downgrade() -> None:
    """Only where no case about a statement was ever opened: a matter for a person is not thrown away."""
    _replace(KIND, BEFORE.format(more=""), valid=True)
    _replace(ABOUT, ABOUT_BEFORE, valid=True)
    op.drop_index(OPEN, "cases")
    op.create_index(OPEN, "cases", ["transaction_pk", "kind"], unique=True, postgresql_where=sa.text(OPEN_BEFORE))
    op.drop_column("cases", "difference_id")
    op.drop_table("differences")
    op.drop_index(BY_TIME, "settlements")


def _replace(name: str, rule: str, *, valid: bool = False) -> None:
    op.drop_constraint(op.f(name), "cases", type_="check", if_exists=True)
    op.create_check_constraint(op.f(name), "cases", rule, postgresql_not_valid=not valid)


def _build(name: str, kind: str, what: str) -> None:
    # One that was broken off in the middle is there, and good for nothing.
    op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
    op.execute(f"CREATE {kind} INDEX CONCURRENTLY {name} ON {what}")
