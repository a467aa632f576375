"""Let a case say that payments belong to an account that is not set up."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KNOWN_KIND = "ck_cases_known_kind"
BEFORE = (
    "mismatch",
    "late_success",
    "contradiction",
    "orphan",
    "unreadable",
    "token_lost",
    "token_refused",
    "parked",
    "endpoint",
)


def upgrade() -> None:
    # The release before this one opens none of these, and has none to show: there is but one account to it.
    _allow(*BEFORE, "account")


def downgrade() -> None:
    """Only where no such case was ever opened: a matter for a person is not thrown away."""
    _allow(*BEFORE)


def _allow(*kinds: str) -> None:
    words = ", ".join(f"'{kind}'" for kind in kinds)
    op.drop_constraint(op.f(KNOWN_KIND), "cases", type_="check", if_exists=True)
    op.create_check_constraint(op.f(KNOWN_KIND), "cases", f"kind IN ({words})", postgresql_not_valid=True)
    # Looking at every row without a lock that anybody would wait for, as revision 0002 does.
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE cases VALIDATE CONSTRAINT {KNOWN_KIND}")
