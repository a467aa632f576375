"""The app as it is started: a real worker process does real work, and wrong settings end in plain lines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from config.celery_settings import ASK, ECHO, LISTEN, NOTIFY, PRUNE, READ, REPLAY, SEND, SWEEP, WATCH
from models.callback import Outcome
from tests.fakes import settings_for
from tests.ledger import add_pending, claim, knock, open_books, value
from tests.servers import PATIENCE
from worker.app import make_app
from worker.queue import CeleryQueue

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
ROOT = Path(__file__).resolve().parents[2]


def environment(**more: str) -> dict[str, str]:
    """As little as a process needs, and nothing of this machine's settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


def good(database_url: str, redis_url: str) -> dict[str, str]:
    return environment(
        ENVIRONMENT="development",
        LIGDICASH_API_KEY="key",
        LIGDICASH_API_TOKEN="secret-of-the-process",
        LIGDICASH_BASE_URL="http://127.0.0.1:1",
        LIGDICASH_CONNECT_TIMEOUT="0.5",
        RECONCILER_API_KEY="a-key-for-tests-only",
        CALLBACK_URL="http://127.0.0.1:1/callback",
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
    )


@contextmanager
def running(arguments, env, path):
    """A process, stopped the gentle way at the end; its output goes to a file."""
    with (path / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "worker", *arguments],
            cwd=path,
            env=env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=PATIENCE)


def eventually(found, *, within=PATIENCE):
    """Ask until there is something to show."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {within:g} s: {found()!r}")


@pytest.mark.processes
def test_a_real_worker_knows_the_jobs_reads_callbacks_and_asks(database_url, redis_url, tmp_path):
    arguments = ["worker", "--pool", "threads", "-c", "2", "--without-gossip", "--without-mingle"]
    with open_books(database_url) as sessions, running(arguments, good(database_url, redis_url), tmp_path) as process:
        app = make_app(settings_for(database_url, redis_url))
        registered = eventually(lambda: app.control.inspect(timeout=1).registered())
        assert [set(tasks) for tasks in registered.values()] == [
            {READ, ASK, SWEEP, WATCH, ECHO, LISTEN, NOTIFY, REPLAY, PRUNE, SEND}
        ]
        add_pending(sessions)
        ids = knock(sessions, claim("ORD-1"))
        assert CeleryQueue(app).read_soon(ids)
        # The gateway is a closed port: an answered question here is a recorded silence, all the way down.
        eventually(lambda: value(sessions, "SELECT count(*) FROM checks WHERE said = 'silence'") >= 1)
        assert value(sessions, "SELECT outcome FROM callbacks") == Outcome.MATCHED
        assert process.poll() is None
        app.close()
    output = (tmp_path / "output").read_text()
    assert '"event": "callbacks_read"' in output
    assert "Traceback" not in output
    assert "secret-of-the-process" not in output
    assert "token-of-ORD-1" not in output


@pytest.mark.processes
@pytest.mark.parametrize("program", [["worker"], ["beat"]])
def test_wrong_settings_end_the_process_with_one_line_each_and_no_traceback(program, tmp_path):
    env = environment(RECONCILER_API_KEY="short-secret", REDIS_URL="amqp://u:hidden@h", SWEEP_EVERY="often")
    done = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "worker", *program],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode != 0
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert "fix these settings" in lines[0]
    assert sorted(line.partition(":")[0] for line in lines[1:]) == [
        "CALLBACK_URL",
        "DATABASE_URL",
        "LIGDICASH_API_KEY",
        "LIGDICASH_API_TOKEN",
        "RECONCILER_API_KEY",
        "REDIS_URL",
        "SWEEP_EVERY",
    ]
    assert "short-secret" not in str(lines)
    assert "hidden" not in str(lines)


@pytest.mark.processes
def test_a_real_beat_rings_for_the_sweep_by_name(redis_url, tmp_path):
    schedule = ["-s", str(tmp_path / "schedule")]
    with running(["beat", *schedule], good(NOWHERE, redis_url), tmp_path), redis.Redis.from_url(redis_url) as valkey:
        raw = eventually(lambda: valkey.lindex("reconciler:control", 0))
    headers = json.loads(raw)["headers"]
    assert headers["task"] == SWEEP
    assert headers["expires"]


def test_beat_holds_neither_jobs_nor_what_they_work_with():
    load = "import sys, worker; worker.celery.loader.init_worker(); print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", load],
        cwd=ROOT,
        env=good(NOWHERE, "redis://127.0.0.1:1/0"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"tasks", "models", "sqlalchemy", "psycopg", "requests", "fastapi"} & set(done.stdout.split())


def test_making_an_app_connects_to_nothing():
    app = make_app(settings_for(NOWHERE, "redis://127.0.0.1:1/0"))
    app.loader.import_default_modules()
    assert {READ, ASK, SWEEP} <= set(app.tasks)
    assert app.tasks[ASK].tools.pending_after.total_seconds() == 120
    app.tasks[ASK].tools.asking.shutdown()
    app.close()


def test_each_app_has_tools_of_its_own():
    first, second = (make_app(settings_for(NOWHERE)) for _ in range(2))
    for app in (first, second):
        app.loader.import_default_modules()
    assert first.tasks[SWEEP].tools is first.tasks[READ].tools
    assert first.tasks[SWEEP].tools is not second.tasks[SWEEP].tools
    for app in (first, second):
        app.tasks[SWEEP].tools.asking.shutdown()
        app.close()
