"""The first tables, and the rules that no code may break: kept by the database itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Each raises with a sentence that names the rule; the table tests walk every pair of statuses against models.LEGAL_MOVES.
GUARDS = """
CREATE FUNCTION transactions_begin_created() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a transaction begins as created, not as %', NEW.status USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER transactions_begin_created BEFORE INSERT ON transactions
    FOR EACH ROW WHEN (NEW.status <> 'created') EXECUTE FUNCTION transactions_begin_created();

CREATE FUNCTION transactions_legal_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('created', 'pending'), ('created', 'refused'), ('refused', 'created'),
        ('pending', 'completed'), ('pending', 'notcompleted'), ('notcompleted', 'completed')
    ) THEN
        RAISE EXCEPTION 'a % transaction cannot become %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transactions_legal_move BEFORE UPDATE OF status ON transactions
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION transactions_legal_move();

CREATE FUNCTION transactions_keep_terms() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the id and the amount of a transaction never change' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER transactions_keep_terms BEFORE UPDATE OF transaction_id, amount, kind, account ON transactions
    FOR EACH ROW EXECUTE FUNCTION transactions_keep_terms();

CREATE FUNCTION transactions_completed_is_settled() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlements WHERE transaction_pk = NEW.id) THEN
        RAISE EXCEPTION 'transaction % is completed without a settlement', NEW.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transactions_completed_is_settled AFTER UPDATE OF status ON transactions
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status = 'completed') EXECUTE FUNCTION transactions_completed_is_settled();

CREATE FUNCTION settlements_rest_on_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER settlements_rest_on_evidence BEFORE INSERT ON settlements
    FOR EACH ROW EXECUTE FUNCTION settlements_rest_on_evidence();

CREATE FUNCTION checks_are_evidence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what the gateway answered is never rewritten' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER checks_are_evidence BEFORE UPDATE OF transaction_pk, lane, asked_at, said, amount, reference ON checks
    FOR EACH ROW EXECUTE FUNCTION checks_are_evidence();

CREATE FUNCTION settlements_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a settlement is never changed or removed' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER settlements_are_final BEFORE UPDATE OR DELETE ON settlements
    FOR EACH ROW EXECUTE FUNCTION settlements_are_final();
"""

UNGUARD = """
DROP FUNCTION transactions_begin_created, transactions_legal_move, transactions_keep_terms,
    transactions_completed_is_settled, settlements_rest_on_evidence, checks_are_evidence,
    settlements_are_final CASCADE;
