"""PostgreSQL: whether it is there, keeps what it acknowledges, and has the tables of this version."""

from __future__ import annotations

import time
from dataclasses import dataclass

from alembic.script.revision import RevisionError
from alembic.util import CommandError

from models import migrate
from models.queries.server import ServerFacts, server_clock, server_facts
from models.session import Sessions, transaction
from worker.language import N_
from worker.ops.doctor.clocks import Clock, read_clock
from worker.ops.doctor.errand import Away
from worker.ops.doctor.finding import Finding, Name, bad, ok, unknown, warn

WITHIN = 8.0
"""Seconds one look may take."""

OLDEST = 140_000
"""The oldest version whose features the statements need: PostgreSQL 14."""

OVERFLOW = 2
"""Connections a process opens beyond its pool, for a moment."""

FEW = 3
"""Processes for which there should be room: one more of each kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What one look at the server saw."""

    server: ServerFacts
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """The migrations that are missing, or that there are more than this version knows."""

    missing: tuple[str, ...]
    is_newer: bool = False


def look_at_database(sessions: Sessions) -> Database:
    """Raises `StoreAway`."""
    with transaction(sessions) as step:
        facts = server_facts(step.session)
        server_clock(step.session)  # the first one of a connection is slower
        clock = read_clock(lambda: server_clock(step.session), local=time.time)
    return Database(server=facts, clock=clock)


def look_at_revisions(url: str) -> Revisions:
    """Raises `StoreAway`."""
    try:
        return Revisions(missing=tuple(migrate.pending(url)))
    except (CommandError, RevisionError):  # a newer release runs beside this one
        return Revisions(missing=(), is_newer=True)


def judge_database(seen: Database | Away) -> list[Finding]:
    """The server itself: three lines."""
    if isinstance(seen, Away):
        lines = [bad(Name.DATABASE, N_("{why}"), N_("check DATABASE_URL, and that PostgreSQL runs"), why=seen.why)]
        return [*lines, *(unknown(name, NOT_SEEN) for name in (Name.ISOLATION, Name.DURABILITY))]
    return [_server(seen.server), _isolation(seen.server), _durability(seen.server)]


NOT_SEEN = N_("not looked at: the database could not be asked")


def _server(server: ServerFacts) -> Finding:
    if server.version_number < OLDEST:
        found = N_("PostgreSQL {version}; version 14 is the oldest that will do")
        return bad(Name.DATABASE, found, N_("move the database to a newer server"), version=server.version)
    if server.is_standby or server.is_read_only:
        found = N_("takes no writes: it is a standby, or read-only by default")
        return bad(Name.DATABASE, found, N_("point DATABASE_URL to the primary, and to a user who may write"))
    return ok(Name.DATABASE, N_("PostgreSQL {version}, takes writes"), version=server.version)


def _isolation(server: ServerFacts) -> Finding:
    if server.isolation != "read committed":
        found = N_("{isolation} by default; conditional updates then fail instead of losing the race")
        fix = N_("ALTER DATABASE ... SET default_transaction_isolation = 'read committed'")
        return bad(Name.ISOLATION, found, fix, isolation=server.isolation)
    return ok(Name.ISOLATION, N_("read committed"))


def _durability(server: ServerFacts) -> Finding:
    off = [
        name
        for name, value in (
            ("fsync", server.fsync),
            ("full_page_writes", server.full_page_writes),
            ("synchronous_commit", server.synchronous_commit),
        )
        if value == "off"
    ]
    if off:
        found = N_("{names} off: a callback that was acknowledged can be lost with the power")
        return bad(Name.DURABILITY, found, N_("set them on in postgresql.conf, then reload"), names=", ".join(off))
    return ok(Name.DURABILITY, N_("what is committed is on disk"))


def judge_revisions(seen: Revisions | Away) -> Finding:
    """Whether the tables are those of this version."""
    if isinstance(seen, Away):
        return unknown(Name.MIGRATIONS, NOT_SEEN)
    if seen.is_newer:
        found = N_("the database was migrated by a newer version")
        return warn(Name.MIGRATIONS, found, N_("update this program soon; it may run on until then"))
    if seen.missing:
        found = N_("pending: {revisions}")
        return bad(Name.MIGRATIONS, found, N_("run `reconciler migrate`"), revisions=", ".join(seen.missing))
    return ok(Name.MIGRATIONS, N_("none pending"))


def judge_connections(seen: Database | Away, *, pool_size: int) -> Finding:
    """Whether one more process, and then a few, would find room."""
    if isinstance(seen, Away):
        return unknown(Name.CONNECTIONS, NOT_SEEN)
    server, each = seen.server, pool_size + OVERFLOW
    room = server.connections_at_most - server.connections
    values = {"used": server.connections, "most": server.connections_at_most, "each": each}
    fix = N_("raise max_connections, or lower DATABASE_POOL_SIZE")
    found = N_("{used} of {most} in use; each process opens up to {each}")
    if room < each:
        return bad(Name.CONNECTIONS, found, fix, **values)
    if room < FEW * each:
        return warn(Name.CONNECTIONS, found, fix, **values)
    return ok(Name.CONNECTIONS, found, **values)
