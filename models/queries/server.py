"""What the doctor asks of the database server: its version, how durable it is, its clock, and room for connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The server as this session sees it. Settings are those that apply to this user in this database."""

    version: str
    version_number: int
    """As PostgreSQL counts: 180001 is 18.1."""
    is_standby: bool
    is_read_only: bool
    isolation: str
    fsync: str
    synchronous_commit: str
    full_page_writes: str
    connections: int
    """In use on the whole server."""
    connections_at_most: int
    """That anybody but a superuser may open; the lowest of all bounds that apply."""


# Unset where the server does not know a setting yet; -1 is no bound.
FACTS = text("""
    SELECT current_setting('server_version') AS version,
           CAST(current_setting('server_version_num') AS int) AS version_number,
           pg_is_in_recovery() AS is_standby,
           current_setting('default_transaction_read_only') = 'on' AS is_read_only,
           current_setting('default_transaction_isolation') AS isolation,
           current_setting('fsync') AS fsync,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('full_page_writes') AS full_page_writes,
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
           LEAST(
               CAST(current_setting('max_connections') AS int)
                   - CAST(current_setting('superuser_reserved_connections') AS int)
                   - COALESCE(CAST(current_setting('reserved_connections', TRUE) AS int), 0),
               (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
               (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
           ) AS connections_at_most
""")

CLOCK = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS float8)")


def server_facts(session: Session) -> ServerFacts:
    """Look once."""
    row: Row[Any] = session.execute(FACTS).one()
    return ServerFacts(**row._asdict())


def server_clock(session: Session) -> float:
    """Seconds since 1970, by the server."""
    return float(session.execute(CLOCK).scalar_one())
