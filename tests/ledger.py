"""Shorthands for tests on the books: put rows there, let time pass by editing dates, read back what became of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from models import Base
from models.account import DEFAULT
from models.answers import Answer
from models.callback import Receipt
from models.check import Lane
from models.queries import ask, receive
from models.session import Sessions, make_sessions, transaction
from models.transaction import Invoice
from tasks.record import Answered, record
from tasks.toolbox import Toolbox
from tests.fakes import completed
from tests.servers import patient_engine

SPACING = timedelta(seconds=3)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=39)
GRACE = timedelta(seconds=5)
YOUNG = timedelta(hours=1)

ADD = text("""
    INSERT INTO transactions (kind, account, transaction_id, amount, status, order_digest, next_check_at)
    SELECT 'invoice', :account, 'ORD-' || n, CAST(:amount AS bigint), 'created', '\\x00', clock_timestamp() + interval '2 min'
    FROM generate_series(CAST(:first AS int), CAST(:last AS int)) AS n RETURNING id
""")
OPEN = text("""
    UPDATE transactions SET status = 'pending', token = 'token-of-' || transaction_id,
        next_check_at = clock_timestamp() + :due_in
    WHERE status = 'created' AND token IS NULL
""")
TABLES = [table.name for table in Base.metadata.sorted_tables]
LARGEST = f"""
    SELECT greatest({", ".join(f"pg_relation_size('{name}')" for name in TABLES)}), current_setting('block_size')::int
"""
TRUNCATE = f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY"
DELETE = f"""
    LOCK {", ".join(TABLES)} IN EXCLUSIVE MODE;
    SET LOCAL session_replication_role = replica;
    {"".join(f"DELETE FROM {name};" for name in TABLES)}
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL
"""
"""The same without new files: it too waits for whoever writes, and asks no guard and no foreign key."""


class Stopwatch:
    """Tells how long the test that runs has taken so far; started before each."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began


STOPWATCH = Stopwatch()


@contextmanager
def open_books(database_url: str) -> Iterator[Sessions]:
    """Sessions on this database, closed at the end; enough connections for the threads of a race."""
    engine = patient_engine(database_url, pool_size=16)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()


@contextmanager
def taken_back(books: Sessions) -> Iterator[Sessions]:
    """Sessions on these books whose steps are savepoints of one transaction, which is rolled back: nothing of it stays.

    For one thread, and `now()` stands still in it.
    """
    with books.kw["bind"].connect() as connection:
        connection.begin()
        yield sessionmaker(
            connection, expire_on_commit=False, autoflush=False, join_transaction_mode="create_savepoint"
        )


def run(sessions: Sessions, statement: str, **parameters: Any) -> list[Any]:
    """Any statement, committed; its rows as tuples, or nothing."""
    with transaction(sessions) as step:
        result = step.session.execute(text(statement), parameters)
        return [tuple(row) for row in result] if result.returns_rows else []


def empty(sessions: Sessions) -> None:
    """Take every row out of every table; ids begin at 1 again.

    TRUNCATE makes a hundred new files, which is most of the work of a small test. Where no table has more than a page the
    rows are deleted: what comes next still lies there in the order in which it comes.
    """
    [(size, page)] = run(sessions, LARGEST)
    run(sessions, DELETE if size <= page else TRUNCATE)


def value(sessions: Sessions, statement: str, **parameters: Any) -> Any:
    """The one value a statement gives."""
    [(found,)] = run(sessions, statement, **parameters)
    return found


def add_created(sessions: Sessions, count: int = 1, *, amount: int = 5000, account: str = DEFAULT) -> list[int]:
    """Rows whose create has had no reply yet, named ORD-1 and so on; due as holes in two minutes."""
    with transaction(sessions) as step:
        before = step.session.execute(text("SELECT count(*) FROM transactions")).scalar_one()
        parameters = {"amount": amount, "account": account, "first": before + 1, "last": before + count}
        return sorted(step.session.scalars(ADD, parameters).all())


def add_pending(
    sessions: Sessions, count: int = 1, *, amount: int = 5000, due_in: float = 60, account: str = DEFAULT
) -> list[int]:
    """Rows that wait for their customer; the token of ORD-1 is token-of-ORD-1."""
    pks = add_created(sessions, count, amount=amount, account=account)
    with transaction(sessions) as step:
        step.session.execute(OPEN, {"due_in": timedelta(seconds=due_in)})
    return pks


def row(sessions: Sessions, pk: int) -> Invoice:
    """The row as it is now."""
    with transaction(sessions) as step:
        return step.session.get_one(Invoice, pk)


class Left(float):
    """Seconds that are left of a wait. It was longer when it began: by no more than this test has taken, on a busy machine long."""

    def __gt__(self, least: float) -> bool:
        return float(self) + STOPWATCH.seconds > least


