"""Troubles of the books, of both servers, and of whoever tells about them."""

from __future__ import annotations

from tasks.watch import WATCHED, WATCHED_IN_FULL
from tests.alerts.troubles import trouble
from tests.ledger import add_settled, run, value


@trouble("ReconcilerExporterGone")
def nobody_tells(stage):
    stage.stop("reconciler-exporter")
    yield
    stage.start("reconciler-exporter")


@trouble("ReconcilerBooksUnreadable")
def database_away(stage):
    stage.database_wire.cut()
    yield
    stage.database_is_back()


@trouble("ReconcilerRedisAway")
def redis_away(stage):
    stage.redis_wire.cut()
    yield
    stage.redis_wire.mend()
    stage.restart_exporter()  # one that found it away rests for seconds


@trouble("ReconcilerMigrationsBehind")
def a_migration_that_was_forgotten(stage):
    head = value(stage.sessions, "SELECT version_num FROM alembic_version")
    run(stage.sessions, "UPDATE alembic_version SET version_num = '0009'")
    yield
    run(stage.sessions, "UPDATE alembic_version SET version_num = :head", head=head)


@trouble("ReconcilerFsckBroken")
def a_settlement_whose_evidence_was_changed(stage):
    add_settled(stage.sessions, tools=stage.tools)
    stage.past_the_guards("UPDATE checks SET said = 'pending'")
    stage.app.tasks["reconciler.watch"].apply(args=(900,))
    yield
    stage.past_the_guards("UPDATE checks SET said = 'completed'")
    stage.app.tasks["reconciler.watch"].apply(args=(900,))


@trouble("ReconcilerFsckNotRun")
def nobody_watches(stage):
    stage.age_sign(WATCHED, 1500)
    yield
    stage.app.tasks["reconciler.watch"].apply(args=(900,))


@trouble("ReconcilerNightlyFsckMissed")
def a_night_without(stage):
    stage.age_sign(WATCHED_IN_FULL, 2 * 86_400)
    yield
    stage.app.tasks["reconciler.watch"].apply()


@trouble("ReconcilerLookFailed")
def a_part_that_cannot_be_read(stage):
    run(stage.sessions, "ALTER TABLE stops RENAME TO moved")
    yield
    run(stage.sessions, "ALTER TABLE moved RENAME TO stops")
