"""One short look at the books that can change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.session import Sessions, transaction

READ_ONLY = text("SET TRANSACTION READ ONLY")
# A slice is entered by an index, whatever the planner makes of a table it has no figures about yet: reading a whole table
# for each slice of it would take for ever. And the plan has to be that of these ids, not one for any.
BY_INDEX = text("SET LOCAL enable_seqscan = off")
EACH_ITS_PLAN = text("SET LOCAL plan_cache_mode = force_custom_plan")


@contextmanager
def reading(sessions: Sessions) -> Iterator[Session]:
    """A transaction that only reads, made for slices. Raises `StoreAway` when the database is not there."""
    with transaction(sessions) as step:
        for setting in (READ_ONLY, BY_INDEX, EACH_ITS_PLAN):
            step.session.execute(setting)
        yield step.session
