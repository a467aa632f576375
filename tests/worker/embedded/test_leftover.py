"""Servers left over from an earlier run: ours are stopped, strangers with a recycled number are left in peace."""

from __future__ import annotations

import os
import subprocess
import sys
from signal import SIGTERM

from worker.embedded.leftover import command_line, stop_leftover

MARK = "-D /data/of/ours "


def sleeper(*arguments, deaf=False):
    code = "import signal, time\n" + ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if deaf else "")
    code += "print('up', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-S", "-c", code, *arguments], stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_our_own_server_is_stopped_gently(tmp_path):
    with sleeper("-D", "/data/of/ours", "-p") as server:
        (tmp_path / "pid").write_text(f"{server.pid}\nmore\n")

        assert stop_leftover(tmp_path / "pid", mark=MARK, gentle=SIGTERM)

    assert server.returncode == -SIGTERM


def test_a_stranger_with_the_same_number_lives_on_and_the_file_goes(tmp_path):
    pid_file = tmp_path / "pid"
    with sleeper("-D", "/data/of/others", "-p") as stranger:
        pid_file.write_text(f"{stranger.pid}\n")

        assert not stop_leftover(pid_file, mark=MARK, gentle=SIGTERM)

        assert stranger.poll() is None
        assert not pid_file.exists()
        stranger.kill()


def test_a_zombie_is_no_server(tmp_path):
    pid_file = tmp_path / "pid"
    with sleeper("-D", "/data/of/ours", "-p") as server:
        pid_file.write_text(f"{server.pid}\n")
        server.send_signal(SIGTERM)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)

        assert command_line(server.pid) == ""
        assert not stop_leftover(pid_file, mark=MARK, gentle=SIGTERM)
        assert not pid_file.exists()


def test_no_file_an_empty_file_and_a_dead_process_are_nothing_to_stop(tmp_path):
    pid_file = tmp_path / "pid"
    assert not stop_leftover(pid_file, mark=MARK, gentle=SIGTERM)
    pid_file.write_text("")
    assert not stop_leftover(pid_file, mark=MARK, gentle=SIGTERM)
    with sleeper() as gone:
        gone.kill()
    pid_file.write_text(f"{gone.pid}\n")
    assert not stop_leftover(pid_file, mark=MARK, gentle=SIGTERM)
    assert pid_file.exists()
