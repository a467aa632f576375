"""A console for each test, on books that it fills as it likes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.session import Sessions
from tests.ledger import empty, open_books
from tests.servers import create_database, drop_database, fresh_name
from tests.worker.console.browser import OpenConsole, open_console


@pytest.fixture(scope="module")
def database_of_consoles(postgres_url, template_database) -> Iterator[tuple[str, Sessions]]:
    """Making one for each test would take most of their time."""
    name = fresh_name()
    url = create_database(postgres_url, name, template=template_database)
    with open_books(url) as sessions:
        yield url, sessions
    drop_database(postgres_url, name)


@pytest.fixture
def console(database_of_consoles, redis_url) -> Iterator[OpenConsole]:
    """With empty books, and nobody signed in."""
    url, sessions = database_of_consoles
    empty(sessions)
    with open_console(url, redis_url, sessions) as opened:
        yield opened
