"""Every job runs on a real, empty database, with stand-ins for all else."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.fakes import Fakes, toolbox
from tests.ledger import empty, open_books
from tests.servers import create_database, drop_database, fresh_name


@pytest.fixture(autouse=True)
def logs():
    """What the jobs log, instead of long tracebacks on the screen."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def books(postgres_url, template_database):
    """One migrated database for all tests of this folder: making one for each would take most of their time."""
    name = fresh_name()
    with open_books(create_database(postgres_url, name, template=template_database)) as opened:
        yield opened
    drop_database(postgres_url, name)


@pytest.fixture
def sessions(books):
    """Sessions on tables without a row."""
    empty(books)
    return books


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes)
