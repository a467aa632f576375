"""The fixture `ligdicash_double` for a merchant's own tests: the gateway's double, anew for each test.

Loaded by pytest wherever this project is installed. It takes no network but a free port of this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # each pytest run loads this file; the simulator only where the fixture is used
    from worker.ligdicash.double import Double


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "ligdicash_double(**options): options of the simulator behind `ligdicash_double`"
    )


@pytest.fixture
def ligdicash_double(request: pytest.FixtureRequest) -> Iterator[Double]:
    """A gateway of this test's own. `@pytest.mark.ligdicash_double(profile="sdk-legacy")` sets options of the simulator."""
    from worker.ligdicash.double import running_double

    marker = request.node.get_closest_marker("ligdicash_double")
    with running_double(**(marker.kwargs if marker else {})) as double:
        yield double
