"""Alembic's entry: runs migrations on the connection handed over by `models.migrate`, or on DATABASE_URL.

The second way serves `alembic revision --autogenerate`, for whoever changes a table.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection, create_engine

from models import Base


def run(connection: Connection) -> None:
    """All revisions in the caller's transaction: a migration that fails leaves nothing behind."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url).begin() as opened:
        run(opened)
