"""The same person at the command line, on books that are emptied instead of made anew: many tests, one database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from tests.fakes import Fakes, settings_for, toolbox
from tests.worker.ops.conftest import Ops
from worker.ops.desk import Desk


@pytest.fixture
def ops(sessions) -> Iterator[Ops]:
    fakes = Fakes()
    tools = toolbox(sessions, fakes)
    nowhere = "postgresql://reconciler@127.0.0.1:1/books"
    with capture_logs():
        yield Ops(tools=tools, fakes=fakes, desk=Desk(settings=settings_for(nowhere), tools=tools))
