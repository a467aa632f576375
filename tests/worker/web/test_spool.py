"""The spool's files: durable before the answer, read back whole, never shared, bounded, and honest about damage."""

from __future__ import annotations

import errno
import os
import stat
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.callback import Receipt
from models.errors import SettingsFault
from worker.web.spool import REFUSED, TORN, Spool, Spooled, SpoolRefuses
from worker.web.spool.disk import Disk
from worker.web.spool.record import HEAD, MARK, TIME_AND_LENGTH, encode, scan

NOON = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
EVERYTHING = {"records": 10_000, "size": 1 << 30}


def spooled(body: bytes = b"{}", *, at: datetime = NOON) -> Spooled:
    headers = {"user-agent": "gateway/1", "x-odd": "\ufffd\u00e9"}
    return Spooled(Receipt(body=body, content_type="application/json", headers=headers, source="192.0.2.1"), at)


def open_spool(folder: Path, **more) -> Spool:
    spool = Spool(folder, **({"max_mb": 64} | more))
    spool.prepare()
    return spool


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "spool"


def drain(spool: Spool) -> list[Spooled | None]:
    """Everything in the spool that nobody else has, in order; None for what is damaged."""
    found = []
    spool.seal()
    for path in spool.waiting_files():
        file = spool.take(path)
        if file is None:
            continue
        while batch := file.next_batch(**EVERYTHING):
            found += [stretch.spooled for stretch in batch]
            file.advance(batch)
        file.remove()
        file.close()
    return found


@dataclass(frozen=True)
class WatchedDisk(Disk):
    """A real disk that keeps a diary."""

    diary: list[str] = field(default_factory=list)

    def write(self, fd: int, data: bytes, at: int) -> None:
        self.diary.append("write")
        super().write(fd, data, at)

    def sync(self, fd: int) -> None:
        self.diary.append("sync")
        super().sync(fd)

    def sync_folder(self, folder: Path) -> None:
        self.diary.append("sync folder")
        super().sync_folder(folder)


@dataclass(frozen=True)
class FullDisk(Disk):
    """Takes `room` more bytes, cut in the middle of a write like a real one."""

    room: list[int]

    def write(self, fd: int, data: bytes, at: int) -> None:
        fits = data[: self.room[0]]
        self.room[0] -= len(fits)
        super().write(fd, fits, at)
        if len(fits) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass(frozen=True)
class BadDisk(Disk):
    """Fails to sync while it `is_bad`."""

    is_bad: list[bool]

    def sync(self, fd: int) -> None:
        if self.is_bad[0]:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(fd)


def test_what_is_spooled_comes_back_as_it_was_and_in_order(folder):
    spool = open_spool(folder)
    first = [spooled(b"%d" % i, at=NOON + timedelta(microseconds=i)) for i in range(50)]
    strange = replace(spooled().receipt, content_type="\udc80", body=MARK + b"\x00\xff" + encode(spooled()), headers={})
    last = [Spooled(strange, NOON), spooled(b"")]
    spool.append(first)
    spool.append(last)
    assert drain(spool) == first + last


def test_a_batch_is_durable_before_append_returns_and_so_is_the_name_of_its_file(folder):
    disk = WatchedDisk()
    spool = open_spool(folder, disk=disk)
    disk.diary.clear()
    spool.append([spooled(), spooled()])
    assert disk.diary == ["write", "sync folder", "write", "sync"]
    spool.append([spooled()])
    assert disk.diary[4:] == ["write", "sync"]


def test_only_the_owner_may_look_into_folder_and_files(folder):
    spool = open_spool(folder)
    spool.append([spooled()])
    [path] = spool.waiting_files()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_a_fault_of_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        SettingsFault, match=r"^SPOOL_DIR: the folder .*/file/spool cannot be made or written \(Not a dir"
    ):
        open_spool(tmp_path / "file" / "spool")


def test_a_folder_that_cannot_be_written_is_a_fault_of_the_setting(folder):
    with pytest.raises(SettingsFault, match=r"SPOOL_DIR: .*No space left"):
        open_spool(folder, disk=FullDisk([0]))
    assert list(folder.iterdir()) == []


def test_preparing_leaves_nothing_behind_and_can_be_repeated(folder):
    open_spool(folder)
    open_spool(folder)
    assert list(folder.iterdir()) == []


def test_two_spools_on_one_folder_never_share_a_file(folder):
    one, other = open_spool(folder), open_spool(folder)
    one.append([spooled(b"one")])
    other.append([spooled(b"other")])
    mine, theirs = one.waiting_files()
    assert one.take(theirs) is None
    assert other.take(mine) is None
    assert drain(one) == [spooled(b"one")]
    assert drain(other) == [spooled(b"other")]


