"""The echo: a task that ran leaves a sign with the lengths its worker goes by; so does a sweep that beat rang for."""

from __future__ import annotations

import pytest

from config.celery_settings import SWEEP, WATCH
from config.policy import Lengths
from tasks.echo import leave_sign, longest_unacknowledged, visibility
from tasks.job import provide_tools
from tasks.sweep import SWEPT
from tests.fakes import settings_for
from worker.app import make_app

SETTINGS = settings_for("postgresql://nobody@127.0.0.1:1/none")


@pytest.fixture
def app():
    made = make_app(SETTINGS)
    made.loader.import_default_modules()
    yield made
    made.close()


def test_the_sign_carries_the_lengths_of_the_app_that_ran_it(app, fakes, tools):
    leave_sign(tools, "echo:1:fresh", app)
    lengths = Lengths.from_settings(SETTINGS)
    assert fakes.signs.left["echo:1:fresh"].facts == {"visibility": lengths.visibility, "longest": lengths.hard_limit}


def test_the_nights_fsck_counts_for_nothing_as_it_is_acknowledged_before_it_runs(app):
    assert app.conf.beat_schedule["watch_in_full"]["options"]["time_limit"] > visibility(app)
    assert longest_unacknowledged(app) < visibility(app)
    app.tasks[WATCH].acks_late = True
    assert longest_unacknowledged(app) > visibility(app)


def test_a_limit_of_a_tasks_own_counts(app):
    app.tasks[SWEEP].time_limit = 500
    assert longest_unacknowledged(app) == 500


def test_a_sweep_that_beat_rang_for_leaves_its_sign(app, fakes, tools):
    provide_tools(app, lambda: tools)
    app.tasks[SWEEP]()
    assert SWEPT in fakes.signs.left
