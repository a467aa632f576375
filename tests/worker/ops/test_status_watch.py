"""`status --watch`: screen after screen, on a terminal and without one, whatever goes away and comes back meanwhile."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import worker.queue
from tests.fakes import API_KEY, CALLBACK_URL, settings_for
from tests.proxy import Wire, wire_to
from worker.ops.desk import Desk
from worker.ops.situation import NO_ANSWER, REDIS, Lookout
from worker.ops.status_watch import watch

LEFT_LIVE_SCREEN = "\x1b[?1049l"


class Impatient:
    """Looks so many times; then somebody presses Ctrl-C in the middle of a look."""

    def __init__(self, lookout: Lookout, *, looks: int) -> None:
        self._lookout = lookout
        self._left = looks

    def look(self, *, within: float):
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1
        return self._lookout.look(within=within)


def test_without_a_terminal_each_look_is_a_screen_and_ctrl_c_just_ends_it(ops, capsys):
    watch(Impatient(Lookout(ops.desk, hours=6), looks=2), hours=6, every=0.01)
    shown = capsys.readouterr().out
    assert shown.count("reconciler status at ") == shown.count("servers    database ok, redis ok") == 2
    assert "\x1b" not in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_whoever_handled_sigterm_before_does_so_again(ops, capsys):
    before = signal.getsignal(signal.SIGTERM)
    watch(Impatient(Lookout(ops.desk, hours=6), looks=1), hours=6, every=0.01)
    assert signal.getsignal(signal.SIGTERM) is before
    assert capsys.readouterr().out


@contextmanager
def terminal(database_url, redis_url, *, rows=24, columns=80) -> Iterator[tuple[subprocess.Popen, int]]:
    """The command as a person starts it, on a terminal of this size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    environment = {
        "PATH": os.environ["PATH"],
        "TERM": "xterm",
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "sim-key",
        "LIGDICASH_API_TOKEN": "sim-token",
        "RECONCILER_API_KEY": API_KEY,
        "CALLBACK_URL": CALLBACK_URL,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
    }
    command = [sys.executable, "-m", "worker.ops", "status", "--watch", "--every", "1s"]
    with subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read_until(terminal, wanted: str, *, seen: str = "", within: float = 60) -> str:
    """Everything written, until this was, or nobody writes any more."""
    deadline = time.monotonic() + within
    while wanted not in seen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                seen += os.read(terminal, 65_536).decode()
            except OSError:  # the other end is closed
                break
    return seen


def without_colour(seen: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", seen)


def test_on_a_terminal_it_fits_the_window_and_ctrl_c_leaves_the_last_screen_with_0(database_url, redis_url):
    with terminal(database_url, redis_url, rows=16) as (process, screen):
        seen = read_until(screen, "more lines")
        assert "servers    database ok, redis ok" in without_colour(seen)
        assert LEFT_LIVE_SCREEN not in seen
        process.send_signal(signal.SIGINT)
        seen = read_until(screen, "no end", seen=seen, within=60)
        assert process.wait(60) == 0
    live, left = seen.split(LEFT_LIVE_SCREEN)
    assert live.count("\x1b[H") >= 1
    assert "servers    database ok, redis ok" in without_colour(left)
    assert "more lines" not in left
    assert "Traceback" not in seen


def test_servers_may_go_away_freeze_and_come_back(database_url, redis_url, hurry, monkeypatch):
    """With the real tools. Redis is rested for some seconds after it failed, so it takes that long to be seen again."""
    hurry(REDIS)
    monkeypatch.setitem(worker.queue.PATIENCE, "socket_timeout", 60)  # frozen, and not away
    redis = Wire(urlsplit(redis_url).port)
    redis_by_wire = redis_url.replace(f":{urlsplit(redis_url).port}/", f":{redis.port}/")
    with wire_to(database_url) as (database, url):
        lookout = Lookout(Desk(settings=settings_for(url, redis_by_wire), tools=None), hours=6)
        assert lookout.look(within=60).is_well
        database.cut()
        redis.freeze()
        seen = lookout.look(within=1)
        assert "cannot be reached" in seen.database
        assert (seen.redis, seen.unknown["breaker"]) == (NO_ANSWER, NO_ANSWER)
        database.mend()
        redis.mend()
        deadline = time.monotonic() + 60
        while not (seen := lookout.look(within=60)).is_well and time.monotonic() < deadline:
            time.sleep(0.2)
        assert seen.is_well
        assert seen.unknown == {}
    redis.close()