def test_a_file_that_one_drains_is_not_drained_by_another_nor_once_it_is_gone(folder):
    one, other = open_spool(folder), open_spool(folder)
    one.append([spooled()])
    one.seal()
    [path] = one.waiting_files()
    file = one.take(path)
    assert other.take(path) is None
    file.remove()
    file.close()
    assert other.take(path) is None


def test_draining_goes_on_where_it_was_left(folder):
    spool = open_spool(folder)
    spool.append([spooled(b"%d" % i) for i in range(10)])
    [path] = spool.waiting_files()
    file = spool.take(path)
    batch = file.next_batch(records=4, size=1 << 20)
    assert file.next_batch(records=4, size=1 << 20) == batch
    file.advance(batch)
    file.close()
    assert [one.receipt.body for one in drain(spool)] == [b"4", b"5", b"6", b"7", b"8", b"9"]


def test_a_batch_to_drain_is_cut_by_its_bytes_too(folder):
    spool = open_spool(folder)
    spool.append([spooled(b"x" * 1000)] * 10)
    [path] = spool.waiting_files()
    file = spool.take(path)
    assert len(file.next_batch(records=100, size=2000)) == 2
    file.close()


def test_once_the_limit_is_reached_it_refuses_in_one_sentence_until_there_is_room(folder):
    spool = open_spool(folder, max_mb=1)
    for _ in range(16):
        spool.append([spooled(b"x" * 65_536)])
    with pytest.raises(SpoolRefuses) as caught:
        spool.append([spooled()])
    assert str(caught.value) == ("the database is away and the spool is full (1 MB); send the same request again later")
    assert len(drain(spool)) == 16
    spool.append([spooled()])


def test_the_limit_counts_what_others_wrote_and_what_is_kept_apart(folder):
    (folder).mkdir()
    (folder / f"1-other-2{TORN}").write_bytes(b"x" * 600_000)
    (folder / "0-another.spool").write_bytes(b"x" * 600_000)
    with pytest.raises(SpoolRefuses, match="full"):
        open_spool(folder, max_mb=1).append([spooled()])


def test_a_big_file_is_sealed_and_the_next_batch_begins_another(folder, monkeypatch):
    monkeypatch.setattr("worker.web.spool.folder.FILE_BYTES", 1000)
    spool = open_spool(folder)
    batches = [[spooled(b"%d" % i + b"x" * 600)] for i in range(4)]
    for batch in batches:
        spool.append(batch)
    assert len(spool.waiting_files()) == 2
    assert drain(spool) == [one for batch in batches for one in batch]


def test_files_sort_by_age_also_when_the_clock_is_set_back(folder, monkeypatch):
    spool = open_spool(folder)
    for i, now in enumerate((2_000_000_000, 1_000_000_000, 3_000_000_000)):
        monkeypatch.setattr("time.time_ns", lambda now=now: now)
        spool.append([spooled(b"%d" % i)])
        spool.seal()
    assert [one.receipt.body for one in drain(spool)] == [b"0", b"1", b"2"]


def test_a_disk_that_fills_up_in_the_middle_of_a_batch_costs_that_batch_alone(folder):
    room = [10_000]
    spool = open_spool(folder, disk=FullDisk(room))
    spool.append([spooled(b"before")])
    with pytest.raises(SpoolRefuses, match=r"the spool cannot be written \(No space left on device\)"):
        spool.append([spooled(b"x" * 500) for _ in range(100)])
    room[0] = 10_000
    spool.append([spooled(b"after")])
    assert drain(spool) == [spooled(b"before"), spooled(b"after")]


def test_a_full_disk_leaves_no_empty_files(folder):
    room = [10_000]
    spool = open_spool(folder, disk=FullDisk(room))
    for left in (0, 10, 100):
        room[0] = left
        with pytest.raises(SpoolRefuses, match="No space left"):
            spool.append([spooled()])
    assert list(folder.iterdir()) == []


def test_what_could_not_be_synced_is_not_kept_and_its_file_is_not_written_again(folder):
    is_bad = [False]
    spool = open_spool(folder, disk=BadDisk(is_bad))
    spool.append([spooled(b"before")])
    is_bad[0] = True
    with pytest.raises(SpoolRefuses, match="Input/output error"):
        spool.append([spooled(b"lost")])
    is_bad[0] = False
    spool.append([spooled(b"after")])
    assert len(spool.waiting_files()) == 2
    assert drain(spool) == [spooled(b"before"), spooled(b"after")]


def on_disk(folder: Path, *records: Spooled) -> tuple[Spool, Path]:
    spool = open_spool(folder)
    spool.append(records)
    spool.seal()
    [path] = spool.waiting_files()
    return spool, path


