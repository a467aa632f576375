"""What the supervisor is told about one child, and what it tells about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Protocol

from worker.embedded.account import Account


class Running(Protocol):
    """A child that was started: the process and its group have one number."""

    @property
    def pid(self) -> int:
        """Of both."""

    def wait_for_end(self) -> None:
        """Return when it has ended; where it can be had, its number stays taken until `wait`."""

    def wait(self) -> int:
        """Return its exit code when it has ended, negative for a signal."""


def _at_once() -> bool:
    return True


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep running. Secrets travel in `env`, never in `argv`: anybody may list command lines.

    `env` is complete: nothing of our own environment is added. `ready` is asked every 50 ms and must answer quickly,
    without raising. `before_start` runs before each start, restarts included.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    ready: Callable[[], bool] = _at_once
    ready_within: float = 30.0
    """Seconds from start until `ready` must have answered yes."""
    before_start: Callable[[], object] = _nothing
    stop_signal: Signals = SIGTERM
    grace: float = 10.0
    """Seconds between the stop signal and SIGKILL."""
    orphan_signal: Signals = SIGKILL
    """Sent by the kernel when the supervisor dies (Linux). Certain by default; servers with data get a gentle one."""
    restart: bool = True
    start: Callable[[Child, Path], Running] | None = None
    """Another way to start it, its output into this file; by itself `argv` is launched."""
    account: Account | None = None


class Happened(StrEnum):
    """What can happen to a child."""

    STARTED = "started"
    READY = "ready"
    ENDED = "ended"
    """By itself, or by our kill."""
    NOT_STARTED = "not started"
    KILLED = "killed"
    PAUSED = "paused"
    RESUMED = "resumed"
    STOPPED = "stopped"
    """Because we stopped it on purpose."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line for the ledger. `at` is UTC."""

    at: datetime
    name: str
    what: Happened
    detail: str = ""
