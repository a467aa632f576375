"""The doctor at the real servers: each planted fault is found, and a dead server keeps it from nothing else."""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from structlog.testing import capture_logs
from typer.testing import CliRunner

from config.settings import CALLBACK_PATH
from models import migrate
from models.account import DEFAULT
from models.answers import Answer, Said
from tasks.job import tools_of
from tasks.toolbox import Toolbox
from tests.fakes import FakeAccounts, FakeGateway, settings_for
from tests.ledger import count
from tests.servers import libpq
from tests.worker.ops.conftest import spoken
from tests.worker.test_app import eventually, good, running
from worker.app import make_app
from worker.language import VARIABLE
from worker.ops.command import app as command
from worker.ops.desk import Desk
from worker.ops.doctor.finding import Name

ROOT = Path(__file__).parents[4]
QUICK = set(Name) - {Name.WORKERS, Name.REDELIVERY, Name.DOOR, Name.CERTIFICATE, Name.CREDENTIALS}


class CallbackRoute(BaseHTTPRequestHandler):
    """Answers a GET as our door does."""

    def do_GET(self):
        self.send_response(405)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def callback_url():
    with HTTPServer(("127.0.0.1", 0), CallbackRoute) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}{CALLBACK_PATH}"
        server.shutdown()
        thread.join()


@dataclass
class Surgery:
    """Runs the command on one installation."""

    desk: Desk
    tools: Toolbox
    gateway: FakeGateway

    def run(self, *argv: str):
        return CliRunner(env={VARIABLE: spoken()}).invoke(
            command, ["doctor", *argv], obj=self.desk, prog_name="reconciler"
        )

    def report(self, *argv: str) -> dict[str, dict[str, Any]]:
        """Every check by its name; the exit code must fit."""
        result = self.run("--json", *argv)
        document = json.loads(result.stdout)
        assert result.exit_code == (0 if document["ok"] else 1)
        assert document["ok"] is not any(line["grade"] == "bad" for line in document["checks"])
        return {line["check"]: line for line in document["checks"]}


@contextmanager
def surgery(tmp_path, database_url, redis_url, **changes):
    spool = tmp_path / "spool"
    spool.mkdir()
    settings = settings_for(database_url, redis_url, spool_dir=spool, **changes)
    app = make_app(settings)
    gateway = FakeGateway()
    tools = tools_of(app)
    own = replace(tools.account(DEFAULT), gateway=gateway)
    tools = replace(tools, accounts=FakeAccounts(own))
    try:
        with capture_logs():
            yield Surgery(desk=Desk(settings=settings, tools=tools), tools=tools, gateway=gateway)
    finally:
        tools.sessions.kw["bind"].dispose()
        tools.asking.shutdown()
        app.close()


@pytest.fixture
def doctor(tmp_path, database_url, redis_url, callback_url):
    with surgery(tmp_path, database_url, redis_url, callback_url=callback_url) as opened:
        yield opened


def sql(url, *statements):
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def grades(report):
    return {name: line["grade"] for name, line in report.items()}


def test_without_worker_and_beat_both_are_missed_and_nothing_else_but_the_careless_test_server(doctor):
    report = doctor.report("--wait", "0.3")
    assert list(report) == [name.value for name in Name]
    wrong = {name for name, line in report.items() if line["grade"] == "bad"}
    assert wrong == {"durability", "workers", "beat"}
    assert "nobody took a message from callbacks, fresh, recheck" in report["workers"]["found"]
    assert "fsync, full_page_writes, synchronous_commit off" in report["durability"]["found"]
    assert report["redelivery"]["grade"] == "?"
    assert report["credentials"]["found"].startswith("accepted")
    assert report["door"]["grade"] == "ok"


def test_in_a_hurry_it_asks_nobody_else(doctor):
    assert set(doctor.report("--quick")) == {name.value for name in QUICK}
    assert doctor.gateway.asked == []
    assert doctor.tools.queue.waiting() == dict.fromkeys(doctor.tools.queue.waiting(), 0)


