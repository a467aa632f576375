"""Who may sign in to the console: by name, the hash of their password. CONSOLE_USERS_FILE is read again when it changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import structlog

from config.account_tables import read_secret
from config.reread import Reading, Reread
from config.settings import Settings
from config.values import people_of

log = structlog.get_logger()

FILE = "CONSOLE_USERS_FILE"

NOBODY = f"{FILE} names nobody: nobody may sign in until it does"


def known_people(settings: Settings, *, file: Path | None, clock: Callable[[], float] = time.monotonic) -> Reread[str]:
    """The people of these settings; of `file`, where they came from one, as it says from now on.

    A file with faults changes nothing. One that can be read and names nobody lets nobody in, and that is logged as an error.
    """

    def read() -> Reading[str]:
        if file is None:
            return Reading(entries=settings.console_people, faults=(), files=())
        try:
            people = people_of(read_secret(file))
        except ValueError as exc:
            return Reading(entries={}, faults=(f"{FILE}: {exc}",), files=(file,))
        if not people:
            log.error("people_gone", why=NOBODY)
        return Reading(entries=people, faults=(), files=(file,))

    files = () if file is None else (file,)
    return Reread(read, name="people", files=files, known=settings.console_people, clock=clock)
