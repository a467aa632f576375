"""One look at everything, for all who look at the console."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from config.reread import Reread
from config.settings import Settings
from tasks.toolbox import Toolbox
from worker.ops.desk import Desk
from worker.ops.situation import Lookout, Situation

PATIENCE = 4.0
"""Seconds a look may hold up a page. What has not answered by then is told of as unknown."""

FRESH_FOR = 2.0
"""Seconds for which everybody is shown the same look."""

HOURS = 24
"""How far back payments are looked at."""

HOURS_FRESH_FOR = 10.0
"""Seconds for which everybody is shown the same figures of these hours: they cost most to read, and to draw."""


class Watchtower:
    """One lookout for all who look: however many they are, one look at a time is under way, and is shown to all."""

    def __init__(self, settings: Settings, tools: Toolbox, people: Reread[str]) -> None:
        self._people = people
        self._lookout = Lookout(Desk(settings=settings, tools=tools), hours=HOURS, hours_fresh_for=HOURS_FRESH_FOR)
        self._lock = threading.Lock()
        self._seen: Situation | None = None
        self._seen_at = 0.0

    def look(self) -> Situation:
        """Everything as of now, or of two seconds ago."""
        with self._lock:
            if self._seen is None or time.monotonic() - self._seen_at > FRESH_FOR:
                seen = self._lookout.look(within=PATIENCE)
                # Of this door, which read them itself.
                self._seen = replace(seen, people_faults=self._people.faults)
                self._seen_at = time.monotonic()
            return self._seen
