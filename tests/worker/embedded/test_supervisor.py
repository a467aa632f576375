"""The supervisor, tried on small real processes: it waits, restarts, kills whole groups, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGKILL, SIGTERM

import pytest

from models.errors import NeedsHuman, NotFound
from worker.embedded.child import Child, Happened
from worker.embedded.leftover import command_line
from worker.embedded.supervisor import Supervisor

ROOT = Path(__file__).parents[3]
SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


@pytest.fixture
def supervisor(tmp_path):
    with Supervisor(tmp_path / "logs") as running:
        yield running


@pytest.fixture
def log(tmp_path):
    return lambda name: (tmp_path / "logs" / f"{name}.log").read_text() if _has_log(tmp_path, name) else ""


def _has_log(tmp_path, name):
    return (tmp_path / "logs" / f"{name}.log").exists()


def python(name, code, **more):
    return Child(name=name, argv=(sys.executable, "-S", "-c", code), env={}, cwd=Path("/"), **more)


def until(condition, *, within=60.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_alive(pid):
    return command_line(pid) != ""


def test_start_returns_when_every_child_is_ready(supervisor, log):
    supervisor.start(
        python("first", SLEEP, ready=lambda: "up" in log("first")),
        python("second", SLEEP, ready=lambda: "up" in log("second")),
    )

    assert log("first") == "up\n"
    assert [e.name for e in supervisor.events if e.what is Happened.READY] == ["first", "second"]


def test_a_child_that_never_gets_ready_is_named_with_its_last_lines(supervisor, log):
    def never_ready() -> bool:
        until(lambda: "port is taken" in log("web"))
        return False

    child = python("web", "print('port is taken', flush=True)\n" + SLEEP, ready=never_ready, ready_within=0.3)

    with pytest.raises(NeedsHuman, match=r"web was not ready within 0\.3 s[^$]*port is taken"):
        supervisor.start(child)


def test_a_child_that_keeps_dying_before_it_is_ready_is_given_up_early(supervisor):
    child = python("web", "raise SystemExit('no such setting')", ready=lambda: False, ready_within=300)

    began = time.monotonic()
    with pytest.raises(NeedsHuman, match=r"web ended 4 times before it was ready[^$]*no such setting"):
        supervisor.start(child)
    assert time.monotonic() - began < 100


def test_a_program_that_does_not_exist_says_so(supervisor):
    child = Child(name="web", argv=("/no/such/program",), env={}, cwd=Path("/"), ready=lambda: False)

    with pytest.raises(NeedsHuman, match="cannot start /no/such/program: No such file"):
        supervisor.start(child)


def test_what_dies_by_itself_is_started_again_and_counted(supervisor, log):
    supervisor.start(python("worker", SLEEP, ready=lambda: "up" in log("worker")))
    before = supervisor.pid("worker")

    os.kill(before, SIGKILL)
    until(lambda: supervisor.restarts["worker"] == 1 and supervisor.pid("worker") not in (None, before))

    assert [e.detail for e in supervisor.events if e.what is Happened.ENDED] == ["by SIGKILL"]


def test_a_kill_takes_the_whole_group_and_is_over_when_it_returns(supervisor, log):
    code = "import subprocess, sys, time\np = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
    supervisor.start(
        python("worker", code + "print(p.pid, flush=True)\ntime.sleep(60)", ready=lambda: bool(log("worker")))
    )
    main, grandchild = supervisor.pid("worker"), int(log("worker"))

    assert supervisor.kill("worker")

    assert not is_alive(main)
    until(lambda: not is_alive(grandchild))
    assert Happened.KILLED in {e.what for e in supervisor.events}


def test_what_a_dead_child_leaves_behind_does_not_work_on_beside_its_successor(supervisor, log):
    code = "import subprocess, sys, time\np = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(60)'])\n"
    supervisor.start(
        python("worker", code + "print(p.pid, flush=True)\ntime.sleep(60)", ready=lambda: bool(log("worker")))
    )
    grandchild = int(log("worker"))

    os.kill(supervisor.pid("worker"), SIGKILL)

    until(lambda: not is_alive(grandchild))


def test_children_are_stopped_in_reverse_order(supervisor, log):
    names = ["database", "web", "worker"]
    supervisor.start(*(python(name, SLEEP, ready=lambda name=name: "up" in log(name)) for name in names))

    supervisor.stop()

    assert [e.name for e in supervisor.events if e.what is Happened.STOPPED] == names[::-1]
    assert sum(supervisor.restarts.values()) == 0


def test_a_child_that_does_not_listen_is_killed_after_its_grace(supervisor, log):
    supervisor.start(python("worker", DEAF, grace=0.2, ready=lambda: "up" in log("worker")))
    pid = supervisor.pid("worker")

    supervisor.stop()

    assert not is_alive(pid)
    assert supervisor.events[-1].detail == "by SIGKILL"


@pytest.mark.skipif(sys.platform != "linux", reason="reads the state of a process where Linux shows it")
def test_a_paused_child_stands_still_and_still_stops_at_once(supervisor, log):
    ticking = "import time\nwhile True:\n    print('tick', flush=True)\n    time.sleep(0.01)"
    supervisor.start(python("worker", ticking, ready=lambda: bool(log("worker"))))
    pid = supervisor.pid("worker")

    supervisor.pause("worker")
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    ticks = log("worker")
    supervisor.resume("worker")
    until(lambda: log("worker") != ticks)
    supervisor.pause("worker")
    supervisor.stop()

    assert supervisor.events[-1].detail == "by SIGTERM"


def test_wait_ready_after_a_kill_means_the_new_process(supervisor, tmp_path):
    sign = tmp_path / "sign"
    code = f"open({str(sign)!r}, 'w').close()\n" + SLEEP
    supervisor.start(python("web", code, ready=sign.exists))

    sign.unlink()
    supervisor.kill("web")
    supervisor.wait_ready("web", within=60)

    assert sign.exists()
    assert supervisor.restarts == {"web": 1}


def test_a_step_is_run_once_and_leaves_the_list(supervisor, tmp_path):
    done = tmp_path / "done"
    supervisor.run(python("migrate", f"open({str(done)!r}, 'x').close()", restart=False), within=60)

    assert done.exists()
    assert supervisor.names == ()


def test_a_step_that_fails_is_told_with_its_last_lines(supervisor):
    step = python("migrate", "raise SystemExit('relation is missing')", restart=False)

    with pytest.raises(NeedsHuman, match=r"migrate ended with code 1[^$]*relation is missing"):
        supervisor.run(step, within=60)


def test_a_step_that_takes_too_long_is_stopped(supervisor):
    with pytest.raises(NeedsHuman, match=r"migrate was not done within 0\.2 s"):
        supervisor.run(python("migrate", SLEEP, restart=False), within=0.2)


def test_a_child_gets_its_own_environment_its_own_session_and_default_signals(supervisor, log):
    code = (
        "import os, signal\n"
        "print(sorted(os.environ), os.getsid(0) == os.getpid(), signal.getsignal(signal.SIGINT).__name__, flush=True)\n"
    )
    child = Child(
        name="child",
        argv=(sys.executable, "-c", code),
        env={"ONLY": "this", "LC_ALL": "C"},
        cwd=Path("/"),
        restart=False,
    )
    supervisor.run(child, within=60)

    assert log("child") == "['LC_ALL', 'ONLY'] True default_int_handler\n"


def test_the_log_of_the_run_before_is_kept(tmp_path):
    for words in ("first run", "second run"):
        with Supervisor(tmp_path) as supervisor:
            supervisor.run(python("migrate", f"print('{words}')", restart=False), within=60)

    assert (tmp_path / "migrate.log").read_text() == "second run\n"
    assert (tmp_path / "migrate.log.1").read_text() == "first run\n"


def test_an_unknown_name_is_answered_with_the_known_ones(supervisor, log):
    supervisor.start(python("web", SLEEP, ready=lambda: "up" in log("web")))

    with pytest.raises(NotFound, match="no child is named wroker; there are: web"):
        supervisor.kill("wroker")


def test_a_child_does_not_show_its_environment():
    assert "hunter2" not in repr(python("web", SLEEP, restart=False)) + repr(
        Child(name="web", argv=(), env={"RECONCILER_API_KEY": "hunter2"}, cwd=Path("/"))
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a child that its parent died")
@pytest.mark.parametrize("code", [SLEEP, DEAF], ids=["an obedient child", "a deaf child"])
def test_a_supervisor_killed_by_force_leaves_no_orphan(tmp_path, code):
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from worker.embedded.child import Child\nfrom worker.embedded.supervisor import Supervisor\n"
        f"supervisor = Supervisor(Path({str(tmp_path)!r}))\nlog = Path({str(tmp_path / 'child.log')!r})\n"
        f"supervisor.start(Child(name='child', argv=(sys.executable, '-S', '-c', {code!r}), env={{}}, cwd=Path('/'),\n"
        "    ready=lambda: 'up' in log.read_text()))\n"
        "print(supervisor.pid('child'), flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with parent:
        child = int(parent.stdout.readline())
        assert is_alive(child)
        parent.send_signal(SIGKILL)

    until(lambda: not is_alive(child))


def test_a_signal_other_than_kill_reaches_the_child_too(supervisor, log):
    supervisor.start(python("worker", SLEEP, ready=lambda: "up" in log("worker")))

    supervisor.kill("worker", SIGTERM)

    until(lambda: supervisor.restarts["worker"] == 1)
    assert "by SIGTERM" in {e.detail for e in supervisor.events}


def test_a_child_that_is_taken_down_stays_down_until_it_is_brought_back(supervisor, log):
    supervisor.start(python("worker", SLEEP, ready=lambda: "up" in log("worker")))

    assert supervisor.take_down("worker")
    time.sleep(0.5)  # five times the pause before a restart
    assert supervisor.pid("worker") is None
    supervisor.bring_back("worker")
    supervisor.wait_ready("worker", within=60)

    assert supervisor.restarts == {"worker": 1}


def test_a_child_that_is_held_down_does_not_hold_up_the_end(supervisor, log):
    supervisor.start(python("worker", SLEEP, ready=lambda: "up" in log("worker")))
    supervisor.take_down("worker")

    supervisor.stop()

    assert supervisor.restarts == {"worker": 0}
