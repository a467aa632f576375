"""The drainer: in order, with the time of the knock, once the database is back; nothing that is bad stops it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from models.callback import Callback, Receipt
from tests.servers import PATIENCE
from tests.trouble import rule
from tests.webdoor import NOWHERE, sessions_on, until
from worker.web.drainer import Drainer
from worker.web.spool import DrainFile, Spool, Spooled
from worker.web.spool.disk import Disk

NOON = datetime(2026, 11, 1, 12, 0, 0, 123456, tzinfo=UTC)


def spooled(body: bytes, *, after: int = 0, content_type: str = "application/json", **headers: str) -> Spooled:
    receipt = Receipt(body=body, content_type=content_type, headers=headers, source="192.0.2.1")
    return Spooled(receipt, NOON + timedelta(seconds=after))


@pytest.fixture
def spool(tmp_path) -> Spool:
    spool = Spool(tmp_path / "spool", max_mb=64)
    spool.prepare()
    return spool


class Ears:
    """Hears what a drainer tells."""

    def __init__(self) -> None:
        self.rung: list[int] = []
        self.back = 0

    def drainer(self, spool, sessions, **more) -> Drainer:
        return Drainer(spool, sessions, ring=self.rung.extend, database_is_back=self.is_back, **more)

    def is_back(self) -> None:
        self.back += 1


@pytest.fixture
def ears() -> Ears:
    return Ears()


def rows(sessions) -> list[Callback]:
    with sessions() as session:
        return list(session.scalars(select(Callback).order_by(Callback.id)))


def test_files_are_drained_in_order_with_the_time_of_the_knock_and_then_gone(sessions, spool, ears):
    for i in range(3):
        spool.append([spooled(b"%d" % i, after=i, name="value"), spooled(b"%d more" % i, after=i)])
        spool.seal()
    ears.drainer(spool, sessions).drain()
    found = rows(sessions)
    assert [row.body for row in found] == [b"0", b"0 more", b"1", b"1 more", b"2", b"2 more"]
    assert [row.received_at for row in found] == [NOON + timedelta(seconds=i) for i in (0, 0, 1, 1, 2, 2)]
    assert all(row.stored_at > row.received_at for row in found)
    assert found[0].headers == {"name": "value"}
    assert sorted(ears.rung) == [row.id for row in found]
    assert spool.waiting_files() == []


def test_the_file_under_way_is_drained_too_and_the_next_batch_begins_another(sessions, spool, ears):
    spool.append([spooled(b"1")])
    drainer = ears.drainer(spool, sessions)
    drainer.drain()
    spool.append([spooled(b"2")])
    drainer.drain()
    assert [row.body for row in rows(sessions)] == [b"1", b"2"]


def test_with_the_database_away_nothing_is_lost_and_no_second_file_is_sealed_early(spool, ears):
    with sessions_on(NOWHERE) as nowhere:
        drainer = ears.drainer(spool, nowhere)
        for i in range(3):
            spool.append([spooled(b"%d" % i)])
            drainer.drain()
    assert spool.look().waiting == 3
    assert len(spool.waiting_files()) == 2
    assert ears.back == 0


def test_with_nothing_to_drain_nothing_speaks_against_the_database(sessions, spool, ears):
    ears.drainer(spool, sessions).drain()
    assert ears.back == 1


def test_a_torn_end_is_kept_apart_and_what_stands_before_it_is_drained(sessions, spool, ears):
    spool.append([spooled(b"one"), spooled(b"two")])
    spool.seal()
    [path] = spool.waiting_files()
    path.write_bytes(path.read_bytes()[:-3])
    with capture_logs() as logs:
        ears.drainer(spool, sessions).drain()
    assert [row.body for row in rows(sessions)] == [b"one"]
    [torn] = path.parent.iterdir()
    assert torn.name.endswith(".torn")
    [line] = [line for line in logs if line["log_level"] == "error"]
    assert (line["event"], line["file"]) == ("spool_kept_apart", torn.name)


def test_a_record_the_database_will_not_have_is_kept_apart_alone(sessions, spool, ears):
    bad = [spooled(b"bad", content_type="\udc80"), spooled(b"bad too", name="\x00")]
    spool.append([spooled(b"1"), bad[0], spooled(b"2"), spooled(b"3"), bad[1], spooled(b"4")])
    with capture_logs() as logs:
        ears.drainer(spool, sessions).drain()
    assert [row.body for row in rows(sessions)] == [b"1", b"2", b"3", b"4"]
    assert len(ears.rung) == 4
    assert (spool.look().waiting, spool.look().apart) == (0, 2)
    assert [line["reason"] for line in logs if line["event"] == "spool_kept_apart"] == [
        "this request cannot be stored (InvalidTextRepresentation)",
        "this request cannot be stored (UntranslatableCharacter)",
    ]
    assert "bad too" not in repr(logs)


def test_a_crash_between_commit_and_note_doubles_one_batch_at_most(sessions, spool, ears, monkeypatch):
    monkeypatch.setattr("worker.web.drainer.BATCH", 2)
    spool.append([spooled(b"%d" % i) for i in range(6)])
    noted = []
    note = DrainFile.advance

    class Killed(BaseException):
        pass

    def killed_before_the_second_note(file, batch):
        noted.append(batch)
        if len(noted) == 2:
            raise Killed
        note(file, batch)

    with monkeypatch.context() as meanwhile, pytest.raises(Killed):
        meanwhile.setattr(DrainFile, "advance", killed_before_the_second_note)
        drainer = ears.drainer(spool, sessions)
        drainer.drain()
    drainer._let_go()  # as the kernel does
    ears.drainer(spool, sessions).drain()
    assert [row.body for row in rows(sessions)] == [b"0", b"1", b"2", b"3", b"2", b"3", b"4", b"5"]


@dataclass(frozen=True)
class NoRoomToKeepApart(Disk):
    """Cannot write files of its own for what is bad."""

    def sync_folder(self, folder) -> None:
        if threading.current_thread().name == "drainer":
            raise OSError(28, "No space left on device")
        super().sync_folder(folder)


def test_a_file_the_disk_makes_trouble_with_is_left_alone_and_blocks_no_other(tmp_path, sessions, ears):
    spool = Spool(tmp_path, max_mb=64, disk=NoRoomToKeepApart())
    spool.append([spooled(b"1"), spooled(b"bad", name="\x00")])
    spool.seal()
    spool.append([spooled(b"2")])
    drainer = ears.drainer(spool, sessions, every=0.01)
    with capture_logs() as logs:
        drainer.start()
        until(lambda: len(rows(sessions)) == 2)
        drainer.stop(patience=PATIENCE)
    assert [row.body for row in rows(sessions)] == [b"1", b"2"]
    assert [line["reason"] for line in logs if line["event"] == "spool_file_troubled"] == ["No space left on device"]
    assert spool.look().waiting == 1


def test_it_drains_by_itself_and_survives_a_bug_of_ours(sessions, spool, ears):
    def breaks_once(ids):
        ears.rung.extend(ids)
        if len(ears.rung) == 1:
            raise ZeroDivisionError

    drainer = Drainer(spool, sessions, ring=breaks_once, database_is_back=ears.is_back, every=0.01)
    drainer.start()
    for i in range(2):
        spool.append([spooled(b"%d" % i)])
        until(lambda i=i: len(ears.rung) == i + 1)
    until(lambda: not spool.waiting_files())
    drainer.stop(patience=PATIENCE)
    assert [row.body for row in rows(sessions)] == [b"0", b"1"]
    assert not drainer.is_alive


def test_two_drainers_on_one_folder_store_everything_once(database_url, tmp_path, ears):
    spools = [Spool(tmp_path, max_mb=64) for _ in range(2)]
    for i in range(20):
        spools[i % 2].append([spooled(b"%d" % i)])
        spools[i % 2].seal()
    with sessions_on(database_url) as sessions:
        drainers = [ears.drainer(spool, sessions, every=0.01) for spool in spools]
        for drainer in drainers:
            drainer.start()
        until(lambda: not spools[0].waiting_files())
        for drainer in drainers:
            drainer.stop(patience=PATIENCE)
        assert sorted(int(row.body) for row in rows(sessions)) == list(range(20))


def test_a_read_only_server_keeps_its_records_until_it_takes_writes(database_url, spool, ears):
    spool.append([spooled(b"1")])
    with sessions_on(database_url) as sessions:
        rule(database_url, "ALTER DATABASE {} SET default_transaction_read_only = on")
        drainer = ears.drainer(spool, sessions)
        drainer.drain()
        assert (spool.look().waiting, spool.look().apart) == (1, 0)
        rule(database_url, "ALTER DATABASE {} RESET default_transaction_read_only")
        drainer.drain()
        assert [row.body for row in rows(sessions)] == [b"1"]
