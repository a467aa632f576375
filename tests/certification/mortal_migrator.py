"""Runs the migrations and dies in the middle of one.

At its worst moment: all statements of the revision are run, what it commits by itself is committed, and nothing says so yet.
"""

from __future__ import annotations

import functools
import os
import signal
from typing import Any

from alembic.runtime.migration import HeadMaintainer

from models import migrate

write_version = HeadMaintainer.update_to_step


def die_at(revision: str, url: str) -> None:
    """Never returns, unless that revision is not among those that are missing."""

    @functools.wraps(write_version)
    def dying(self: HeadMaintainer, step: Any) -> None:
        if revision in step.to_revisions_no_deps:
            os.kill(os.getpid(), signal.SIGKILL)
        write_version(self, step)

    HeadMaintainer.update_to_step = dying
    migrate.upgrade(url)
