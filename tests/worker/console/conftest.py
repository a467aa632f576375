"""One console for the tests of a file, on books that each test fills as it likes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.ledger import empty, open_books
from tests.servers import create_database, drop_database, fresh_name
from tests.worker.console.browser import OpenConsole, open_console

REDIS_NUMBER = 15
"""A database of Valkey's that the turns of `redis_url` come to last."""


@pytest.fixture(scope="module")
def opened(servers, postgres_url, template_database) -> Iterator[OpenConsole]:
    """Starting one takes most of the time."""
    name = fresh_name()
    url = create_database(postgres_url, name, template=template_database)
    with (
        open_books(url) as sessions,
        open_console(url, servers.redis_url.removesuffix("/0") + f"/{REDIS_NUMBER}", sessions) as console,
    ):
        yield console
    drop_database(postgres_url, name)


@pytest.fixture
def console(opened) -> OpenConsole:
    """With empty books, and nobody signed in."""
    empty(opened.sessions)
    with redis.Redis.from_url(opened.settings.redis_url.get_secret_value()) as client:
        client.flushdb()
    return opened
