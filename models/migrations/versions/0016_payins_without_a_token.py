"""A person may decide a payin without a page whose token was lost, and a callback that speaks against the books has a case of its own."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ASKABLE = "ck_transactions_askable"
RULE = "status IN ('created', 'refused') OR token IS NOT NULL OR ({whose} AND status <> 'pending')"
KIND = "ck_cases_known_kind"
KINDS = (
    "kind IN ('mismatch', 'late_success', 'contradiction',{more} 'orphan', 'unreadable', 'token_lost', 'token_refused',"
    " 'parked', 'approval', 'endpoint', 'account', 'statement')"
)
PAYOUTS_ALONE = "kind = 'payout'"
NO_PAGE = f"({PAYOUTS_ALONE} OR mode <> 'hosted')"

LEGAL_MOVE = """
CREATE OR REPLACE FUNCTION transactions_legal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('created', 'pending'), ('created', 'refused'), ('refused', 'created'),
        ('pending', 'completed'), ('pending', 'notcompleted'), ('notcompleted', 'completed')
    ) AND NOT ({found_out} AND OLD.status = 'created' AND NEW.status IN ('completed', 'notcompleted')) THEN
        RAISE EXCEPTION 'a % transaction cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
SENT_PAYOUT = "NEW.kind = 'payout' AND NEW.sent_at IS NOT NULL"
SENT_OR_NO_PAGE = f"({SENT_PAYOUT} OR NEW.kind = 'invoice' AND NEW.mode <> 'hosted')"


def upgrade() -> None:
    # Wider rules alone: what the release before does stays allowed. Everything may be run twice.
    _replace("transactions", ASKABLE, RULE.format(whose=NO_PAGE))
    _replace("cases", KIND, KINDS.format(more=" 'called_back',"))
    op.execute(LEGAL_MOVE.format(found_out=SENT_OR_NO_PAGE))
    # Looking at every row without a lock that anybody would wait for.
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {ASKABLE}")
        op.execute(f"ALTER TABLE cases VALIDATE CONSTRAINT {KIND}")


def downgrade() -> None:
    """Refused by the database while a payin was decided without its token, or a callback spoke against the books."""
    op.execute(LEGAL_MOVE.format(found_out=SENT_PAYOUT))
    _replace("transactions", ASKABLE, RULE.format(whose=PAYOUTS_ALONE), valid=True)
    _replace("cases", KIND, KINDS.format(more=""), valid=True)


def _replace(table: str, name: str, rule: str, *, valid: bool = False) -> None:
    op.drop_constraint(op.f(name), table, type_="check", if_exists=True)
    op.create_check_constraint(op.f(name), table, rule, postgresql_not_valid=not valid)
