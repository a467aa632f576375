"""The group-commit writer: an answer means durable, one bad receipt is alone with its trouble, and a stop loses nothing."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
from sqlalchemy import func, select
from structlog.testing import capture_logs

from models.callback import Callback, Receipt
from models.errors import StoreAway, TryAgain
from tests.servers import PATIENCE
from tests.trouble import counted_connects, counted_inserts, frozen, rule, throw_everybody_out
from tests.webdoor import NOWHERE, sessions_on, until
from worker.web.spool import SpoolRefuses
from worker.web.store import NotStorable
from worker.web.waiting_room import WaitingRoom
from worker.web.writer import Writer


def receipt(body: bytes = b"{}", **headers: str) -> Receipt:
    return Receipt(body=body, content_type="application/json", headers=headers, source="192.0.2.1")


UNSTORABLE = receipt(b"bad", name="\x00")
UNSENDABLE = replace(receipt(b"bad"), headers={"name": b"no text"})
"""Nobody can encode this one: an error that is none of the database's."""


@pytest.fixture
def sessions(database_url):
    with sessions_on(database_url) as sessions:
        yield sessions


class FakeSpool:
    """A spool that keeps receipts in memory. While `is_full` it refuses; it takes nothing before `may_take`."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.batches: list[int] = []
        self.is_full = False
        self.may_take = threading.Event()
        self.may_take.set()

    def append(self, batch) -> None:
        self.may_take.wait(PATIENCE)
        if self.is_full:
            raise SpoolRefuses("the spool is full")
        self.batches.append(len(batch))
        self.receipts += [one.receipt for one in batch]


@pytest.fixture
def spool() -> FakeSpool:
    return FakeSpool()


@pytest.fixture
def writer_on(spool, monkeypatch):
    """Makes writers whose spool is the fixture's, and who count no trouble as slow."""
    monkeypatch.setattr("worker.web.store.QUICKLY", PATIENCE)

    def make(sessions, *, ring=lambda _: None, patience=PATIENCE, limit=5_000, within=15.0) -> Writer:
        return Writer(sessions, spool, ring=ring, room=WaitingRoom(limit=limit, patience=patience), within=within)

    return make


def stored(sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(Callback)) or 0


def run(writer: Writer, receipts: list[Receipt], *, then=None) -> list[object]:
    """Let all of them queue, start the writer, and return what each was told; None for stored."""

    async def main() -> list[object]:
        tasks = [asyncio.create_task(writer.store(one)) for one in receipts]
        await asyncio.sleep(0)  # every task runs up to its wait
        writer.start()
        if then is not None:
            await then(tasks)
        told = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(writer.stop)
        return told

    return asyncio.run(main())


def test_what_waits_together_is_committed_together_and_rung_for_once(sessions, writer_on):
    rung = []
    told = run(writer_on(sessions, ring=rung.append), [receipt(b"%d" % i) for i in range(20)])
    assert told == [None] * 20
    assert [len(ids) for ids in rung] == [20]
    assert stored(sessions) == 20


def test_an_answer_comes_after_its_commit(sessions, writer_on):
    seen = []

    async def look(tasks):
        for task in tasks:
            task.add_done_callback(lambda _: seen.append(stored(sessions)))

    run(writer_on(sessions), [receipt()], then=look)
    assert seen == [1]


def test_a_big_queue_takes_several_commits(sessions, writer_on):
    rung = []
    assert run(writer_on(sessions, ring=rung.append), [receipt()] * 700) == [None] * 700
    assert [len(ids) for ids in rung] == [500, 200]


@pytest.mark.parametrize("bad", [UNSTORABLE, UNSENDABLE], ids=["refused by the database", "refused by the driver"])
def test_one_bad_receipt_is_alone_with_its_trouble(sessions, writer_on, bad):
    good = [receipt(b"%d" % i) for i in range(8)]
    rung = []
    told = run(writer_on(sessions, ring=rung.append), [*good[:3], bad, *good[3:]])
    assert [type(one) for one in told] == [type(None)] * 3 + [NotStorable] + [type(None)] * 5
    assert stored(sessions) == 8
    assert sum(len(ids) for ids in rung) == 8


def test_the_writer_outlives_a_bad_receipt(sessions, writer_on):
    writer = writer_on(sessions)

    async def one_more(_tasks):
        await writer.store(receipt(b"later"))

    run(writer, [UNSTORABLE], then=one_more)
    assert stored(sessions) == 1


def test_with_the_database_away_everybody_is_spooled_and_answered(spool, writer_on):
    rung = []
    with sessions_on(NOWHERE) as nowhere:
        told = run(writer_on(nowhere, ring=rung.append), [receipt(b"%d" % i) for i in range(600)])
    assert told == [None] * 600
    assert [one.body for one in spool.receipts] == [b"%d" % i for i in range(600)]
    assert spool.batches == [500, 100]
    assert rung == []


