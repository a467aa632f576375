"""One thread that starts one child, waits for its end, and starts it again.

The thread lives as long as its child. That is a condition, not a habit: on Linux the child is told to end when the
thread that started it ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGCONT, SIGKILL, Signals

from models.errors import NeedsHuman, ReconcilerError
from worker.embedded.child import Child, Happened, Running

LAUNCHER = Path(__file__).with_name("launch.py")
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
STEADY_AFTER = 10.0
"""Seconds of running after which the next restart is quick again."""
POLL = 0.05
LAST_LINES = 15

Tell = Callable[[str, Happened, str], None]


class Launched(subprocess.Popen[bytes]):
    """A child under the supervisor's rules: see launch.py."""

    def wait_for_end(self) -> None:
        """Return when it has ended."""
        if sys.platform == "linux":
            # Wait without reaping: as long as the zombie holds the number, no signal of ours can hit a stranger.
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        else:
            self.wait()


def launch(child: Child, log: Path) -> Launched:
    """Start the program as a process of its own; raises `OSError`."""
    account = child.account
    who = (str(account.uid), str(account.gid)) if account else ("-", "-")
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), str(int(child.orphan_signal))]
    with log.open("ab") as said:
        return Launched(
            [*launcher, *who, *child.argv],
            env=dict(child.env),
            cwd=child.cwd,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal reaches the supervisor alone
        )


class Minder:
    """Keeps one child alive until `stop`. Counts, signals and reports; knows nothing of other children.

    `deaths` counts every end that `stop` did not ask for, failed starts included; `restarts` every start but the first.
    """

    def __init__(self, child: Child, *, log: Path, tell: Tell) -> None:
        self.child = child
        self.log = log
        self.deaths = 0
        self.restarts = 0
        self.exit_code: int | None = None
        self._tell = tell
        self._process: Running | None = None
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._held_down = False
        self._thread = threading.Thread(target=self._mind, name=f"minder-{child.name}", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The child's process id, which is also its group's; None between two runs."""
        with self._changed:
            return self._process.pid if self._process else None

    # --- the thread -------------------------------------------------------------------------------------------------

    def _mind(self) -> None:
        pause = FIRST_PAUSE
        while True:
            began = time.monotonic()
            self._run_once()
            if not self.child.restart:
                return
            if time.monotonic() - began > STEADY_AFTER:
                pause = FIRST_PAUSE
            if self._stopping.wait(pause) or not self._may_start():
                return
            pause = min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1

    def _may_start(self) -> bool:
        """Wait until nobody holds the child down; False when it is not to be started any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._held_down or self._stopping.is_set())
        return not self._stopping.is_set()

    def _run_once(self) -> None:
        try:
            self.child.before_start()
            with self._changed:
                if self._stopping.is_set():
                    return
                process = self._process = (self.child.start or launch)(self.child, self.log)
        except (OSError, ReconcilerError) as exc:
            self._ended(None, detail=f"could not be started: {exc}")
            return
        self._tell(self.child.name, Happened.STARTED, f"process {process.pid}")
        process.wait_for_end()
        with self._changed:
            with suppress(ProcessLookupError, PermissionError):  # macOS answers "not permitted" for an empty group
                os.killpg(process.pid, SIGKILL)  # what the child leaves behind must not work on beside its successor
            code = process.wait()
            self._process = None
        self._ended(code, detail=_how_it_ended(code))

    def _ended(self, code: int | None, *, detail: str) -> None:
        planned = self._stopping.is_set()
        what = Happened.STOPPED if planned else Happened.ENDED if code is not None else Happened.NOT_STARTED
        self._tell(self.child.name, what, detail)
        with self._changed:
            self.exit_code = code
            self.deaths += not planned
            self._changed.notify_all()

    # --- everybody else ---------------------------------------------------------------------------------------------

    def signal(self, number: Signals, *, group: bool) -> bool:
        """Send a signal to the child, or to all of its group; answer whether there was one to receive it."""
        with self._changed:
            if self._process is None:
                return False
            with suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self._process.pid, number)
            return True

    def kill(self) -> bool:
        """Kill the whole group at once, as a power cut would, and return when it is dead."""
        with self._changed:
            before = self.deaths
            if not self.signal(SIGKILL, group=True):
                return False
            self._changed.wait_for(lambda: self.deaths > before, timeout=5)
            return True

    def hold_down(self, *, held: bool) -> None:
        """From now on do not start the child again, or do. What runs is left alone."""
        with self._changed:
            self._held_down = held
            self._changed.notify_all()

    def wait_ready(self, *, within: float, tries: int | None = None) -> None:
        """Return when the child is ready; raise `NeedsHuman` with its last lines when `within` or `tries` are used up."""
        deadline = time.monotonic() + within
        while not (self.pid and self.child.ready() and self.pid):
            if tries is not None and self.deaths >= tries:
                raise self._trouble(f"ended {self.deaths} times before it was ready")
            if time.monotonic() > deadline:
                raise self._trouble(f"was not ready within {within:g} s")
            time.sleep(POLL)
        self._tell(self.child.name, Happened.READY, "")

    def wait_done(self, *, within: float) -> None:
        """For a child that is not restarted: return when it ended well, raise `NeedsHuman` when it did not."""
        self._thread.join(within)
        if self._thread.is_alive():
            self.stop()
            raise self._trouble(f"was not done within {within:g} s")
        if self.exit_code != 0:
            raise self._trouble("failed" if self.exit_code is None else f"ended {_how_it_ended(self.exit_code)}")

    def stop(self) -> None:
        """Ask the child to stop, wait its grace, kill its group; returns when nothing of it runs. Harmless twice."""
        self._stopping.set()
        self.hold_down(held=False)
        self.signal(SIGCONT, group=True)  # a paused process would hear nothing
        self.signal(self.child.stop_signal, group=False)
        if not self._thread.ident:
            return
        self._thread.join(self.child.grace)
        if self._thread.is_alive():
            self.signal(SIGKILL, group=True)
            self._thread.join()

    def _trouble(self, what: str) -> NeedsHuman:
        lines = last_lines(self.log) or ["(it wrote nothing)"]
        return NeedsHuman(f"{self.child.name} {what}; the end of {self.log}:\n" + "\n".join(f"  {x}" for x in lines))


def last_lines(log: Path, *, count: int = LAST_LINES) -> list[str]:
    """The end of a log file, as text whatever it holds."""
    with suppress(FileNotFoundError), log.open("rb") as lines:
        lines.seek(max(0, log.stat().st_size - 16_384))
        return lines.read().decode(errors="replace").splitlines()[-count:]
    return []


def _how_it_ended(code: int) -> str:
    return f"by {Signals(-code).name}" if code < 0 else f"with code {code}"