"""


def upgrade() -> None:
    op.create_table(
        "notice_counters",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_notice_counters")),
    )
    op.create_table(
        "transactions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), server_default="default", nullable=False),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("order_digest", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("payment_url", sa.Text(), nullable=True),
        sa.Column("operator_id", sa.Text(), server_default="", nullable=False),
        sa.Column("operator_name", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("refusal", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("nudged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("answered", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("silences", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("kind IN ('invoice', 'payout')", name=op.f("ck_transactions_known_kind")),
        sa.CheckConstraint(
            "status IN ('created', 'refused') OR token IS NOT NULL", name=op.f("ck_transactions_askable")
        ),
        sa.CheckConstraint(
            "status IN ('created', 'refused', 'pending', 'completed', 'notcompleted')",
            name=op.f("ck_transactions_known_status"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('created', 'pending') OR next_check_at IS NOT NULL OR parked_at IS NOT NULL",
            name=op.f("ck_transactions_never_quiet"),
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_transactions_positive_amount")),
        sa.CheckConstraint("length(token) BETWEEN 1 AND 2048", name=op.f("ck_transactions_token_length")),
        sa.CheckConstraint(
            "length(transaction_id) BETWEEN 1 AND 255", name=op.f("ck_transactions_transaction_id_length")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transactions")),
        sa.UniqueConstraint("token", name=op.f("uq_transactions_token")),
        sa.UniqueConstraint("transaction_id", name=op.f("uq_transactions_transaction_id")),
    )
    op.create_index(
        "ix_transactions_due",
        "transactions",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
    )
    op.create_index("ix_transactions_status_id", "transactions", ["status", "id"], unique=False)
    op.create_table(
        "callbacks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="received", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('received', 'matched', 'unmatched', 'orphan', 'unreadable')",
            name=op.f("ck_callbacks_known_outcome"),
        ),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_callbacks_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
    )
    op.create_index(
        "ix_callbacks_due",
        "callbacks",
        ["next_try_at"],
        unique=False,
        postgresql_where=sa.text("next_try_at IS NOT NULL"),
    )
    op.create_index("ix_callbacks_outcome_id", "callbacks", ["outcome", "id"], unique=False)
    op.create_index(
        "ix_callbacks_transaction",
        "callbacks",
        ["transaction_pk"],
        unique=False,
        postgresql_where=sa.text("transaction_pk IS NOT NULL"),
    )
    op.create_table(
        "checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("sub_code", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("lane IN ('callback', 'person', 'sweep', 'replay')", name=op.f("ck_checks_known_lane")),
        sa.CheckConstraint(
            "said IN ('completed', 'notcompleted', 'pending', 'unknown', 'not_found', 'refused', 'silence')",
            name=op.f("ck_checks_known_said"),
        ),
        sa.CheckConstraint("took_ms >= 0", name=op.f("ck_checks_took_forward")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_checks_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
    )
    op.create_index("ix_checks_transaction", "checks", ["transaction_pk", "id"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('completed', 'notcompleted')", name=op.f("ck_notices_known_kind")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_notices_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("account", "seq", name=op.f("uq_notices_account_seq")),
        sa.UniqueConstraint("transaction_pk", "kind", name=op.f("uq_notices_transaction_pk_kind")),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("transaction_pk", sa.BigInteger(), nullable=True),
        sa.Column("callback_id", sa.BigInteger(), nullable=True),
        sa.Column("check_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "kind IN ('mismatch', 'late_success', 'contradiction', 'orphan', 'unreadable', 'token_lost', 'token_refused', 'parked')",
            name=op.f("ck_cases_known_kind"),
        ),
        sa.CheckConstraint(
            "transaction_pk IS NOT NULL OR callback_id IS NOT NULL", name=op.f("ck_cases_about_something")
        ),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], name=op.f("fk_cases_callback_id")),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_cases_check_id")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_cases_transaction_pk")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_transaction", "cases", ["transaction_pk"], unique=False)
    op.create_index("ix_cases_callback", "cases", ["callback_id"], unique=False)
    op.create_index(
        "uq_cases_open_callback",
        "cases",
        ["callback_id", "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL AND transaction_pk IS NULL"),
    )
    op.create_index(
        "uq_cases_open_transaction",
        "cases",
        ["transaction_pk", "kind"],
        unique=True,
        postgresql_where=sa.text("resolved_at IS NULL AND transaction_pk IS NOT NULL"),
    )
    op.create_table(
        "settlements",
        sa.Column("transaction_pk", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("check_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column(
            "settled_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_settlements_positive_amount")),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_settlements_check_id")),
        sa.ForeignKeyConstraint(["transaction_pk"], ["transactions.id"], name=op.f("fk_settlements_transaction_pk")),
        sa.PrimaryKeyConstraint("transaction_pk", name=op.f("pk_settlements")),
        sa.UniqueConstraint("check_id", name=op.f("uq_settlements_check_id")),
    )
    op.execute(GUARDS)


def downgrade() -> None:
    op.execute(UNGUARD)
    op.drop_table("settlements")
    op.drop_index(
        "uq_cases_open_transaction",
        table_name="cases",
        postgresql_where=sa.text("resolved_at IS NULL AND transaction_pk IS NOT NULL"),
    )
    op.drop_index(
        "uq_cases_open_callback",
        table_name="cases",
        postgresql_where=sa.text("resolved_at IS NULL AND transaction_pk IS NULL"),
    )
    op.drop_table("cases")
    op.drop_table("notices")
    op.drop_index("ix_checks_transaction", table_name="checks")
    op.drop_table("checks")
    op.drop_index(
        "ix_callbacks_transaction", table_name="callbacks", postgresql_where=sa.text("transaction_pk IS NOT NULL")
    )
    op.drop_index("ix_callbacks_outcome_id", table_name="callbacks")
    op.drop_index("ix_callbacks_due", table_name="callbacks", postgresql_where=sa.text("next_try_at IS NOT NULL"))
    op.drop_table("callbacks")
    op.drop_index("ix_transactions_status_id", table_name="transactions")
    op.drop_index(
        "ix_transactions_due", table_name="transactions", postgresql_where=sa.text("next_check_at IS NOT NULL")
    )
    op.drop_table("transactions")
    op.drop_table("notice_counters")
