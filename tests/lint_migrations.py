"""`python -m tests.lint_migrations`: migrate an empty PostgreSQL and compare it with the declared tables.

Part of `make lint`. Alembic's own `alembic check`, on a server of its own; exits with 1 and one line per difference.
"""

from __future__ import annotations

import sys

from models import migrate
from tests.servers import create_database, fresh_name, running_servers


def differences() -> list[str]:
    """What the migrations leave out, or make that no table declares."""
    with running_servers(fsync=False) as servers:
        url = create_database(servers.postgres_url, fresh_name())
        migrate.upgrade(url)
        return migrate.drift(url)


def main() -> int:
    """Tell, and return the exit code."""
    found = differences()
    for difference in found:
        sys.stderr.write(f"migrations and tables disagree: {difference}\n")
    if not found:
        sys.stdout.write("Migrations and tables agree.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
