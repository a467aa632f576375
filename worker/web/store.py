"""Commits of receipts: all together, and in halves when one of them may be bad."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from config import policy
from models.callback import Receipt
from models.errors import ReconcilerError, StoreAway
from models.queries.receive import store_callbacks
from models.session import Sessions, transaction

QUICKLY = 1.0
"""Seconds. A commit that failed sooner met a broken connection or a restart: one more try is nearly free."""

Item = TypeVar("Item")


class NotStorable(ReconcilerError):
    """The database will not have this one receipt, and the reason lies in the receipt; others are not concerned."""


def commit(sessions: Sessions, receipts: Sequence[Receipt], *, received_at: Sequence[datetime] = ()) -> list[int]:
    """Store all with one commit; their ids. `received_at` is for those that knocked earlier.

    Raises `NotStorable` when the reason may lie in one of them, and `StoreAway` when the database takes nothing from
    anybody. Tries twice if need be: should the first commit have got through unheard, there are two receipts of one knock.
    """
    started = time.monotonic()
    try:
        return _commit_once(sessions, receipts, received_at)
    except StoreAway:
        if time.monotonic() - started > QUICKLY:
            raise
    return _commit_once(sessions, receipts, received_at)


def _commit_once(sessions: Sessions, receipts: Sequence[Receipt], received_at: Sequence[datetime]) -> list[int]:
    try:
        with transaction(sessions) as step:
            return store_callbacks(step.session, receipts, grace=policy.INTAKE_GRACE, received_at=received_at)
    except StoreAway:
        raise
    except Exception as exc:
        if _may_lie_in_a_receipt(exc):
            raise NotStorable(f"this request cannot be stored ({_kind(exc)})") from exc
        raise StoreAway(f"the database cannot store anything now ({_kind(exc)})") from exc


def in_parts(
    items: Sequence[Item], commit: Callable[[Sequence[Item]], list[int]]
) -> Iterator[tuple[Sequence[Item], list[int] | NotStorable]]:
    """Commit all, or, while `commit` raises `NotStorable`, each half by itself, until the bad one is alone.

    Yields each part with its ids, or the bad one with its trouble, as soon as that is known.
    """
    try:
        ids = commit(items)
    except NotStorable as exc:
        if len(items) == 1:
            yield items, exc
            return
    else:
        yield items, ids
        return
    middle = len(items) // 2
    yield from in_parts(items[:middle], commit)
    yield from in_parts(items[middle:], commit)


def _may_lie_in_a_receipt(exc: Exception) -> bool:
    """Whether one receipt may be the cause.

    It is not when a table or a right is missing, or this process is out of files or memory: dividing the batch would
    fail at every step and end in an error for each.
    """
    return isinstance(exc, DataError | IntegrityError) or not isinstance(exc, DBAPIError | OSError | MemoryError)


def _kind(exc: Exception) -> str:
    """The name of the error. The text of a database error repeats what was to be stored: its kind must do."""
    return type(exc.orig if isinstance(exc, DBAPIError) else exc).__name__
