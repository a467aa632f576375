"""The museum's tests stand on the same fixtures as those of the jobs."""

from __future__ import annotations

from tests.tasks.conftest import fakes, logs, tools

__all__ = ["fakes", "logs", "tools"]
