"""The group-commit writer: an answer means stored, one bad receipt is alone with its trouble, and a stop loses nothing."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import event, func, select
from structlog.testing import capture_logs

from models.callback import Callback, Receipt
from models.errors import StoreAway, TryAgain
from tests.servers import libpq
from tests.webdoor import NOWHERE, sessions_on
from worker.web.writer import NotStorable, Writer


def receipt(body: bytes = b"{}", **headers: str) -> Receipt:
    return Receipt(body=body, content_type="application/json", headers=headers, source="192.0.2.1")


UNSTORABLE = receipt(b"bad", name="\x00")
UNSENDABLE = replace(receipt(b"bad"), content_type="\udc80")
"""The driver cannot encode this one: an error that is none of the database's."""


@pytest.fixture
def sessions(database_url):
    with sessions_on(database_url) as sessions:
        yield sessions


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


def test_what_waits_together_is_committed_together_and_rung_for_once(sessions):
    rung = []
    told = run(Writer(sessions, ring=rung.append), [receipt(b"%d" % i) for i in range(20)])
    assert told == [None] * 20
    assert [len(ids) for ids in rung] == [20]
    assert stored(sessions) == 20


def test_an_answer_comes_after_its_commit(sessions):
    seen = []

    async def look(tasks):
        for task in tasks:
            task.add_done_callback(lambda _: seen.append(stored(sessions)))

    run(Writer(sessions, ring=lambda _: None), [receipt()], then=look)
    assert seen == [1]


def test_a_big_queue_takes_several_commits(sessions):
    rung = []
    assert run(Writer(sessions, ring=rung.append), [receipt()] * 700) == [None] * 700
    assert [len(ids) for ids in rung] == [500, 200]


@pytest.mark.parametrize("bad", [UNSTORABLE, UNSENDABLE], ids=["refused by the database", "refused by the driver"])
def test_one_bad_receipt_is_alone_with_its_trouble(sessions, bad):
    good = [receipt(b"%d" % i) for i in range(8)]
    rung = []
    told = run(Writer(sessions, ring=rung.append), [*good[:3], bad, *good[3:]])
    assert [type(one) for one in told] == [type(None)] * 3 + [NotStorable] + [type(None)] * 5
    assert stored(sessions) == 8
    assert sum(len(ids) for ids in rung) == 8


def test_the_writer_outlives_a_bad_receipt(sessions):
    writer = Writer(sessions, ring=lambda _: None)

    async def one_more(_tasks):
        await writer.store(receipt(b"later"))

    run(writer, [UNSTORABLE], then=one_more)
    assert stored(sessions) == 1


def test_with_the_database_away_everybody_who_waits_is_told_so():
    with sessions_on(NOWHERE) as nowhere:
        told = run(Writer(nowhere, ring=lambda _: None), [receipt()] * 600)
    assert {type(one) for one in told} == {StoreAway}
    assert len({id(one) for one in told}) == 600  # an error of its own for each: raising changes it


