"""Let sending be switched off, remember which payouts wait for it, and freeze an order's mode, payer and operator."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

QUEUED = "ck_transactions_queued_unsent"
# Holds the release before back, too: it knows no such switch, and its mark on what waits is refused.
QUEUED_UNSENT = "queued_at IS NULL OR kind = 'payout' AND sent_at IS NULL"

KNOWN_SWITCH = "ck_stops_known_switch"
SWITCHES = "switch IN ('settle', 'sweep', 'notify', 'replay'{more})"

# The release before changes none of these either once a row is there.
TERMS = """
DROP TRIGGER IF EXISTS transactions_keep_terms ON transactions;
CREATE TRIGGER transactions_keep_terms
    BEFORE UPDATE OF transaction_id, amount, kind, account, route, customer, stays_in_wallet{more} ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_keep_terms();
"""
HOW_IT_IS_PAID = ", mode, payer, asked_operator"


def upgrade() -> None:
    # An empty one, so that no row is written; the release before this one leaves it so.
    op.execute("ALTER TABLE transactions ADD COLUMN IF NOT EXISTS queued_at timestamptz")
    _replace("transactions", QUEUED, QUEUED_UNSENT)
    _replace("stops", KNOWN_SWITCH, SWITCHES.format(more=", 'send'"), valid=True)
    op.execute(TERMS.format(more=HOW_IT_IS_PAID))
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {QUEUED}")


def downgrade() -> None:
    """Refused by the database once sending was switched off. What waits for it then is refused by the sweep, unsent."""
    op.execute(TERMS.format(more=""))
    _replace("stops", KNOWN_SWITCH, SWITCHES.format(more=""), valid=True)
    op.drop_constraint(op.f(QUEUED), "transactions", type_="check")
    op.drop_column("transactions", "queued_at")


def _replace(table: str, name: str, rule: str, *, valid: bool = False) -> None:
    op.drop_constraint(op.f(name), table, type_="check", if_exists=True)
    op.create_check_constraint(op.f(name), table, rule, postgresql_not_valid=not valid)
