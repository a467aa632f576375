"""Remember of a payout who had it sent out of a file and who let it go, and hold it until somebody does."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = {
    "ordered_by": "text",
    "ordered_why": "text",
    "approval": "text",
    "approval_by": "text",
    "approval_why": "text",
    "approval_at": "timestamptz",
}

RULES = {
    "ck_transactions_known_approval": "approval IN ('awaiting', 'approved', 'rejected')",
    # Holds the release before back, too, which knows nothing of approvals: it cannot mark one as sent, nor take it up again.
    "ck_transactions_approved_first": (
        "approval IS NULL OR kind = 'payout' AND (approval = 'approved' OR sent_at IS NULL)"
        " AND (approval <> 'rejected' OR status = 'refused')"
        " AND (approval = 'awaiting' OR approval_by <> '' AND approval_why <> '' AND approval_at IS NOT NULL)"
    ),
}

KINDS = (
    "kind IN ('mismatch', 'late_success', 'contradiction', 'orphan', 'unreadable', 'token_lost', 'token_refused',"
    " 'parked'{more}, 'endpoint', 'account')"
)


def upgrade() -> None:
    # Empty ones, so that no row is written; the release before this one leaves them so.
    for column, kind in COLUMNS.items():
        op.execute(f"ALTER TABLE transactions ADD COLUMN IF NOT EXISTS {column} {kind}")
    _replace("transactions", RULES)
    _replace("cases", {"ck_cases_known_kind": KINDS.format(more=", 'approval'")})
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        for name in RULES:
            op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {name}")
        op.execute("ALTER TABLE cases VALIDATE CONSTRAINT ck_cases_known_kind")


def downgrade() -> None:
    """Refused by the database once a payout was held. Who had payouts sent and let them go is lost."""
    for name in RULES:
        op.drop_constraint(op.f(name), "transactions", type_="check")
    _replace("cases", {"ck_cases_known_kind": KINDS.format(more="")}, valid=True)
    for column in COLUMNS:
        op.drop_column("transactions", column)


def _replace(table: str, rules: dict[str, str], *, valid: bool = False) -> None:
    for name, rule in rules.items():
        op.drop_constraint(op.f(name), table, type_="check", if_exists=True)
        op.create_check_constraint(op.f(name), table, rule, postgresql_not_valid=not valid)
