"""Troubles of receiving: the door, its spool, and callbacks that nobody sends or reads."""

from __future__ import annotations

import shutil

from tasks.intake import intake
from tests.alerts.troubles import trouble
from tests.ledger import claim, knock, let_pass
from tests.settled import put_settled
from tests.webdoor import until
from worker.web import registry_of


@trouble("ReconcilerDoorGone")
def no_door(stage):
    stage.stop("reconciler-web")
    yield
    stage.start("reconciler-web")


@trouble("ReconcilerDoorNotAcknowledging")
def database_away_and_spool_full(stage):
    stage.database_wire.cut()
    while stage.post_callback(60_000) == 200:
        pass
    yield
    stage.database_is_back()
    assert stage.post_callback() == 200


@trouble("ReconcilerDoorThreadDead")
def a_writer_that_ended(stage):
    stage.door.app.state.writer.stop()
    yield
    stage.stop("reconciler-web")
    stage.door = stage.open_door()
    stage.registries["reconciler-web"] = registry_of(stage.door.app)
    stage.start("reconciler-web")


@trouble("ReconcilerSpooling")
def database_away(stage):
    stage.database_wire.cut()
    assert stage.post_callback() == 200
    yield
    stage.database_is_back()


@trouble("ReconcilerSpoolFilling")
def database_away_for_long(stage):
    stage.database_wire.cut()
    assert [stage.post_callback(60_000) for _ in range(10)] == [200] * 10
    yield
    stage.database_is_back()


@trouble("ReconcilerSpoolKeptApart")
def a_file_nobody_can_read(stage):
    (stage.spool / "0000000000000001-1-1.spool").write_bytes(b"no callback" * 100)
    until(lambda: list(stage.spool.glob("*.torn")))
    yield
    for file in stage.spool.glob("*.torn"):
        file.unlink()


@trouble("ReconcilerSpoolUnreadable")
def a_folder_that_is_gone(stage):
    shutil.move(stage.spool, stage.spool.with_name("elsewhere"))
    yield
    shutil.move(stage.spool.with_name("elsewhere"), stage.spool)


@trouble("ReconcilerCallbacksSilent")
def payments_without_callbacks(stage):
    put_settled(stage.sessions, 10, ago=60)
    yield
    put_settled(stage.sessions, 30, ago=0, heard=3)


@trouble("ReconcilerCallbacksUnread")
def nobody_reads(stage):
    ids = knock(stage.sessions, claim("ORD-1"))
    let_pass(stage.sessions, 300)
    yield
    intake(stage.tools, ids)
