"""Our own process supervisor: starts children in order, waits until they are ready, restarts what dies, stops in reverse.

Why our own: the wrappers of the server wheels are made for tests. They leave servers behind when their parent is killed
and take a dead server for a live one where nobody reaps it; see docs/decisions/0002-embedded-servers.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, Signals
from typing import Self

from models.errors import NotFound
from worker.embedded.child import Child, Event, Happened
from worker.embedded.minder import Minder

TRIES_TO_START = 4
"""How often a child may die before it was ever ready. More than one: a server that follows a killed one may find its
predecessor's last processes for an instant."""

Note = Callable[[Event], object]


class Supervisor:
    """Keeps children running, each in a session of its own, its output in `logs/NAME.log` (the run before in `.1`).

    Does not know what the children are for. Not meant to be shared by threads, except `kill`, `pause`, `resume`,
    `take_down`, `bring_back`, `wait_ready` and the reading properties. Leaving the `with` block stops everything.
    """

    def __init__(self, logs: Path, *, note: Note | None = None) -> None:
        self._logs = logs
        self._note = note
        self._minders: dict[str, Minder] = {}
        self._events: list[Event] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *children: Child) -> None:
        """Start the children in this order without waiting between them, then return when all are ready.

        Raises `NeedsHuman` with the last lines of the first one that is not ready in time; stops nothing then.
        """
        minders = [self._mind(child) for child in children]
        for minder in minders:
            minder.wait_ready(within=minder.child.ready_within, tries=TRIES_TO_START)

    def run(self, child: Child, *, within: float) -> None:
        """Run a step to its end, once; raises `NeedsHuman` with its last lines when it fails or takes too long."""
        minder = self._mind(child)
        try:
            minder.wait_done(within=within)
        finally:
            minder.stop()
            del self._minders[child.name]

    def _mind(self, child: Child) -> Minder:
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{child.name}.log"
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        minder = self._minders[child.name] = Minder(child, log=log, tell=self._tell)
        minder.start()
        return minder

    def kill(self, name: str, number: Signals = SIGKILL) -> bool:
        """Signal the whole process group of a child; it is restarted like after any other death.

        With SIGKILL, returns when it is dead. False when it was not running at that moment.
        """
        minder = self._minder(name)
        self._tell(name, Happened.KILLED, number.name)
        return minder.kill() if number is SIGKILL else minder.signal(number, group=True)

    def pause(self, name: str) -> bool:
        """Freeze a child's group where it stands. PostgreSQL's backends are not in its group: they go on."""
        return self._hold(name, SIGSTOP, Happened.PAUSED)

    def resume(self, name: str) -> bool:
        """Let a paused child go on."""
        return self._hold(name, SIGCONT, Happened.RESUMED)

    def _hold(self, name: str, number: Signals, what: Happened) -> bool:
        done = self._minder(name).signal(number, group=True)
        self._tell(name, what, "")
        return done

    def take_down(self, name: str, number: Signals = SIGKILL) -> bool:
        """Signal a child's group as `kill` does, and do not start it again until `bring_back`."""
        self._minder(name).hold_down(held=True)
        return self.kill(name, number)

    def bring_back(self, name: str) -> None:
        """Let a child that was taken down be started again; harmless for any other."""
        self._minder(name).hold_down(held=False)

    def wait_ready(self, name: str, *, within: float = 30.0) -> None:
        """Return when a child is ready again, after a kill say; raises `NeedsHuman` with its last lines."""
        self._minder(name).wait_ready(within=within)

    def pid(self, name: str) -> int | None:
        """The process id of a child, None while it is down."""
        return self._minder(name).pid

    @property
    def names(self) -> tuple[str, ...]:
        """The children, in the order in which they were started."""
        return tuple(self._minders)

    @property
    def restarts(self) -> dict[str, int]:
        """How often each child was started again."""
        return {name: minder.restarts for name, minder in self._minders.items()}

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened so far, oldest first."""
        with self._lock:
            return tuple(self._events)

    def stop(self) -> None:
        """Stop all children, the last started first, each before the next; harmless twice."""
        for minder in reversed(self._minders.values()):
            minder.stop()

    def _minder(self, name: str) -> Minder:
        try:
            return self._minders[name]
        except KeyError as exc:
            raise NotFound(f"no child is named {name}; there are: {', '.join(self._minders)}") from exc

    def _tell(self, name: str, what: Happened, detail: str) -> None:
        event = Event(datetime.now(UTC), name, what, detail)
        with self._lock:
            self._events.append(event)
        if self._note is not None:
            self._note(event)
