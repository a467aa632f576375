"""Migrations: repeatable, one migrator at a time, each revision whole or not at all, and able to work beside a running fleet."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from models import migrate
from models.errors import StoreAway, TryAgain
from models.migrate import drift, pending, upgrade
from tests.ledger import all_at_once

ALL = sorted(path.name[:4] for path in (migrate.SCRIPTS / "versions").glob("[0-9]*.py"))
"""Our own revisions, oldest first."""

ONE_MORE = """
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.execute("CREATE TABLE half_done (id int)")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY ix_scratch ON transactions (amount)")
    op.execute("{last}")
"""

WHOLE = """
from alembic import op

revision = "9999"
down_revision = "{head}"


def upgrade():
    op.execute("CREATE TABLE half_done (id int)")
    op.execute("{last}")
"""

BUILDS = "SELECT count(*) FROM pg_stat_progress_create_index WHERE datname = current_database()"
ASKS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'reconciler-migrate' AND query LIKE '%advisory_lock%'
"""


@pytest.fixture
def engine(empty_database_url):
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def one_more_revision(tmp_path, monkeypatch):
    """A later release that adds a revision: the scripts copied, with one more."""

    def add(last: str, *, script: str = ONE_MORE) -> None:
        scripts = tmp_path / "migrations"
        shutil.copytree(migrate.SCRIPTS, scripts)
        (scripts / "versions" / "9999_scratch.py").write_text(script.format(last=last, head=ALL[-1]), encoding="utf-8")
        monkeypatch.setattr(migrate, "SCRIPTS", scripts)

    return add


def tables(engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))


def until(connection, statement: str, wanted: int) -> None:
    """Wait until this counts that many."""
    deadline = time.monotonic() + 60
    while connection.scalar(text(statement)) != wanted:
        assert time.monotonic() < deadline, f"never {wanted}: {statement}"
        time.sleep(0.01)


def test_the_migrated_database_is_the_declared_one(database_url):
    assert drift(database_url) == []
    assert pending(database_url) == []


def test_migrating_twice_does_nothing_the_second_time(empty_database_url):
    assert upgrade(empty_database_url) == ALL
    assert upgrade(empty_database_url) == []


def test_two_migrators_at_once_do_the_work_once(empty_database_url):
    done = all_at_once(*[lambda: upgrade(empty_database_url)] * 2)
    assert sorted(done) == [[], ALL]
    assert drift(empty_database_url) == []


def test_every_revision_can_be_taken_back(empty_database_url, engine):
    upgrade(empty_database_url)
    with engine.connect() as connection:
        command.downgrade(migrate._config(connection), "base")
    assert pending(empty_database_url) == ALL
    assert upgrade(empty_database_url) == ALL


def test_a_revision_may_build_an_index_without_stopping_the_fleet(empty_database_url, engine, one_more_revision):
    one_more_revision("SELECT 1")
    assert upgrade(empty_database_url) == [*ALL, "9999"]
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM pg_indexes WHERE indexname = 'ix_scratch'")) == 1


def test_a_migrator_that_waits_its_turn_holds_up_no_index(empty_database_url, engine, one_more_revision, monkeypatch):
    upgrade(empty_database_url)
    monkeypatch.setattr(migrate, "BRIEF_LOCKS", "-c lock_timeout=60000")  # a slow machine is not what is tested
    one_more_revision("SELECT 1")
    look = engine.execution_options(isolation_level="AUTOCOMMIT")
    with ThreadPoolExecutor(2) as threads:
        with engine.connect() as busy, look.connect() as eye:
            busy.execute(text("LOCK TABLE transactions IN ROW EXCLUSIVE MODE"))
            first = threads.submit(upgrade, empty_database_url)
            until(eye, BUILDS, 1)
            second = threads.submit(upgrade, empty_database_url)
            until(eye, ASKS, 2)
        assert first.result(timeout=60) == ["9999"]
        assert second.result(timeout=60) == []


def test_a_revision_that_fails_leaves_nothing_of_itself_behind(empty_database_url, engine, one_more_revision):
    one_more_revision("SELECT 1 / 0", script=WHOLE)
    with pytest.raises(DBAPIError, match="division by zero"):
        upgrade(empty_database_url)
    assert "half_done" not in tables(engine)
    assert pending(empty_database_url) == ["9999"]
    with pytest.raises(DBAPIError, match="division by zero"):
        upgrade(empty_database_url)


def test_a_revision_that_fails_is_not_counted_and_those_before_it_stand(empty_database_url, engine, one_more_revision):
    one_more_revision("SELECT 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        upgrade(empty_database_url)
    assert "transactions" in tables(engine)
    assert pending(empty_database_url) == ["9999"]


def test_a_table_in_use_is_told_as_such_and_a_second_run_goes_on(
    empty_database_url, engine, one_more_revision, monkeypatch
):
    upgrade(empty_database_url)
    monkeypatch.setattr(migrate, "BRIEF_LOCKS", "-c lock_timeout=100")
    one_more_revision("ALTER TABLE transactions ALTER COLUMN description SET DEFAULT ''")
    with engine.connect() as busy:
        busy.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(TryAgain, match="in use by a long transaction"):
            upgrade(empty_database_url)
    assert upgrade(empty_database_url) == ["9999"]


def test_a_look_at_what_is_pending_does_not_wait_for_long(database_url):
    engine = create_engine(database_url)
    with engine.connect() as busy:
        busy.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(StoreAway, match="does not answer in time"):
            pending(database_url)
    engine.dispose()


def test_a_database_that_is_not_there_is_one_sentence():
    with pytest.raises(StoreAway, match="check DATABASE_URL"):
        pending("postgresql+psycopg://nobody@127.0.0.1:1/none")
