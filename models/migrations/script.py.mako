"""${message}.

Must run beside the code of the release before: add, fill in batches, enforce, in separate revisions.

A statement waits at most 4 seconds for a lock. CREATE INDEX CONCURRENTLY waits for other transactions too and stops nobody:
put it alone in a revision, in `with op.get_context().autocommit_block():`, between `SET lock_timeout = 0` and `RESET
lock_timeout`, after a DROP INDEX CONCURRENTLY IF EXISTS. What runs outside a transaction must bear being run again.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