def test_it_changes_nothing_in_the_books_and_tells_the_breaker_nothing(doctor):
    doctor.gateway.confirm = lambda _token: Answer(said=Said.REFUSED, sub_code="00")
    assert doctor.report("--wait", "0.1")["credentials"]["grade"] == "bad"
    assert doctor.tools.account(DEFAULT).breaker.room() is None
    for table in ("callbacks", "checks", "transactions", "stops"):
        assert count(doctor.tools.sessions, table) == 0
    assert list(doctor.desk.settings.spool_dir.iterdir()) == []


def test_an_eviction_policy_that_throws_messages_away_is_found(doctor, redis_url):
    with redis.Redis.from_url(redis_url) as server:
        server.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = doctor.report("--quick")["eviction"]
        finally:
            server.config_set("maxmemory-policy", "noeviction")
    assert (found["grade"], found["found"]) == ("bad", "allkeys-lru: throws messages away when memory is short")
    assert "CONFIG SET maxmemory-policy noeviction" in found["fix"]


def test_a_database_one_revision_behind_is_found(doctor, database_url):
    *_, before, last = sorted(path.name[:4] for path in (migrate.SCRIPTS / "versions").glob("[0-9]*.py"))
    sql(database_url, f"UPDATE alembic_version SET version_num = '{before}'")
    found = doctor.report("--quick")["migrations"]
    assert (found["grade"], found["found"], found["fix"]) == ("bad", f"pending: {last}", "run `reconciler migrate`")


def test_a_database_without_tables_is_a_matter_of_migrations(tmp_path, empty_database_url, redis_url):
    with surgery(tmp_path, empty_database_url, redis_url) as doctor:
        found = grades(doctor.report("--quick"))
    assert (found["database"], found["migrations"], found["switches"]) == ("ok", "bad", "?")


def test_a_database_whose_clock_is_wrong_is_found(doctor, database_url):
    """Its clock_timestamp() is another one here: whoever asks this server gets the wrong time."""
    name = database_url.rpartition("/")[2]
    sql(
        database_url,
        "CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
        " AS $$ SELECT pg_catalog.clock_timestamp() + interval '90 s' $$",
        f"ALTER DATABASE {name} SET search_path = public, pg_catalog",
    )
    found = doctor.report("--quick")["clocks"]
    assert found["grade"] == "bad"
    assert re.match(r"(this machine|PostgreSQL) and (PostgreSQL|Redis) are (89\.\d|90\.0) s apart", found["found"])


def test_an_app_whose_visibility_timeout_is_too_short_is_found(doctor, monkeypatch):
    from config import celery_settings

    transport = celery_settings._transport
    monkeypatch.setattr(celery_settings, "_transport", lambda lengths: transport(lengths) | {"visibility_timeout": 20})
    found = doctor.report("--quick")["lengths"]
    assert found["grade"] == "bad"
    assert "visibility timeout (20 s) must be longer than the longest task (29.575 s)" in found["found"]


def test_isolation_and_read_only_by_default_are_found(doctor, database_url):
    name = database_url.rpartition("/")[2]
    sql(
        database_url,
        f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'",
        f"ALTER DATABASE {name} SET default_transaction_read_only = on",
    )
    found = grades(doctor.report("--quick"))
    assert (found["isolation"], found["database"]) == ("bad", "bad")


def test_something_else_at_the_callback_url_is_found(tmp_path, database_url, redis_url):
    with surgery(tmp_path, database_url, redis_url, callback_url=f"http://127.0.0.1:1{CALLBACK_PATH}") as doctor:
        found = doctor.report("--wait", "0.1")["door"]
    assert (found["grade"], found["found"]) == ("bad", "cannot be reached from here: Connection refused")


