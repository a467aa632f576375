"""Fixtures for every test: real servers, started when the first test asks for one, and a fresh database for each test.

A server that cannot be started fails the tests that need it. It is never a reason to skip.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import count

import pytest
import redis
from hypothesis import settings

from models.session import Sessions
from tests import programs
from tests.ledger import MINUTE, STOPWATCH, empty, open_books
from tests.servers import TEMPLATE, Servers, create_database, drop_database, fresh_name, running_servers

# A busy machine is slow now and then; that says nothing about the code under test.
settings.register_profile("reconciler", deadline=None)
settings.load_profile("reconciler")

# The command speaks the language of whoever runs it; these tests expect its own, wherever they run.
os.environ["RECONCILER_LANG"] = "en"

# Whoever runs this in the background of a shell has Ctrl-C ignored, here and in all that is started from here; tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REDIS_DATABASES = 16
_turns = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server as such: `-m "not servers and not processes"` leaves what is over in a minute."""
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker("servers")


def pytest_runtest_setup() -> None:
    """What a date of the books is compared with has moved on by what the test has taken."""
    STOPWATCH.start()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A machine without a browser, or without promtool, tests less: whoever reads the end of the run has to know."""
    for line in programs.missing():
        terminalreporter.write_sep("!", line, red=True, bold=True)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Both servers of this session. Careless about power cuts, which makes them quick."""
    with running_servers(fsync=False) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_url(servers) -> str:
    """An empty database of the session's PostgreSQL, as its superuser; for tests that make databases of their own."""
    return servers.postgres_url


@pytest.fixture(scope="session")
def template_database(postgres_url) -> str:
    """The name of a migrated database that others are copied from."""
    from models import migrate

    migrate.upgrade(create_database(postgres_url, TEMPLATE))
    return TEMPLATE


@pytest.fixture
def empty_database_url(postgres_url) -> Iterator[str]:
    """A database without tables, gone after the test."""
    name = fresh_name()
    yield create_database(postgres_url, name)
    drop_database(postgres_url, name)


@pytest.fixture
def database_url(postgres_url, template_database) -> Iterator[str]:
    """A migrated database with nothing in it, gone after the test."""
    name = fresh_name()
    yield create_database(postgres_url, name, template=template_database)
    drop_database(postgres_url, name)


@pytest.fixture(scope="session")
def shared_books(postgres_url, template_database) -> Iterator[Sessions]:
    """Sessions on one migrated database for many tests: making one for each would take most of their time."""
    name = fresh_name()
    with open_books(create_database(postgres_url, name, template=template_database)) as opened:
        yield opened
    drop_database(postgres_url, name)


@pytest.fixture
def sessions(shared_books) -> Sessions:
    """Sessions on tables without a row."""
    empty(shared_books)
    return shared_books


@pytest.fixture
def shared_url(sessions) -> str:
    """The address of these tables. Who writes there must be done when the test is."""
    return sessions.kw["bind"].url.render_as_string(hide_password=False)


@pytest.fixture
def wide_spacing(monkeypatch):
    """Two questions about one payment are a minute apart: what comes within it does so however slow the machine is."""
    monkeypatch.setattr("tasks.confirm.SPACING", MINUTE)
    monkeypatch.setattr("tasks.foresee.SPACING", MINUTE)
    monkeypatch.setattr("config.policy.SPACING", MINUTE.total_seconds())


@pytest.fixture
def redis_url(servers) -> Iterator[str]:
    """An empty numbered database of the session's Valkey, emptied again afterwards."""
    url = servers.redis_url.removesuffix("/0") + f"/{next(_turns) % REDIS_DATABASES}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()
