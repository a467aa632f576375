"""Every job runs on a real, empty database, with stand-ins for all else."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.fakes import Fakes, toolbox


@pytest.fixture(autouse=True)
def logs():
    """What the jobs log, instead of long tracebacks on the screen."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def fakes():
    return Fakes()


@pytest.fixture
def tools(sessions, fakes):
    return toolbox(sessions, fakes)