def test_each_account_is_looked_at_where_its_own_callbacks_come_in(doctor, callback_url):
    own = doctor.tools.account(DEFAULT)
    there = replace(own, name="shop", shop=replace(own.shop, callback_url=f"{callback_url}/shop"))
    lost = replace(own, name="lost", shop=replace(own.shop, callback_url="http://127.0.0.1:1/elsewhere"))
    doctor.desk.tools = replace(doctor.tools, accounts=FakeAccounts(own, there, lost))
    document = json.loads(doctor.run("--json", "--wait", "1").stdout)
    found = {(line["check"], line["account"]): line["grade"] for line in document["checks"]}
    assert [found["callback_url", name] for name in ("default", "shop", "lost")] == ["ok", "ok", "bad"]
    assert [found["door", name] for name in ("default", "shop", "lost")] == ["ok", "ok", "bad"]
    assert [name for check, name in found if check == "certificate"] == ["default", "lost"]


def test_a_spool_that_cannot_be_made_is_found(tmp_path, database_url, redis_url):
    (tmp_path / "file").write_text("")
    with surgery(tmp_path, database_url, redis_url) as doctor:
        settings = doctor.desk.settings.model_copy(update={"spool_dir": tmp_path / "file" / "spool"})
        doctor.desk = Desk(settings=settings, tools=doctor.tools)
        assert doctor.report("--quick")["spool"]["grade"] == "bad"


def test_servers_that_accept_and_say_nothing_hold_it_up_for_seconds_only(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        urls = f"postgresql://u:secret-word@127.0.0.1:{port}/books", f"redis://:secret-word@127.0.0.1:{port}/0"
        with surgery(tmp_path, *urls) as doctor:
            result = doctor.run("--json", "--quick")
    document = json.loads(result.stdout)
    found = grades({line["check"]: line for line in document["checks"]})
    assert (found["database"], found["redis"], found["spool"], found["lengths"]) == ("bad", "bad", "ok", "ok")
    assert document["seconds"] < 25
    assert "secret-word" not in result.output


def test_settings_that_are_wrong_are_all_named_and_end_with_1(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "LIGDICASH_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RECONCILER_API_KEY", "short-secret")
    result = CliRunner().invoke(command, ["doctor"], obj=Desk(), prog_name="reconciler")
    assert result.exit_code == 1
    for name in ("DATABASE_URL", "REDIS_URL", "LIGDICASH_API_KEY", "RECONCILER_API_KEY"):
        assert f"BAD   settings  {name}: " in result.stdout
    assert "short-secret" not in result.output


def test_a_person_gets_a_line_each_and_a_sum(doctor):
    lines = doctor.run("--quick").stdout.splitlines()
    assert lines[0] == "ok    settings      complete, for development"
    assert re.fullmatch(r"2 faults; 20 checks in \d+\.\d s", lines[-1])  # durability, and no beat


def test_it_speaks_french(doctor):
    lines = doctor.run("--quick", "--lang", "fr").stdout.splitlines()
    assert lines[0] == "ok    settings      complets, pour development"
    assert "défauts ; 20 contrôles en" in lines[-1]


def test_the_page_explains_every_check():
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [name.value for name in Name]


@pytest.mark.processes
def test_a_real_worker_is_known_by_what_it_takes_and_by_lengths_that_are_not_ours(
    tmp_path, database_url, redis_url, callback_url
):
    """It takes all but one queue, with beat inside, and was started with a shorter timeout than ours."""
    env = good(database_url, redis_url) | {"LIGDICASH_ANSWER_TIMEOUT": "5"}
    queues = ["-Q", "callbacks,fresh,notices,control"]
    arguments = ["worker", "-B", *queues, "--pool", "threads", "-c", "2", "--without-gossip", "--without-mingle"]
    changes = {"callback_url": callback_url, "ligdicash_answer_timeout": 50}
    with surgery(tmp_path, database_url, redis_url, **changes) as doctor, running(arguments, env, tmp_path):
        eventually(lambda: doctor.tools.signs.find("swept"))
        report = doctor.report("--wait", "3")
    assert report["workers"]["found"] == "nobody took a message from recheck within 3 s"
    assert report["beat"]["grade"] == report["clocks"]["grade"] == "ok"
    assert report["redelivery"]["grade"] == "bad"
    assert "visibility timeout is 36 s" in report["redelivery"]["found"]