@pytest.mark.parametrize("cut", [1, 40, len(encode(spooled(b"two"))) - 1])
def test_a_torn_last_record_is_recognised_wherever_it_is_torn(folder, cut):
    spool, path = on_disk(folder, spooled(b"one"), spooled(b"two"))
    path.write_bytes(path.read_bytes()[:-cut])
    assert drain(spool) == [spooled(b"one"), None]


def test_zeros_at_the_end_as_a_power_cut_leaves_them_are_recognised(folder):
    spool, path = on_disk(folder, spooled(b"one"))
    path.write_bytes(path.read_bytes() + bytes(4096))
    assert drain(spool) == [spooled(b"one"), None]


def test_a_damaged_record_costs_none_of_those_around_it(folder):
    middle = spooled(b"middle " + MARK + HEAD.pack(MARK, 3, 4))
    spool, path = on_disk(folder, spooled(b"one"), middle, spooled(b"three"), spooled(b"four"))
    path.write_bytes(path.read_bytes().replace(b"middle", b"muddle"))
    assert drain(spool) == [spooled(b"one"), None, spooled(b"three"), spooled(b"four")]


@pytest.mark.parametrize("at", range(0, 28, 3))
def test_a_damaged_header_costs_no_record(folder, at):
    spool, path = on_disk(folder, spooled(b"one"), spooled(b"two"))
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)
    assert drain(spool) == [None, spooled(b"one"), spooled(b"two")]


def test_every_single_wrong_bit_is_noticed():
    data = encode(spooled(b"body"))
    for bit in range(len(data) * 8):
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        assert [stretch.spooled for stretch in scan(bytes(wrong), 0)] == [None]


@pytest.mark.parametrize(
    "about",
    [b"", b"[1]", b"7", b'["a", "b"]', b'["a", ["b"], {}]', b'[1, "b", {}]', b'["a", "b", []]', b"[" * 60_000],
    ids=lambda about: about[:20].decode(),
)
def test_a_whole_record_that_nobody_of_ours_wrote_is_damaged(about):
    assert [stretch.spooled for stretch in scan(forged(about) + encode(spooled()), 0)] == [None, spooled()]


def forged(about: bytes) -> bytes:
    payload = TIME_AND_LENGTH.pack(0, len(about)) + about
    return HEAD.pack(MARK, len(payload), zlib.crc32(payload)) + payload


def test_a_forged_record_inside_a_damaged_one_keeps_nothing_else_from_being_drained(folder):
    spool, path = on_disk(folder, spooled(b"one"), spooled(b"middle " + forged(b"7")), spooled(b"three"))
    path.write_bytes(path.read_bytes().replace(b"middle", b"muddle"))
    assert drain(spool) == [spooled(b"one"), None, spooled(b"three")]


def test_what_is_kept_apart_is_a_copy_and_twice_the_same_makes_one(folder):
    spool, path = on_disk(folder, spooled(b"one"), spooled(b"two"))
    file = spool.take(path)
    [one, _] = file.next_batch(**EVERYTHING)
    apart = file.keep_apart(one, TORN)
    assert file.keep_apart(one, TORN) == apart
    assert apart.read_bytes() == encode(spooled(b"one"))
    assert stat.S_IMODE(apart.stat().st_mode) == 0o600
    file.close()


def test_a_refused_record_is_tried_again_once_it_is_renamed(folder):
    spool, path = on_disk(folder, spooled(b"one"), spooled(b"two"))
    file = spool.take(path)
    [_, two] = file.next_batch(**EVERYTHING)
    apart = file.keep_apart(two, REFUSED)
    file.remove()
    file.close()
    assert spool.waiting_files() == []
    apart.rename(apart.with_suffix(".spool"))
    assert drain(spool) == [spooled(b"two")]


def test_it_tells_what_lies_there(folder):
    spool = open_spool(folder)
    assert spool.look().waiting == 0
    spool.append([spooled()] * 3)
    spool.append([spooled()] * 2)
    state = spool.look()
    [path] = spool.waiting_files()
    assert (state.waiting, state.apart) == (5, 0)
    assert state.bytes == path.stat().st_size
    assert 0 <= state.oldest < 60
    file = spool.take(path)
    batch = file.next_batch(records=2, size=1 << 20)
    file.keep_apart(batch[0], TORN)
    file.advance(batch)
    file.close()
    state = spool.look()
    assert (state.waiting, state.apart) == (3, 1)


def test_other_files_in_the_folder_are_none_of_its_business(folder):
    spool = open_spool(folder)
    (folder / "lost+found").mkdir()
    (folder / "notes.txt").write_text("mine")
    assert (spool.look().bytes, spool.waiting_files()) == (0, [])
