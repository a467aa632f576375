"""The door with its database away, frozen and back: every 200 is a row in the end, whatever is killed meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import pytest
import requests
from sqlalchemy import select

from models.callback import Callback
from tests.fakes import API_KEY, CALLBACK_URL
from tests.proxy import wire_to
from tests.servers import PATIENCE, free_port
from tests.webdoor import open_door, sessions_on, until
from worker.web.spool import Spool

PATH = "/api/callback/ligdicash"


@pytest.fixture
def wire(database_url):
    """A wire to the test's database, and the database's address by it."""
    with wire_to(database_url) as made:
        yield made


def test_away_is_spooled_and_answered_and_back_is_drained_in_order(database_url, wire, tmp_path):
    cable, url = wire
    with open_door(database_url, writing_url=url, spool_dir=tmp_path) as door:
        assert door.call("POST", PATH, data=b"0").status_code == 200
        cable.cut()
        for i in range(1, 6):
            answer = door.call("POST", PATH, data=b"%d" % i)
            assert (answer.status_code, answer.text) == (200, '{"ok": true}')
        assert len(door.callbacks()) == 1
        assert list(tmp_path.glob("*.spool"))
        cable.mend()
        until(lambda: len(door.callbacks()) == 6)
        until(lambda: not list(tmp_path.iterdir()))
        rows = door.callbacks()
        assert [row.body for row in rows] == [b"0", b"1", b"2", b"3", b"4", b"5"]
        assert sorted(rows, key=lambda row: row.received_at) == rows
        assert all(row.stored_at > row.received_at for row in rows[1:])
        until(lambda: len(door.fakes.queue.ids_to_read) == 6)
        until(lambda: not door.app.state.writer.is_spooling)


def test_a_database_that_freezes_holds_no_answer_up(database_url, wire, tmp_path):
    cable, url = wire
    with open_door(database_url, writing_url=url, spool_dir=tmp_path, patience=2) as door:
        assert door.call("POST", PATH, data=b"before").status_code == 200
        until(lambda: not door.app.state.writer.is_spooling)
        cable.freeze()
        began = time.monotonic()
        assert door.call("POST", PATH, data=b"stuck").status_code == 200
        assert time.monotonic() - began > 1.5
        door.app.state.writer._room._patience = PATIENCE  # longer than a request may wait: nobody needs any now
        assert door.call("POST", PATH, data=b"behind").status_code == 200
        cable.mend()
        until(lambda: {row.body for row in door.callbacks()} == {b"before", b"stuck", b"behind"})
        until(lambda: not door.app.state.writer.is_spooling)


def test_a_full_spool_is_refused_in_one_sentence_and_readyz_tells(wire, tmp_path):
    cable, url = wire
    with open_door(url, spool_dir=tmp_path, spool_max_mb=1) as door:
        cable.cut()
        answers = [door.call("POST", PATH, data=b"x" * 65_536) for _ in range(17)]
        assert [answer.status_code for answer in answers] == [200] * 16 + [503]
        assert answers[-1].headers["retry-after"] == "5"
        assert answers[-1].json() == {
            "error": "the database is away and the spool is full (1 MB); send the same request again later"
        }
        ready = door.call("GET", "/readyz")
        assert ready.status_code == 503
        assert ready.json()["error"].startswith("not ready: database (")
        assert "spool (full)" in ready.json()["error"]


def test_readyz_stays_ready_while_the_spool_has_room_and_says_what_is_the_case(wire, tmp_path):
    cable, url = wire
    (tmp_path / "0-earlier-9.torn").write_bytes(b"half")
    with open_door(url, spool_dir=tmp_path, spool_max_mb=3) as door:
        cable.cut()
        for _ in range(3):
            assert door.call("POST", PATH, data=b"x" * 1000).status_code == 200
        answer = door.call("GET", "/readyz")
    assert answer.status_code == 200
    checks = answer.json()["checks"]
    assert checks["database"]["ok"] is False
    assert checks["writer"]["detail"] == "0 wait to be stored; the database is away, callbacks go to the spool"
    spool = checks["spool"]
    assert (spool["ok"], spool["waiting"], spool["limit"], spool["apart"]) == (True, 3, 3 * 1024 * 1024, 1)
    assert 3000 < spool["bytes"] < 6000
    assert 0 <= spool["oldest"] < 30
    assert spool["detail"] == "files kept apart for a person: 1"


def environment(database_url, spool_dir) -> dict[str, str]:
    """What the deployed process is given, and nothing else."""
    return {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "key-for-tests",
        "LIGDICASH_API_TOKEN": "token-for-tests",
        "RECONCILER_API_KEY": API_KEY,
        "CALLBACK_URL": CALLBACK_URL,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DATABASE_URL": database_url,
        "SPOOL_DIR": str(spool_dir),
    }


@contextmanager
def real_door(database_url, spool_dir):
    """The deployed process, killed with SIGKILL at the end."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--factory", "worker.web:create_app", "--port", str(port)]
    with subprocess.Popen(command, env=environment(database_url, spool_dir), stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: answers(url) or process.poll() is not None)
            yield process, url
        finally:
            process.kill()


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.RequestException:
        return False


def send_until_it_dies(url: str, numbers) -> list[bytes]:
    """Bodies that were answered 200."""
    taken = []
    with requests.Session() as http:
        while True:
            body = b"%d" % next(numbers)
            try:
                if http.post(url + PATH, data=body, timeout=PATIENCE).status_code == 200:
                    taken.append(body)
            except requests.RequestException:
                return taken


@pytest.mark.processes
def test_a_door_that_is_killed_while_it_spools_has_lost_nothing_it_acknowledged(database_url, wire, tmp_path):
    cable, url = wire
    numbers = count()
    with ThreadPoolExecutor(8) as senders:
        with real_door(url, tmp_path) as (process, door):
            sending = [senders.submit(send_until_it_dies, door, numbers) for _ in range(8)]
            with sessions_on(database_url) as sessions:
                until(lambda: stored(sessions))  # some are stored, ...
            cable.cut()
            until(lambda: Spool(tmp_path, max_mb=64).look().bytes > 20_000)  # ... some spooled
            process.kill()
        taken = {body for one in sending for body in one.result()}
    assert list(tmp_path.glob("*.spool"))
    cable.mend()
    with real_door(url, tmp_path), sessions_on(database_url) as sessions:
        until(lambda: not list(tmp_path.glob("*.spool")))
        assert taken - stored(sessions) == set()
    assert len(taken) > 20


def stored(sessions) -> set[bytes]:
    with sessions() as session:
        return set(session.scalars(select(Callback.body)))


@pytest.mark.processes
def test_files_of_a_dead_door_are_adopted_by_one_that_lives_already(database_url, wire, tmp_path):
    cable, url = wire
    with open_door(database_url, spool_dir=tmp_path) as living:
        cable.cut()
        with real_door(url, tmp_path) as (process, dying):
            assert requests.post(dying + PATH, data=b"orphaned", timeout=PATIENCE).status_code == 200
            assert living.callbacks() == []
            process.kill()
            process.wait(PATIENCE)
            until(lambda: [row.body for row in living.callbacks()] == [b"orphaned"])


@pytest.mark.processes
def test_a_spool_that_cannot_be_used_ends_the_process_with_one_line(database_url, tmp_path):
    (tmp_path / "file").write_text("")
    command = [sys.executable, "-c", "from worker.web import create_app; create_app()"]
    given = environment(database_url, tmp_path / "file" / "spool")
    done = subprocess.run(command, env=given, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("SPOOL_DIR: the folder ")
