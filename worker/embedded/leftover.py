"""A server of ours that outlived a supervisor: found by its pid file, recognised by its command line, and stopped."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from signal import SIGKILL, Signals

from models.errors import NeedsHuman

GENTLE_FOR = 10.0
"""Seconds a left-over server has to stop by itself."""


def stop_leftover(pid_file: Path, *, mark: str, gentle: Signals) -> bool:
    """Stop the process named in `pid_file` if its command line holds `mark`; answer whether there was one.

    A number that belongs to another program now (after a reboot, or a zombie nobody reaps) makes the file stale, and it
    is removed. The file of a process that is simply gone stays: PostgreSQL judges it better than we could, because
    it also looks for backends that still hold the old shared memory.
    """
    pid = _pid_in(pid_file)
    if pid is None or not _exists(pid):
        return False
    if mark not in command_line(pid):
        pid_file.unlink(missing_ok=True)
        return False
    for number, patience in ((gentle, GENTLE_FOR), (SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        if _gone(pid, mark=mark, within=patience):
            return True
    raise NeedsHuman(f"process {pid} still runs on {pid_file.parent} and does not stop")


def _pid_in(pid_file: Path) -> int | None:
    try:
        return int(pid_file.read_text(encoding="ascii").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """What the process was started with; empty when it is gone or a zombie."""
    try:
        if Path("/proc/self").exists():
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        ps = ["/bin/ps", "-o", "command=", "-p", str(pid)]
        return subprocess.run(ps, capture_output=True, text=True, check=False).stdout  # noqa: S603 - a number
    except OSError:
        return ""


def _gone(pid: int, *, mark: str, within: float) -> bool:
    deadline = time.monotonic() + within
    while mark in command_line(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