def test_with_the_spool_full_too_everybody_who_waits_is_told_so(spool, writer_on):
    spool.is_full = True
    with sessions_on(NOWHERE) as nowhere, capture_logs() as logs:
        told = run(writer_on(nowhere), [receipt()] * 600)
    assert {type(one) for one in told} == {SpoolRefuses}
    assert len({id(one) for one in told}) == 600  # an error of its own for each: raising changes it
    assert [(line["event"], line.get("count")) for line in logs] == [
        ("spooling", None),
        ("callbacks_not_stored", 500),
        ("callbacks_not_stored", 100),
    ]


def test_while_the_database_is_away_nobody_waits_for_another_try(spool, writer_on):
    with sessions_on(NOWHERE) as nowhere, counted_connects(nowhere) as connects:
        writer = writer_on(nowhere)

        async def send_more(tasks):
            await asyncio.gather(*tasks)
            connects.clear()
            await asyncio.gather(*[writer.store(receipt()) for _ in range(50)])

        run(writer, [receipt()], then=send_more)
        assert connects == []
    assert len(spool.receipts) == 51


def test_once_the_database_is_back_it_is_used_again(sessions, database_url, spool, writer_on):
    rule(database_url, "ALTER TABLE callbacks RENAME TO elsewhere")
    writer = writer_on(sessions)

    async def mend_and_go_on(tasks):
        await asyncio.gather(*tasks)
        assert writer.is_spooling
        rule(database_url, "ALTER TABLE elsewhere RENAME TO callbacks")
        writer.database_is_back()
        assert not writer.is_spooling
        await writer.store(receipt(b"after"))

    assert run(writer, [receipt(b"before")], then=mend_and_go_on) == [None]
    assert [one.body for one in spool.receipts] == [b"before"]
    assert stored(sessions) == 1


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("ALTER DATABASE {} SET default_transaction_read_only = on", "read-only transaction"),
        ("ALTER TABLE callbacks RENAME TO elsewhere", "UndefinedTable"),
    ],
    ids=["read-only", "no table"],
)
def test_a_database_that_takes_nothing_from_anybody_is_away(sessions, database_url, spool, writer_on, trouble, kind):
    rule(database_url, trouble)
    with counted_inserts(sessions) as inserts, capture_logs() as logs:
        told = run(writer_on(sessions), [receipt(b"secret")] * 200)
    assert told == [None] * 200
    assert len(spool.receipts) == 200
    assert len(inserts) == 2  # a second try is nearly free
    [line] = logs
    assert (line["event"], line["waiting"]) == ("spooling", 200)
    assert kind in line["reason"]
    assert "secret" not in repr(logs)


def test_connections_to_a_server_that_is_read_only_now_are_dropped(sessions, database_url, spool, writer_on):
    """After a failover they lead to the standby; new ones find the primary."""
    writer = writer_on(sessions)

    async def fail_over_and_go_on(tasks):
        await asyncio.gather(*tasks)
        rule(database_url, "ALTER DATABASE {} SET default_transaction_read_only = on")
        await asyncio.to_thread(throw_everybody_out, database_url)
        await writer.store(receipt(b"on the standby"))
        rule(database_url, "ALTER DATABASE {} RESET default_transaction_read_only")
        writer.database_is_back()
        await writer.store(receipt(b"on the primary"))

    assert run(writer, [receipt(b"before")], then=fail_over_and_go_on) == [None]
    assert [one.body for one in spool.receipts] == [b"on the standby"]
    assert stored(sessions) == 2


def test_a_connection_that_broke_meanwhile_costs_no_receipt(sessions, writer_on, database_url):
    writer = writer_on(sessions)

    async def break_and_go_on(tasks):
        await asyncio.gather(*tasks)
        await asyncio.to_thread(throw_everybody_out, database_url)
        await writer.store(receipt(b"after"))

    assert run(writer, [receipt(b"before")], then=break_and_go_on) == [None]
    assert stored(sessions) == 2


def test_a_commit_that_does_not_return_is_not_waited_for(sessions, database_url, spool, writer_on):
    with frozen(database_url) as other:
        writer = writer_on(sessions, patience=0.2)

        async def send_more_then_thaw(tasks):
            await asyncio.gather(*tasks)
            await asyncio.gather(*[writer.store(receipt(b"behind")) for _ in range(5)])
            writer.database_is_back()  # somebody else could store, and our own commit still hangs
            assert writer.is_spooling
            await asyncio.to_thread(other.rollback)
            await asyncio.to_thread(until, lambda: not writer.is_spooling)
            await writer.store(receipt(b"after"))

        assert run(writer, [receipt(b"stuck")], then=send_more_then_thaw) == [None]
    assert [one.body for one in spool.receipts] == [b"stuck"] + [b"behind"] * 5
    assert stored(sessions) == 2  # the stuck one after all, and the last: two receipts of one knock do no harm