def left(sessions: Sessions, statement: str, **parameters: Any) -> Left | None:
    """What is left until the date that this statement gives, negative when it is past; None when it gives none."""
    found = value(sessions, f"SELECT extract(epoch FROM ({statement}) - clock_timestamp())::float8", **parameters)
    return None if found is None else Left(found)


def due_in(sessions: Sessions, pk: int) -> Left | None:
    """Seconds until it is asked about next, negative when overdue; None when never by itself."""
    return left(sessions, "SELECT next_check_at FROM transactions WHERE id = :pk", pk=pk)


def let_pass(sessions: Sessions, seconds: float) -> None:
    """Move every date of the books into the past: the same as waiting, for all but the process."""
    by = timedelta(seconds=seconds)
    run(
        sessions,
        """UPDATE transactions SET created_at = created_at - :by, next_check_at = next_check_at - :by,
           nudged_at = nudged_at - :by, last_asked_at = last_asked_at - :by, decided_asked_at = decided_asked_at - :by,
           held_asked_at = held_asked_at - :by""",
        by=by,
    )
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))  # a mark never moves otherwise
        step.session.execute(
            text("UPDATE transactions SET sent_at = sent_at - :by WHERE sent_at IS NOT NULL"), {"by": by}
        )
    run(
        sessions,
        """UPDATE callbacks SET received_at = received_at - :by, stored_at = stored_at - :by,
               next_try_at = next_try_at - :by""",
        by=by,
    )


def let_notices_wait(sessions: Sessions, seconds: float) -> None:
    """The same for delivering notices; when they were written stays, for it is part of what they tell."""
    by = timedelta(seconds=seconds)
    run(sessions, "UPDATE notices SET next_try_at = next_try_at - :by", by=by)
    run(sessions, "UPDATE deliveries SET tried_at = tried_at - :by", by=by)
    run(
        sessions,
        """UPDATE endpoints SET failing_since = failing_since - :by, rest_until = rest_until - :by,
           gone_at = gone_at - :by, taken_until = taken_until - :by""",
        by=by,
    )


def add_settled(sessions: Sessions, number: int = 1, *, tools: Toolbox) -> list[int]:
    """Invoices that were paid and settled, each with its notice; the first of all is ORD-1."""
    pks = add_pending(sessions, number)
    for pk in pks:
        record(tools, [answered(sessions, pk, completed(5000, row(sessions, pk).transaction_id))], lane=LANE)
    return pks


def rewrite(sessions: Sessions, statement: str, **parameters: Any) -> None:
    """A statement past the guards, which let nobody rewrite a callback or an answer."""
    with transaction(sessions) as step:
        step.session.execute(text("SET LOCAL session_replication_role = replica"))
        step.session.execute(text(statement), parameters)


def cases(sessions: Sessions, *, is_open: bool = True) -> list[str]:
    """The kinds of the open cases, or of the closed ones."""
    condition = "IS NULL" if is_open else "IS NOT NULL"
    return [kind for (kind,) in run(sessions, f"SELECT kind FROM cases WHERE resolved_at {condition} ORDER BY id")]


def count(sessions: Sessions, table: str) -> int:
    """How many rows a table has."""
    return value(sessions, f"SELECT count(*) FROM {table}")


def claim(reference: str | None, status: str = "completed", **more: Any) -> bytes:
    """The body of a JSON callback that names this transaction, or none."""
    fields = {"status": status, "amount": 5000, "transaction_id": reference, **more}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def knock(sessions: Sessions, *bodies: bytes) -> list[int]:
    """Store these callbacks as the door does; their ids in the order given."""
    receipts = [Receipt(body=b, content_type="application/json", headers={}, source="203.0.113.7") for b in bodies]
    with transaction(sessions) as step:
        return sorted(receive.store_callbacks(step.session, receipts, grace=GRACE))


def begin(sessions: Sessions, *pks: int, spacing: timedelta = SPACING) -> list[ask.Question]:
    """Leave to ask about these, also when they are final or parked."""
    with transaction(sessions) as step:
        return ask.begin_questions(step.session, pks, spacing=spacing, lease=LEASE, young=YOUNG, anyway=True)


def answered(sessions: Sessions, pk: int, answer: Answer) -> Answered:
    """A question begun now, with this answer, not recorded yet."""
    [question] = begin(sessions, pk)
    return Answered(question=question, answer=answer)


def all_at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own, all starting at one barrier; their results, or the first error."""
    barrier = threading.Barrier(len(calls))

    def start(call: Callable[[], Any]) -> Any:
        barrier.wait(timeout=60)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result(timeout=60) for future in [threads.submit(start, call) for call in calls]]


LANE = Lane.SWEEP
"""The lane of tests that do not care."""
