"""The books, empty and open, for every test of a statement."""

from __future__ import annotations

import pytest

from tests.ledger import empty, open_books
from tests.servers import create_database, drop_database, fresh_name


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
