"""`migrate` and `sweep`: the tables are brought up to date, and money moves without beat, broker or worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.fakes import completed, settings_for
from tests.ledger import add_created, add_pending, cases, claim, count, knock, let_pass, open_books, run, value
from tests.servers import PATIENCE
from worker.ops.desk import Desk


@pytest.fixture
def empty(ops, empty_database_url):
    """The same person at a database without tables."""
    ops.desk = Desk(settings=settings_for(empty_database_url))
    return ops


def test_migrate_says_what_it_ran_and_a_second_time_that_nothing_was_to_do(empty):
    assert empty.say("migrate").startswith("migrated: 0001")
    assert empty.say("migrate") == "the database is up to date\n"
    assert empty.say("migrate", "--check") == "the database is up to date\n"
    assert empty.document("migrate") == {"migrated": []}


def test_check_tells_what_is_pending_and_changes_nothing(empty):
    for _ in range(2):
        result = empty.run("migrate", "--check")
        assert result.exit_code == 1
        assert result.stdout.startswith("pending: 0001")


def test_check_tells_a_machine_what_is_pending(empty):
    result = empty.run("migrate", "--check", "--json")
    assert result.exit_code == 1
    assert "0001" in json.loads(result.stdout)["pending"]


def test_check_tells_a_column_that_somebody_added_by_hand(ops_alone):
    run(ops_alone.tools.sessions, "ALTER TABLE notices ADD COLUMN by_hand text")
    result = ops_alone.run("migrate", "--check")
    assert result.exit_code == 1
    assert result.stdout.startswith("differs: ")
    assert "by_hand" in result.stdout


def test_a_database_of_a_later_version_is_one_line(ops_alone):
    run(ops_alone.tools.sessions, "UPDATE alembic_version SET version_num = '9999'")
    for argv in (("migrate",), ("migrate", "--check")):
        line = ops_alone.fault(*argv)
        assert line.startswith("error: the database was migrated by another version of this program")
        assert "9999" in line


def test_migrate_without_a_database_is_one_line(ops_without_database):
    for argv in (("migrate",), ("migrate", "--check")):
        assert ops_without_database.fault(*argv).startswith("error: the database cannot be reached; check DATABASE_URL")


def test_a_sweep_hands_what_is_due_to_the_workers(ops):
    pks = add_pending(ops.tools.sessions, 2, due_in=-1)
    assert ops.say("sweep") == "due: 0 callbacks, 2 invoices\n"
    assert ops.fakes.queue.ids_to_ask == pks
    assert ops.say("sweep") == "due: 0 callbacks, 0 invoices\n"


def test_without_a_broker_a_sweep_does_the_work_itself(ops):
    ops.fakes.queue.is_away = True
    add_pending(ops.tools.sessions, due_in=-1)
    ops.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    assert ops.document("sweep") == {"callbacks": 0, "transactions": 1, "parked": 0, "is_off": False}
    assert count(ops.tools.sessions, "settlements") == 1


def test_a_sweep_tells_the_invoices_it_parked(ops):
    add_created(ops.tools.sessions)
    let_pass(ops.tools.sessions, 3600)
    assert ops.say("sweep").splitlines()[-1] == "parked: 1 invoices without a token; each has a case"
    assert cases(ops.tools.sessions) == ["token_lost"]


def test_a_sweep_without_a_database_is_one_line(ops_without_database):
    assert ops_without_database.fault("sweep").startswith("error: the database cannot be reached")


@pytest.fixture
def alone(database_url):
    """The environment of a process that has a database and neither broker nor gateway."""
    return os.environ | {
        "ENVIRONMENT": "development",
        "LIGDICASH_API_KEY": "key-for-tests",
        "LIGDICASH_API_TOKEN": "token-for-tests",
        "LIGDICASH_BASE_URL": "http://127.0.0.1:1",
        "RECONCILER_API_KEY": "a-key-for-tests-only-0123456789",
        "CALLBACK_URL": "https://pay.example.com/api/callback/ligdicash",
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_looping_sweep_works_alone_until_it_is_told_to_stop(database_url, alone, number):
    argv = [sys.executable, "-m", "worker.ops", "sweep", "--loop", "--every", "0.2"]
    with (
        open_books(database_url) as sessions,
        subprocess.Popen(argv, env=alone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
    ):
        try:
            knock(sessions, claim("nobody"))
            run(sessions, "UPDATE callbacks SET next_try_at = now()")
            wait_until(lambda: value(sessions, "SELECT outcome FROM callbacks") == "unmatched")
            process.send_signal(number)
            said, logged = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert (process.returncode, said) == (0, "")
    assert logged.startswith("sweeping every 0.2 s until Ctrl-C\n")
    assert "Traceback" not in logged
    assert '"swept"' in logged


def test_a_looping_sweep_outlives_its_database(alone):
    argv = [sys.executable, "-m", "worker.ops", "sweep", "--loop", "--every", "0.2"]
    env = alone | {"DATABASE_URL": "postgresql://reconciler@127.0.0.1:1/books"}
    with subprocess.Popen(argv, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            lines = [process.stderr.readline() for _ in range(3)]
            assert [("sweep_put_off" in line) for line in lines] == [False, True, True]
            process.terminate()
            assert process.wait(timeout=PATIENCE) == 0
        finally:
            process.kill()


def wait_until(is_so, *, within: float = PATIENCE):
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
