"""Let what is past its time be erased, whole and with the fact that it was; nothing else of it may be rewritten."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = {
    "callbacks": {"erased_at": "timestamptz"},
    "checks": {"erased_at": "timestamptz", "digest": "bytea"},
    "transactions": {"erased_at": "timestamptz"},
}

RULES = {
    "callbacks": (
        "erased_at IS NULL OR length(body) = 0 AND headers = '{}' AND source = ''"
        " AND outcome NOT IN ('received', 'unmatched')"
    ),
    "checks": "(erased_at IS NULL) = (digest IS NULL) AND (erased_at IS NULL OR length(body) = 0)",
    "transactions": (
        "erased_at IS NULL OR status NOT IN ('created', 'pending') AND COALESCE(customer, '') = ''"
        " AND payer IN ('', '*') AND description = '' AND refusal = ''"
    ),
}
"""Also what holds the release before back: it cannot take up again what was erased, nor have it read again."""

IS_OPEN = (
    "EXISTS (SELECT FROM transactions WHERE id = {pk} AND status IN ('created', 'pending'))"
    " OR EXISTS (SELECT FROM cases WHERE transaction_pk = {pk} AND resolved_at IS NULL)"
)

# Each fires only for a statement that names one of its columns, and none of those that receive, read or settle does. Planned
# once and not for each row, whatever the session wants of its own statements: that took two thirds of the time of erasing.
GUARDS = """
CREATE OR REPLACE FUNCTION callbacks_are_receipts() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode TO force_generic_plan AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR NEW.digest <> OLD.digest
       OR NEW.content_type <> OLD.content_type THEN
        RAISE EXCEPTION 'a callback is never rewritten; it can be erased, once and whole'
            USING ERRCODE = 'check_violation';
    ELSIF {is_open_pk} OR EXISTS (
        SELECT FROM cases WHERE callback_id = OLD.id AND resolved_at IS NULL
    ) THEN
        RAISE EXCEPTION 'callback % is not erased: something about it is open', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS callbacks_are_receipts ON callbacks;
CREATE TRIGGER callbacks_are_receipts BEFORE UPDATE OF body, content_type, headers, source, digest, erased_at ON callbacks
    FOR EACH ROW EXECUTE FUNCTION callbacks_are_receipts();

CREATE OR REPLACE FUNCTION checks_keep_their_wording() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode TO force_generic_plan AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR NEW.digest IS DISTINCT FROM sha256(OLD.body)
       OR (OLD.http_status, OLD.sub_code) IS DISTINCT FROM (NEW.http_status, NEW.sub_code) THEN
        RAISE EXCEPTION 'what the gateway answered is never rewritten; its wording can be erased, once, for its digest'
            USING ERRCODE = 'check_violation';
    ELSIF {is_open_pk} THEN
        RAISE EXCEPTION 'check % is not erased: something about its transaction is open', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS checks_keep_their_wording ON checks;
CREATE TRIGGER checks_keep_their_wording BEFORE UPDATE OF body, digest, erased_at, http_status, sub_code ON checks
    FOR EACH ROW EXECUTE FUNCTION checks_keep_their_wording();

CREATE OR REPLACE FUNCTION transactions_erase_persons() RETURNS trigger LANGUAGE plpgsql
SET plan_cache_mode TO force_generic_plan AS $$
BEGIN
    IF OLD.erased_at IS NOT NULL OR NEW.erased_at IS NULL OR (OLD.customer IS NULL) <> (NEW.customer IS NULL) THEN
        RAISE EXCEPTION 'who is paid never changes; persons can be erased, once and whole'
            USING ERRCODE = 'check_violation';
    ELSIF {is_open_id} THEN
        RAISE EXCEPTION 'transaction % is not erased: something about it is open', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS transactions_erase_persons ON transactions;
CREATE TRIGGER transactions_erase_persons BEFORE UPDATE OF customer, payer, erased_at ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_erase_persons();
"""

TERMS = """
DROP TRIGGER IF EXISTS transactions_keep_terms ON transactions;
CREATE TRIGGER transactions_keep_terms
    BEFORE UPDATE OF transaction_id, amount, kind, account, route, stays_in_wallet, mode, asked_operator{more} ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_keep_terms();
"""


def upgrade() -> None:
    # Empty columns, so that no row is written; the release before this one leaves them so.
    for table, columns in COLUMNS.items():
        for column, kind in columns.items():
            op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {kind}")
    _create_marks()
    for table, rule in RULES.items():
        op.drop_constraint(_name(table), table, type_="check", if_exists=True)
        op.create_check_constraint(_name(table), table, rule, postgresql_not_valid=True)
    op.execute(TERMS.format(more=""))
    is_open = {"is_open_pk": IS_OPEN.format(pk="OLD.transaction_pk"), "is_open_id": IS_OPEN.format(pk="OLD.id")}
    op.execute(GUARDS.format(**is_open))
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        for table in RULES:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {_name(table)}")


def downgrade() -> None:
    """What was erased does not come back: the release before shows it as empty, and its events name another hash."""
    op.execute("DROP FUNCTION callbacks_are_receipts, checks_keep_their_wording, transactions_erase_persons CASCADE")
    op.execute(TERMS.format(more=", customer, payer"))
    op.drop_table("shelf_marks")
    for table, columns in COLUMNS.items():
        op.drop_constraint(_name(table), table, type_="check")
        for column in columns:
            op.drop_column(table, column)


def _name(table: str) -> str:
    return op.f(f"ck_{table}_erased_whole")


def _create_marks() -> None:
    op.create_table(
        "shelf_marks",
        sa.Column("shelf", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("upto", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("walked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "shelf IN ('callbacks', 'answers', 'persons', 'proofs', 'settled')",
            name=op.f("ck_shelf_marks_known_shelf"),
        ),
        sa.CheckConstraint("days >= 0", name=op.f("ck_shelf_marks_days_not_negative")),
        sa.CheckConstraint("upto <= walked", name=op.f("ck_shelf_marks_cleared_as_far_as_walked")),
        sa.PrimaryKeyConstraint("shelf", name=op.f("pk_shelf_marks")),
        if_not_exists=True,
    )