@contextmanager
def counted_inserts(sessions):
    """Every INSERT that is sent to the database meanwhile."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT"):
            sent.append(statement)

    engine = sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def rule(database_url: str, statement: str) -> None:
    """Run one statement in this database, also while it is read-only for others; `{}` is its name."""
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(libpq(database_url), autocommit=True, options=options) as admin:
        admin.execute(sql.SQL(statement).format(sql.Identifier(admin.info.dbname)))


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        ("ALTER DATABASE {} SET default_transaction_read_only = on", "ReadOnlySqlTransaction"),
        ("ALTER TABLE callbacks RENAME TO elsewhere", "UndefinedTable"),
    ],
    ids=["read-only", "no table"],
)
def test_a_database_that_takes_nothing_from_anybody_is_tried_once_for_the_batch(sessions, database_url, trouble, kind):
    rule(database_url, trouble)
    with counted_inserts(sessions) as inserts, capture_logs() as logs:
        told = run(Writer(sessions, ring=lambda _: None), [receipt(b"secret")] * 200)
    assert [type(one) for one in told] == [StoreAway] * 200
    assert len(inserts) == 1
    [line] = logs
    assert (line["event"], line["count"]) == ("callbacks_not_stored", 200)
    assert kind in line["reason"]
    assert "secret" not in repr((logs, told))


def test_when_a_read_only_server_takes_writes_again_so_does_the_writer(sessions, database_url):
    rule(database_url, "ALTER DATABASE {} SET default_transaction_read_only = on")
    writer = Writer(sessions, ring=lambda _: None)

    async def mend_and_go_on(tasks):
        await asyncio.wait(tasks)
        rule(database_url, "ALTER DATABASE {} RESET default_transaction_read_only")
        await asyncio.to_thread(throw_everybody_out, database_url)
        await writer.store(receipt(b"after"))

    [told] = run(writer, [receipt(b"before")], then=mend_and_go_on)
    assert isinstance(told, StoreAway)
    assert stored(sessions) == 1


def test_a_connection_that_broke_meanwhile_costs_no_receipt(sessions, database_url):
    writer = Writer(sessions, ring=lambda _: None)

    async def break_and_go_on(tasks):
        await asyncio.gather(*tasks)
        await asyncio.to_thread(throw_everybody_out, database_url)
        await writer.store(receipt(b"after"))

    assert run(writer, [receipt(b"before")], then=break_and_go_on) == [None]
    assert stored(sessions) == 2


def throw_everybody_out(url: str) -> None:
    with psycopg.connect(libpq(url), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_database_that_hangs_is_not_waited_for_and_the_receipt_is_stored_in_the_end(sessions, database_url):
    with psycopg.connect(libpq(database_url)) as other:
        other.execute("LOCK TABLE callbacks IN ACCESS EXCLUSIVE MODE")

        async def wait_then_unlock(tasks):
            await asyncio.wait(tasks)
            await asyncio.to_thread(other.rollback)

        told = run(Writer(sessions, ring=lambda _: None, within=0.2), [receipt()], then=wait_then_unlock)
    assert [str(one) for one in told] == ["the database did not answer within 0.2 seconds"]
    assert stored(sessions) == 1


def test_over_the_limit_is_turned_away_at_once(sessions):
    told = run(Writer(sessions, ring=lambda _: None, limit=3), [receipt()] * 5)
    assert [type(one) for one in told] == [type(None)] * 3 + [TryAgain] * 2
    assert stored(sessions) == 3


def test_too_many_bytes_are_turned_away_too(sessions, monkeypatch):
    monkeypatch.setattr("worker.web.writer.MAX_WAITING_BYTES", 100)
    told = run(Writer(sessions, ring=lambda _: None), [receipt(b"x" * 60)] * 3)
    assert [type(one) for one in told] == [type(None)] * 2 + [TryAgain]


def test_a_batch_is_cut_by_its_bytes(sessions, monkeypatch):
    monkeypatch.setattr("worker.web.writer.BATCH_BYTES", 100)
    rung = []
    run(Writer(sessions, ring=rung.append), [receipt(b"x" * 60)] * 4)
    assert [len(ids) for ids in rung] == [2, 2]


def test_a_stop_stores_what_waits_and_takes_nothing_more(sessions):
    writer = Writer(sessions, ring=lambda _: None)

    async def stop(_tasks):
        await asyncio.to_thread(writer.stop)
        with pytest.raises(TryAgain, match="stopping"):
            await writer.store(receipt())

    assert run(writer, [receipt()] * 50, then=stop) == [None] * 50
    assert stored(sessions) == 50
    assert not writer.is_alive


def test_a_request_that_was_cancelled_harms_nobody(sessions):
    async def cancel_the_first(tasks):
        tasks[0].cancel()

    told = run(Writer(sessions, ring=lambda _: None), [receipt()] * 3, then=cancel_the_first)
    assert [type(one) for one in told] == [asyncio.CancelledError, type(None), type(None)]
    assert stored(sessions) == 3