def test_a_commit_that_returns_while_the_spool_is_slow_releases_its_answers(sessions, database_url, spool, writer_on):
    spool.may_take.clear()
    with frozen(database_url) as other:
        writer = writer_on(sessions, patience=0.1)

        async def thaw(tasks):
            await asyncio.to_thread(until, lambda: writer.is_spooling)
            await asyncio.to_thread(other.rollback)
            await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
            spool.may_take.set()

        assert run(writer, [receipt()] * 3, then=thaw) == [None] * 3
    assert stored(sessions) == 3


def test_when_neither_takes_it_a_request_is_answered_all_the_same(spool, writer_on):
    spool.may_take.clear()

    async def let_go(tasks):
        await asyncio.wait(tasks)
        spool.may_take.set()

    with sessions_on(NOWHERE) as nowhere:
        [told] = run(writer_on(nowhere, within=0.2), [receipt()], then=let_go)
    assert isinstance(told, StoreAway)
    assert str(told) == "neither database nor spool took it within 0.2 seconds"


def test_a_bug_in_the_spool_costs_a_503_and_not_the_thread(spool, writer_on, monkeypatch):
    monkeypatch.setattr(spool, "append", lambda _: 1 / 0)
    with sessions_on(NOWHERE) as nowhere:
        writer = writer_on(nowhere)

        async def again(tasks):
            await asyncio.wait(tasks)
            with pytest.raises(TryAgain, match="send the same request again"):
                await writer.store(receipt())

        [told] = run(writer, [receipt()], then=again)
    assert type(told) is TryAgain


def test_over_the_limit_is_turned_away_at_once(sessions, writer_on):
    told = run(writer_on(sessions, limit=3), [receipt()] * 5)
    assert [type(one) for one in told] == [type(None)] * 3 + [TryAgain] * 2
    assert stored(sessions) == 3


def test_too_many_bytes_are_turned_away_too(sessions, writer_on, monkeypatch):
    monkeypatch.setattr("worker.web.waiting_room.MAX_WAITING_BYTES", 100)
    told = run(writer_on(sessions), [receipt(b"x" * 60)] * 3)
    assert [type(one) for one in told] == [type(None)] * 2 + [TryAgain]


def test_a_batch_is_cut_by_its_bytes(sessions, writer_on, monkeypatch):
    monkeypatch.setattr("worker.web.waiting_room.BATCH_BYTES", 100)
    rung = []
    run(writer_on(sessions, ring=rung.append), [receipt(b"x" * 60)] * 4)
    assert [len(ids) for ids in rung] == [2, 2]


def test_a_stop_stores_what_waits_and_takes_nothing_more(sessions, writer_on):
    writer = writer_on(sessions)

    async def stop(_tasks):
        await asyncio.to_thread(writer.stop)
        with pytest.raises(TryAgain, match="stopping"):
            await writer.store(receipt())

    assert run(writer, [receipt()] * 50, then=stop) == [None] * 50
    assert stored(sessions) == 50
    assert not writer.is_alive


def test_a_stop_with_the_database_away_spools_what_waits(spool, writer_on):
    with sessions_on(NOWHERE) as nowhere:
        writer = writer_on(nowhere)

        async def stop(_tasks):
            await asyncio.to_thread(writer.stop)

        assert run(writer, [receipt()] * 50, then=stop) == [None] * 50
    assert len(spool.receipts) == 50
    assert not writer.is_alive


def test_a_stop_in_the_middle_of_a_commit_that_hangs_spools_it_and_does_not_wait(
    sessions, database_url, spool, writer_on
):
    with frozen(database_url) as other:
        writer = writer_on(sessions, patience=0.2)

        async def stop(_tasks):
            await asyncio.to_thread(writer.stop)

        with capture_logs() as logs:
            assert run(writer, [receipt()] * 50, then=stop) == [None] * 50
        assert logs[-1]["event"] == "commit_left_behind"
        other.rollback()
        until(lambda: not any(thread.name == "writer" for thread in threading.enumerate()))
    assert len(spool.receipts) == 50


def test_a_request_that_was_cancelled_harms_nobody(sessions, writer_on):
    async def cancel_the_first(tasks):
        tasks[0].cancel()

    told = run(writer_on(sessions), [receipt()] * 3, then=cancel_the_first)
    assert [type(one) for one in told] == [asyncio.CancelledError, type(None), type(None)]
    assert stored(sessions) == 3
