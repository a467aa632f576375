"""Remember where an invoice is paid, by whom as far as that may be kept, and what the customer can put right."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RULES = {
    "ck_transactions_known_mode": "mode IN ('hosted', 'direct', 'wallet')",
    "ck_transactions_payer_of_mode": "(mode = 'hosted') = (payer = '')",
}


def upgrade() -> None:
    # Constants, so that no row is written; the release before this one leaves them alone, and its invoices are hosted.
    op.execute(
        "ALTER TABLE transactions ADD COLUMN IF NOT EXISTS mode text NOT NULL DEFAULT 'hosted',"
        " ADD COLUMN IF NOT EXISTS payer text NOT NULL DEFAULT '',"
        " ADD COLUMN IF NOT EXISTS asked_operator text NOT NULL DEFAULT '',"
        " ADD COLUMN IF NOT EXISTS refusal_code text NOT NULL DEFAULT ''"
    )
    for name, rule in RULES.items():
        op.drop_constraint(op.f(name), "transactions", type_="check", if_exists=True)
        op.create_check_constraint(op.f(name), "transactions", rule, postgresql_not_valid=True)
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        for name in RULES:
            op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {name}")


def downgrade() -> None:
    """Forgets how invoices were to be paid; no payment is lost, for each goes on by its token."""
    for name in RULES:
        op.drop_constraint(op.f(name), "transactions", type_="check")
    for column in ("refusal_code", "asked_operator", "payer", "mode"):
        op.drop_column("transactions", column)
