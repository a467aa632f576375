"""Engine, session factory, and the only commit in the project."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from psycopg.errors import ReadOnlySqlTransaction
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from models.errors import StoreAway

Sessions = sessionmaker[Session]

# A statement that waits is worse than one that fails: the row is due again by itself. Milliseconds.
SERVER_LIMITS = "-c statement_timeout={statement} -c lock_timeout=4000 -c idle_in_transaction_session_timeout=15000"


def make_engine(url: str, *, pool_size: int = 5, statement_within: float = 10) -> Engine:
    """An engine that opens nothing until used. One per process, made after any fork: children must not share sockets.

    The server ends a statement that takes longer than `statement_within` seconds.
    """
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=5,
        pool_pre_ping=True,
        # Parameters hold tokens, and error texts end up in logs.
        hide_parameters=True,
        connect_args={
            "connect_timeout": 3,
            # Milliseconds until a peer that acknowledges nothing counts as gone: a dead network must not hold a writer.
            "tcp_user_timeout": 12_000,
            # Seconds of silence until the peer is asked whether it still lives: a machine that vanished never answers.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "options": SERVER_LIMITS.format(statement=round(statement_within * 1000)),
            "application_name": "reconciler",
        },
    )
    event.listen(engine, "handle_error", _leave_a_read_only_server)
    return engine


def _leave_a_read_only_server(context: ExceptionContext) -> None:
    """After a failover, connections lead to what is now a standby: drop them all, and the next ones find the primary."""
    if isinstance(context.original_exception, ReadOnlySqlTransaction):
        context.is_disconnect = True


def make_sessions(engine: Engine) -> Sessions:
    """Sessions whose objects stay readable after commit; nothing is flushed or loaded behind anybody's back."""
    return sessionmaker(engine, expire_on_commit=False, autoflush=False)


def _cause(exc: DBAPIError | PoolTimeout) -> str:
    """The driver's own first line, which names host, user and reason, and never a password or a parameter."""
    lines = str(getattr(exc, "orig", None) or "no free connection").strip().splitlines()
    return lines[0].removeprefix("connection failed: ")[:200] if lines else type(exc).__name__


@dataclass(slots=True)
class Step:
    """One step in one transaction. What stands in `after_commit` runs once, after the commit, outside the transaction.

    SQLAlchemy's own `after_commit` event fires on savepoints too and outlives a rollback; a plain list does neither.
    """

    session: Session
    after_commit: list[Callable[[], object]] = field(default_factory=list)


@contextmanager
def transaction(sessions: Sessions) -> Iterator[Step]:
    """One transaction: commit at the end, roll back on any error. Raises `StoreAway` when the database is not there.

    Never hold one open during a call to the gateway. A crash between commit and `after_commit` loses what stands
    there; that is by design, and why only hints may stand there.
    """
    try:
        with sessions() as session, session.begin():
            step = Step(session)
            yield step
    except (DBAPIError, PoolTimeout) as exc:
        is_away = isinstance(exc, OperationalError | InterfaceError | PoolTimeout) or exc.connection_invalidated
        if not is_away:
            raise
        raise StoreAway(f"the database cannot be reached or is too busy: {_cause(exc)}") from exc
    for call in step.after_commit:
        call()
