"""Puts a new process under the supervisor's rules, then turns it into the program; run as a script, never imported.

    python -I -S launch.py PARENT_PID ORPHAN_SIGNAL UID GID PROGRAM [ARGUMENT ...]

1. Load what step 3 needs: afterwards this Python's own library may be out of reach.
2. Give up root, when UID is not `-`. Before step 3, because the kernel forgets that one when the user changes.
3. Linux: ask to receive ORPHAN_SIGNAL when the parent dies, even by kill -9. The kernel means the *thread* that made
   this process (prctl(2), PR_SET_PDEATHSIG), so the supervisor's thread lives as long as its child.
4. Undo what Python did to signals, and become the program under the same process id.

A step of its own because code between fork and exec in a process with threads can deadlock, and because the
unprivileged user of PostgreSQL may not be able to read this Python at all.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
COULD_NOT_RUN = 127  # what a shell answers for a program that cannot be started


def main(argv: list[str]) -> None:
    """Never returns, unless the program cannot be started or the parent is gone."""
    parent, orphan_signal, uid, gid, *program = argv
    ask_for_signal = _parent_death_signal()
    if uid != "-":
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    ask_for_signal(int(orphan_signal))
    if os.getppid() != int(parent):  # it died before the kernel knew that we care
        sys.exit(COULD_NOT_RUN)
    _default_signals()
    try:
        os.execvpe(program[0], program, os.environ)  # noqa: S606 - the whole purpose of this file
    except OSError as exc:
        sys.exit(f"cannot start {program[0]}: {exc.strerror}")


def _parent_death_signal() -> Callable[[int], object]:
    if sys.platform != "linux":
        return _cannot_ask
    try:
        import ctypes
    except ImportError:  # a Python built without libffi; the next start still stops what was left over
        return _cannot_ask
    prctl = ctypes.CDLL(None).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


def _cannot_ask(_: int) -> None:
    return None


def _default_signals() -> None:
    # Ignored signals stay ignored across exec: Python ignores SIGPIPE, and a shell's `&` ignores SIGINT, which is how
    # PostgreSQL is told to stop.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


if __name__ == "__main__":
    main(sys.argv[1:])
