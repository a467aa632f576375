"""A migrator that dies in the middle leaves what the next one goes on from."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from models import migrate
from tests.certification.revisions import revisions
from worker.embedded.programs import ROOT


@pytest.mark.parametrize("revision", revisions())
def test_a_migrator_killed_before_its_version_is_written_is_made_good_by_the_next(empty_database_url, revision):
    dead = subprocess.run(
        [sys.executable, "-m", "tests.certification.mortal_migrator", revision],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATABASE_URL": empty_database_url},
        timeout=60,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL
    assert migrate.pending(empty_database_url)[0] == revision
    migrate.upgrade(empty_database_url)
    assert migrate.drift(empty_database_url) == []
