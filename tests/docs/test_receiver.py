"""The receiver of the manual, as it stands there: a process of its own that is pushed to, dies, and catches up by itself."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests

from models.queries.events import events_after
from models.session import transaction
from tasks.notify import notify
from tests.fakes import API_KEY, toolbox
from tests.ledger import add_settled, let_notices_wait
from tests.servers import PATIENCE, free_port
from tests.webdoor import open_door, until
from worker.merchant import HttpMerchant

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "receiver.py"
KEY = "whsec_" + "a" * 32


@contextmanager
def running(folder: Path, *, port: int, door_url: str):
    """The example as a process in this folder, listening."""
    env = {
        "PATH": os.environ["PATH"],
        "NOTICE_SECRET": KEY,
        "RECONCILER_URL": door_url,
        "RECONCILER_API_KEY": API_KEY,
        "PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, EXAMPLE], cwd=folder, env=env, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def answers(port: int) -> bool:
    with requests.Session() as http:
        http.trust_env = False
        try:
            return bool(http.get(f"http://127.0.0.1:{port}", timeout=PATIENCE).status_code)
        except requests.RequestException:
            time.sleep(0.05)
            return False


def handled(folder: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(folder / "shop.db")) as books:
        return books.execute("SELECT id, seq FROM events ORDER BY seq").fetchall()


@pytest.mark.processes
def test_it_has_every_event_once_by_push_and_after_it_was_down_by_cursor(database_url, tmp_path):
    port = free_port()
    merchant = HttpMerchant(f"http://127.0.0.1:{port}/hooks", secrets=[KEY], timeout=PATIENCE, allow_private=True)
    with open_door(database_url) as door:
        tools = toolbox(door.sessions, merchant=merchant)
        add_settled(door.sessions, 2, tools=tools)
        with running(tmp_path, port=port, door_url=door.url):
            assert [seq for _, seq in handled(tmp_path)] == [1, 2], "it caught up by itself"
            add_settled(door.sessions, 2, tools=tools)
            assert notify(tools) == 4
            assert [seq for _, seq in handled(tmp_path)] == [1, 2, 3, 4], "pushed, and known ones left out"
        add_settled(door.sessions, 2, tools=tools)
        assert notify(tools) == 2
        assert len(handled(tmp_path)) == 4
        with running(tmp_path, port=port, door_url=door.url):
            let_notices_wait(door.sessions, 60)
            assert notify(tools) == 2
            told = handled(tmp_path)
        with transaction(door.sessions) as step:
            written = events_after(step.session, "default", after=0, limit=100).events
    assert told == [(event.id, event.seq) for event in written]


@pytest.mark.processes
def test_it_takes_nothing_that_somebody_else_signed(database_url, tmp_path):
    port = free_port()
    with open_door(database_url) as door, running(tmp_path, port=port, door_url=door.url):
        forger = HttpMerchant(
            f"http://127.0.0.1:{port}", secrets=["whsec_" + "b" * 32], timeout=PATIENCE, allow_private=True
        )
        assert forger.deliver("evt_1_ab", '{"id": "evt_1_ab", "seq": 1}').trouble
        assert handled(tmp_path) == []


def test_the_manual_shows_it_as_it_is():
    assert EXAMPLE.read_text(encoding="utf-8") in (DOCS / "notices.md").read_text(encoding="utf-8")
