"""A migrator that dies in the middle leaves what the next one goes on from."""

from __future__ import annotations

import signal

import pytest

from models import migrate
from tests.certification.mortal_migrator import die_at
from tests.certification.revisions import revisions
from tests.forked import Forked
from worker.embedded.programs import ROOT


@pytest.mark.parametrize("revision", revisions())
def test_a_migrator_killed_before_its_version_is_written_is_made_good_by_the_next(
    empty_database_url, revision, tmp_path
):
    dead = Forked(die_at, revision, empty_database_url, env={}, cwd=ROOT, log=tmp_path / "log")
    assert dead.wait(within=100) == -signal.SIGKILL, (tmp_path / "log").read_text()
    assert migrate.pending(empty_database_url)[0] == revision
    migrate.upgrade(empty_database_url)
    assert migrate.drift(empty_database_url) == []
