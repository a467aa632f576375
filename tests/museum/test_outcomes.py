"""Failures around outcomes: the old overwrites the new, the wrong one is final, two paths do the same work."""

from __future__ import annotations

import secrets
import time

import redis

from models.answers import Said
from models.check import Lane
from models.order import InvoiceOrder
from models.transaction import Status
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.invoices import create
from tasks.sweep import sweep
from tests.fakes import LENGTHS, completed, notcompleted
from tests.ledger import add_pending, all_at_once, cases, claim, count, knock, let_pass, row
from tests.machine import World
from tests.museum.naive import FinalIsFinal, LastWriterWins
from tests.servers import patient
from worker.locks import PREFIX, RedisLocks, connect

PAID = completed(5000, "ORD-1")


def test_03_stale_read_repaired_over_newer_state(sessions):
    """Killbill #809, django-payments #491: a worker repairs by what it read long ago, over what another wrote since."""
    world = World(sessions)
    pk = create(world.tools, InvoiceOrder(transaction_id="ORD-1", amount=5000)).invoice.id
    payment = world.gateway.payments["token-of-ORD-1"]
    payment.becomes(Said.NOTCOMPLETED, amount=0)
    world.start_hanging(pk, Lane.SWEEP)
    world.let_pass(LENGTHS.lease + 6)
    payment.becomes(Said.COMPLETED, amount=5000)
    confirm(world.tools, [pk], lane=Lane.CALLBACK)
    world.resume(0)
    assert row(sessions, pk).status == Status.COMPLETED
    assert cases(sessions) == []


def test_03_in_the_naive_design_the_stale_answer_wins():
    naive = LastWriterWins()
    stale = notcompleted()
    naive.record(PAID)
    naive.record(stale)
    assert naive.status is Status.NOTCOMPLETED


def test_04_late_failure_over_success(sessions, fakes, tools):
    """wp-pronamic-pay #245: a late failure overwrites a payment that was paid; here it stays paid and somebody is told."""
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", PAID, notcompleted())
    for _ in range(2):
        confirm(tools, [pk], lane=Lane.PERSON)
        let_pass(sessions, 4)
    assert row(sessions, pk).status == Status.COMPLETED
    assert cases(sessions) == ["contradiction"]


def test_04_in_the_naive_design_the_payment_is_taken_back():
    naive = LastWriterWins()
    for answer in (PAID, notcompleted()):
        naive.record(answer)
    assert naive.status is Status.NOTCOMPLETED


def test_05_failure_then_late_success(sessions, fakes, tools):
    """adyen-magento2 #1119: closed as failed, paid later, and never looked at again; here it is settled and flagged."""
    [pk] = add_pending(sessions)
    fakes.gateway.says("token-of-ORD-1", notcompleted(), PAID)
    confirm(tools, [pk], lane=Lane.SWEEP)
    assert row(sessions, pk).status == Status.NOTCOMPLETED
    let_pass(sessions, 60)
    intake(tools, knock(sessions, claim("ORD-1")))
    confirm(tools, fakes.queue.ids_to_ask, lane=Lane.CALLBACK)
    assert row(sessions, pk).status == Status.COMPLETED
    assert cases(sessions) == ["late_success"]


def test_05_in_the_naive_design_the_money_is_never_seen():
    naive = FinalIsFinal()
    for answer in (notcompleted(), PAID):
        naive.record(answer)
    assert naive.status is Status.NOTCOMPLETED


def test_17_sweep_and_redirect_both_post_process(sessions, fakes, tools):
    """Odoo #274010: the customer's return and the scheduler post-process one payment at the same time, twice."""
    [pk] = add_pending(sessions, due_in=0)
    fakes.gateway.says("token-of-ORD-1", PAID)
    fakes.locks.is_away = True  # not even the locks may be needed for it
    sweep(tools)
    all_at_once(
        lambda: confirm(tools, [pk], lane=Lane.PERSON),
        lambda: confirm(tools, fakes.queue.ids_to_ask, lane=Lane.SWEEP),
        lambda: confirm(tools, [pk], lane=Lane.CALLBACK),
    )
    let_pass(sessions, 4)
    confirm(tools, [pk], lane=Lane.PERSON)
    assert count(sessions, "settlements") == count(sessions, "notices") == 1


def test_17_in_the_naive_design_both_post_process():
    done = []
    status = Status.PENDING
    reads = [status for _ in ("sweep", "redirect")]  # both look before either writes
    for path, seen in zip(("sweep", "redirect"), reads, strict=True):
        if seen is Status.PENDING:
            done.append(path)
    assert done == ["sweep", "redirect"]


def expire(client, key):
    deadline = time.monotonic() + 60
    while client.exists(key):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_18_lock_released_by_a_non_owner(redis_url):
    """Hyperswitch producer lock: a lock expires in mid-run, another takes it, and the first releases what is not its own."""
    with connect(patient(redis_url)) as client:
        mine = RedisLocks(client, life=0.02).take([1])
        expire(client, f"{PREFIX}1")
        theirs = RedisLocks(client, life=30).take([1])
        mine.release([1])
        assert theirs.ids == {1}
        assert RedisLocks(client, life=30).take([1]).ids == set()


def test_18_in_the_naive_design_the_lock_of_another_is_gone(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        client.set("lock", secrets.token_hex(8), nx=True, px=20)
        expire(client, "lock")
        client.set("lock", secrets.token_hex(8), nx=True, px=30_000)
        client.delete("lock")  # the first one is done, and lets go by name
        assert client.set("lock", "a third", nx=True)
