"""Alembic's entry: runs migrations on the connection handed over by `models.migrate`, or on DATABASE_URL.

The second way serves `alembic revision --autogenerate`, for whoever changes a table.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from models import Base


def run(connection: Connection) -> None:
    """Each revision in a transaction of its own: one that fails leaves nothing behind, those before it stand.

    A step that must not be in one (CREATE INDEX CONCURRENTLY, a fill in batches) uses `op.get_context().autocommit_block()`.
    """
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url).connect() as opened:
        run(opened)
