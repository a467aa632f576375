"""Keeping the token of a creation: the gateway's reply holds the only copy, and without it nobody can ask."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from sqlalchemy.orm import Session

from models import trace
from models.errors import StoreAway
from models.session import Sessions, transaction

log = structlog.get_logger()

ATTEMPTS = 5
"""How often storing it is tried, a second apart."""


def keep_token(sessions: Sessions, pk: int, store: Callable[[Session], bool]) -> bool:
    """Store it by `store`, stubbornly: with the database gone at this moment it would be lost for good. What `store` says.

    Raises `StoreAway` when the database stays away, and whatever else `store` raises, at once.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return _store(sessions, store)
        except StoreAway:
            log.warning("token_not_stored_yet", trace=trace.of_transaction(pk), attempt=attempt)
            time.sleep(1)
    return _store(sessions, store)


def _store(sessions: Sessions, store: Callable[[Session], bool]) -> bool:
    with transaction(sessions) as step:
        return store(step.session)
