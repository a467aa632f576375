"""Money that goes out: payouts with their way, a mark that each is sent once, and evidence that names no amount."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

RULES = {
    "ck_transactions_askable": (
        "status IN ('created', 'refused') OR token IS NOT NULL OR (kind = 'payout' AND status <> 'pending')"
    ),
    "ck_transactions_known_route": "route IN ('wallet', 'mobile_money')",
    "ck_transactions_payout_has_its_way": (
        "(kind = 'payout') = (route IS NOT NULL) AND (kind = 'payout') = (customer IS NOT NULL)"
        " AND (stays_in_wallet IS NOT NULL) = (route IS NOT DISTINCT FROM 'wallet')"
    ),
    "ck_transactions_sent_first": (
        "kind <> 'payout' OR sent_at IS NOT NULL OR (status IN ('created', 'refused') AND token IS NULL)"
    ),
}
OLD_RULES = {"ck_transactions_askable": "status IN ('created', 'refused') OR token IS NOT NULL"}

LEGAL_MOVE = """
CREATE OR REPLACE FUNCTION transactions_legal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('created', 'pending'), ('created', 'refused'), ('refused', 'created'),
        ('pending', 'completed'), ('pending', 'notcompleted'), ('notcompleted', 'completed')
    ){more} THEN
        RAISE EXCEPTION 'a % transaction cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
FOUND_OUT = (
    " AND NOT (NEW.kind = 'payout' AND NEW.sent_at IS NOT NULL"
    " AND OLD.status = 'created' AND NEW.status IN ('completed', 'notcompleted'))"
)

# An answer about a payout names neither amount nor reference; what it does name must be ours. The token is the link, and
# it came with the reply to our own sending.
EVIDENCE = """
CREATE OR REPLACE FUNCTION settlements_rest_on_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.override_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM overrides o JOIN transactions t ON t.id = o.transaction_pk
            WHERE o.id = NEW.override_id AND t.id = NEW.transaction_pk AND t.status = 'completed'
              AND o.new_status = 'completed' AND o.amount = NEW.amount AND t.account = NEW.account
        ) THEN
            RAISE EXCEPTION 'override % does not justify a settlement of transaction %', NEW.override_id,
                NEW.transaction_pk USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM checks c JOIN transactions t ON t.id = c.transaction_pk
        WHERE c.id = NEW.check_id AND t.id = NEW.transaction_pk AND t.status = 'completed'
          AND c.said = 'completed' AND t.amount = NEW.amount AND t.account = NEW.account
          AND {proven}
    ) THEN
        RAISE EXCEPTION 'check % does not justify a settlement of transaction %', NEW.check_id, NEW.transaction_pk
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
PAYINS_ALONE = "c.amount = NEW.amount AND c.reference = t.transaction_id"
PAYOUTS_TOO = f"""CASE
              WHEN t.kind = 'payout' THEN t.token IS NOT NULL AND COALESCE(c.amount, t.amount) = t.amount
                   AND c.reference IN ('', t.transaction_id)
              ELSE {PAYINS_ALONE} END"""

TERMS = """
DROP TRIGGER IF EXISTS transactions_keep_terms ON transactions;
CREATE TRIGGER transactions_keep_terms BEFORE UPDATE OF transaction_id, amount, kind, account{more} ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_keep_terms();
"""

SENT_ONCE = """
CREATE OR REPLACE FUNCTION payouts_are_sent_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a payout is stored before it is marked as sent' USING ERRCODE = 'check_violation';
    ELSIF OLD.sent_at IS NOT NULL AND OLD.status = 'refused' AND NEW.status = 'created' THEN
        RAISE EXCEPTION 'payout % was sent, and is not taken up again', OLD.id USING ERRCODE = 'check_violation';
    ELSIF OLD.sent_at IS NOT DISTINCT FROM NEW.sent_at THEN
        RETURN NEW;
    ELSIF OLD.sent_at IS NULL THEN
        IF OLD.status <> 'created' OR NEW.status <> 'created' THEN
            RAISE EXCEPTION 'a % payout is not marked as sent', OLD.status USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.sent_at IS NOT NULL THEN
        RAISE EXCEPTION 'payout % was marked as sent before', OLD.id USING ERRCODE = 'check_violation';
    ELSIF OLD.status <> 'created' OR NEW.status <> 'refused' OR OLD.token IS NOT NULL THEN
        RAISE EXCEPTION 'the mark that payout % was sent goes only with a refusal', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS payouts_are_stored_first ON transactions;
CREATE TRIGGER payouts_are_stored_first BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.sent_at IS NOT NULL) EXECUTE FUNCTION payouts_are_sent_once();
DROP TRIGGER IF EXISTS payouts_are_sent_once ON transactions;
CREATE TRIGGER payouts_are_sent_once BEFORE UPDATE OF sent_at, status ON transactions
    FOR EACH ROW WHEN (OLD.kind = 'payout') EXECUTE FUNCTION payouts_are_sent_once();
"""


def upgrade() -> None:
    op.execute(
        "ALTER TABLE transactions ADD COLUMN IF NOT EXISTS route text, ADD COLUMN IF NOT EXISTS customer text,"
        " ADD COLUMN IF NOT EXISTS stays_in_wallet boolean, ADD COLUMN IF NOT EXISTS sent_at timestamptz"
    )
    _replace_rules(RULES)
    op.execute(LEGAL_MOVE.format(more=FOUND_OUT))
    op.execute(EVIDENCE.format(proven=PAYOUTS_TOO))
    op.execute(TERMS.format(more=", route, customer, stays_in_wallet"))
    op.execute(SENT_ONCE)
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        for name in RULES:
            op.execute(f"ALTER TABLE transactions VALIDATE CONSTRAINT {name}")
        op.drop_index("ix_transactions_payouts", "transactions", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "ix_transactions_payouts",
            "transactions",
            ["id"],
            postgresql_where=sa.text("kind = 'payout'"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Refused by the database while a payout was decided without its token; else payouts lose their way and their mark.

    The release before knows no payouts: make sure that none is under way.
    """
    op.drop_index("ix_transactions_payouts", "transactions")
    op.execute("DROP FUNCTION payouts_are_sent_once CASCADE")
    op.execute(TERMS.format(more=""))
    op.execute(EVIDENCE.format(proven=PAYINS_ALONE))
    op.execute(LEGAL_MOVE.format(more=""))
    for name in RULES:
        op.drop_constraint(op.f(name), "transactions", type_="check")
    _replace_rules(OLD_RULES, valid=True)
    for column in ("sent_at", "stays_in_wallet", "customer", "route"):
        op.drop_column("transactions", column)


def _replace_rules(rules: dict[str, str], *, valid: bool = False) -> None:
    for name, rule in rules.items():
        op.drop_constraint(op.f(name), "transactions", type_="check", if_exists=True)
        op.create_check_constraint(op.f(name), "transactions", rule, postgresql_not_valid=not valid)
