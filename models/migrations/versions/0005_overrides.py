"""Let a person end cases and change a status by hand: who did it and why, and a settlement may rest on that alone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KINDS = (
    "kind IN ('mismatch', 'late_success', 'contradiction', 'orphan', 'unreadable', 'token_lost', 'token_refused',"
    " 'parked'{more})"
)
CASE_RULES = {
    "ck_cases_known_kind": KINDS.format(more=", 'endpoint'"),
    "ck_cases_about_something": "transaction_pk IS NOT NULL OR callback_id IS NOT NULL OR account IS NOT NULL",
}
OLD_CASE_RULES = {
    "ck_cases_known_kind": KINDS.format(more=""),
    "ck_cases_about_something": "transaction_pk IS NOT NULL OR callback_id IS NOT NULL",
}
SETTLEMENT_RULES = {"ck_settlements_one_ground": "num_nonnulls(check_id, override_id) = 1"}

GUARDS = """
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
          AND c.said = 'completed' AND c.amount = NEW.amount AND t.amount = NEW.amount
          AND c.reference = t.transaction_id AND t.account = NEW.account
    ) THEN
        RAISE EXCEPTION 'check % does not justify a settlement of transaction %', NEW.check_id, NEW.transaction_pk
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION overrides_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an override is never changed or removed' USING ERRCODE = 'check_violation';
END $$;
DROP TRIGGER IF EXISTS overrides_are_final ON overrides;
CREATE TRIGGER overrides_are_final BEFORE UPDATE OR DELETE ON overrides
    FOR EACH ROW EXECUTE FUNCTION overrides_are_final();

CREATE OR REPLACE FUNCTION overrides_belong_to_a_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM cases WHERE id = NEW.case_id AND transaction_pk = NEW.transaction_pk) THEN
        RAISE EXCEPTION 'case % is not about transaction %', NEW.case_id, NEW.transaction_pk
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER IF EXISTS overrides_belong_to_a_case ON overrides;
CREATE TRIGGER overrides_belong_to_a_case BEFORE INSERT ON overrides
    FOR EACH ROW EXECUTE FUNCTION overrides_belong_to_a_case();
"""

GUARD_BEFORE = """
CREATE OR REPLACE FUNCTION settlements_rest_on_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM checks c JOIN transactions t ON t.id = c.transaction_pk
        WHERE c.id = NEW.check_id AND t.id = NEW.transaction_pk AND t.status = 'completed'
          AND c.said = 'completed' AND c.amount = NEW.amount AND t.amount = NEW.amount
          AND c.reference = t.transaction_id AND t.account = NEW.account
    ) THEN
        RAISE EXCEPTION 'check % does not justify a settlement of transaction %', NEW.check_id, NEW.transaction_pk
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP FUNCTION overrides_are_final, overrides_belong_to_a_case CASCADE;
"""


def upgrade() -> None:
    op.execute(
        "ALTER TABLE cases ADD COLUMN IF NOT EXISTS account text,"
        " ADD COLUMN IF NOT EXISTS resolved_by text NOT NULL DEFAULT ''"
    )
    _create_overrides()
    op.execute(
        "ALTER TABLE settlements ALTER COLUMN check_id DROP NOT NULL, ADD COLUMN IF NOT EXISTS override_id bigint"
        " CONSTRAINT uq_settlements_override_id UNIQUE CONSTRAINT fk_settlements_override_id REFERENCES overrides (id)"
    )
    _replace_rules("cases", CASE_RULES)
    _replace_rules("settlements", SETTLEMENT_RULES)
    op.execute(GUARDS)
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does, and for the same reason
    # everything above may be run twice.
    with op.get_context().autocommit_block():
        for table, rules in (("cases", CASE_RULES), ("settlements", SETTLEMENT_RULES)):
            for name in rules:
                op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        op.drop_index("uq_cases_open_account", "cases", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "uq_cases_open_account",
            "cases",
            ["account", "kind"],
            unique=True,
            postgresql_where=sa.text("resolved_at IS NULL AND account IS NOT NULL"),
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Refused by the database while settlements rest on overrides or cases are about endpoints: they would be lost."""
    op.drop_index("uq_cases_open_account", "cases")
    _replace_rules("cases", OLD_CASE_RULES, valid=True)
    op.drop_column("cases", "resolved_by")
    op.drop_column("cases", "account")
    op.alter_column("settlements", "check_id", nullable=False)
    op.drop_constraint(op.f("ck_settlements_one_ground"), "settlements", type_="check")
    op.drop_column("settlements", "override_id")
    op.execute(GUARD_BEFORE)
    op.drop_table("overrides")


def _create_overrides() -> None:
    words = "'created', 'refused', 'pending', 'completed', 'notcompleted'"
    op.create_table(
        "overrides",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("old_status", sa.Text(), nullable=False),
        sa.Column("new_status", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint(f"old_status IN ({words})", name=op.f("ck_overrides_known_old_status")),
        sa.CheckConstraint(f"new_status IN ({words})", name=op.f("ck_overrides_known_new_status")),
        sa.CheckConstraint(
            "(new_status = 'completed') = (amount > 0)", name=op.f("ck_overrides_amount_of_money_that_moved")
        ),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_overrides_amount_not_negative")),
        sa.CheckConstraint("author <> '' AND reason <> ''", name=op.f("ck_overrides_answered_for")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_overrides_case_id")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_overrides_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_overrides")),
        if_not_exists=True,
    )
    op.create_index("ix_overrides_transaction", "overrides", ["transaction_pk"], unique=False, if_not_exists=True)


def _replace_rules(table: str, rules: dict[str, str], *, valid: bool = False) -> None:
    for name, rule in rules.items():
        op.drop_constraint(op.f(name), table, type_="check", if_exists=True)
        op.create_check_constraint(op.f(name), table, rule, postgresql_not_valid=not valid)
