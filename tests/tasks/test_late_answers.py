"""Workers paused past their lock and their lease, on real threads: what they bring home late settles nothing wrong."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product

import pytest

from models.answers import Said
from models.check import Lane
from models.order import InvoiceOrder
from models.transaction import Status
from tasks.invoices import create
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.fakes import LENGTHS
from tests.ledger import cases, count, due_in, row, value
from tests.machine import Payment, World

PAST_THE_LEASE = LENGTHS.lease + 6


@dataclass
class Paused:
    """One pending invoice, the world around it, and what the gateway holds for true about it."""

    world: World
    pk: int
    payment: Payment

    def says(self, said: Said, *, amount: int = 5000) -> None:
        self.payment.becomes(said, amount=amount)

    def somebody_hangs(self) -> None:
        """A worker asks and is paused; its lock and its lease end meanwhile."""
        self.world.start_hanging(self.pk, Lane.CALLBACK)
        self.world.let_pass(PAST_THE_LEASE)

    def another_asks(self) -> None:
        """The sweep finds the row and somebody else asks and records."""
        asked = len(self.payment.asked_at)
        sweep(self.world.tools)
        self.world.deliver_all()
        assert len(self.payment.asked_at) == asked + 1

    @property
    def status(self) -> str:
        return row(self.world.sessions, self.pk).status


@pytest.fixture
def paused(sessions):
    world = World(sessions)
    invoice = create(world.tools, InvoiceOrder(transaction_id="ORD-1", amount=5000)).invoice
    return Paused(world=world, pk=invoice.id, payment=world.gateway.payments["token-of-ORD-1"])


@pytest.mark.parametrize(
    ("old", "new", "status", "open_cases"),
    [
        (Said.NOTCOMPLETED, Said.COMPLETED, Status.COMPLETED, []),
        (Said.PENDING, Said.COMPLETED, Status.COMPLETED, []),
        (Said.COMPLETED, Said.COMPLETED, Status.COMPLETED, []),
        (Said.COMPLETED, Said.NOTCOMPLETED, Status.NOTCOMPLETED, ["contradiction"]),
        (Said.PENDING, Said.NOTCOMPLETED, Status.NOTCOMPLETED, []),
        (Said.NOTCOMPLETED, Said.NOTCOMPLETED, Status.NOTCOMPLETED, []),
        (Said.NOTCOMPLETED, Said.PENDING, Status.NOTCOMPLETED, []),
        (Said.COMPLETED, Said.PENDING, Status.COMPLETED, []),
    ],
)
def test_the_answer_that_was_asked_for_last_decides_whoever_comes_home_last(paused, old, new, status, open_cases):
    sessions = paused.world.sessions
    paused.says(old)
    paused.somebody_hangs()
    paused.says(new)
    paused.another_asks()
    paused.world.resume(0)
    assert paused.status == status
    assert count(sessions, "settlements") == (status is Status.COMPLETED)
    assert count(sessions, "notices") == 1
    assert count(sessions, "checks") == 2
    assert cases(sessions) == open_cases
    assert list(fsck(sessions)) == []


def test_a_late_answer_over_another_amount_says_nothing_against_what_was_settled_since(paused):
    paused.says(Said.COMPLETED, amount=4999)
    paused.somebody_hangs()
    paused.says(Said.COMPLETED)
    paused.another_asks()
    paused.world.resume(0)
    assert paused.status == Status.COMPLETED
    assert cases(paused.world.sessions) == []


def test_the_settlement_rests_on_the_answer_of_the_one_who_settled(paused):
    paused.says(Said.COMPLETED)
    paused.somebody_hangs()
    paused.another_asks()
    paused.world.resume(0)
    lane = "SELECT lane FROM checks JOIN settlements ON check_id = checks.id"
    assert value(paused.world.sessions, lane) == "sweep"


def test_after_a_late_completed_the_gateway_is_asked_once_more_and_then_has_the_last_word(paused):
    paused.says(Said.COMPLETED)
    paused.somebody_hangs()
    paused.says(Said.NOTCOMPLETED)
    paused.another_asks()
    paused.world.resume(0)
    assert paused.status == Status.NOTCOMPLETED
    assert due_in(paused.world.sessions, paused.pk) <= 10
    paused.says(Said.COMPLETED)
    paused.world.let_pass(10)
    paused.another_asks()
    assert paused.status == Status.COMPLETED
    assert cases(paused.world.sessions) == ["contradiction", "late_success"]


def test_a_worker_that_dies_with_the_answer_in_its_hands_keeps_nobody_from_asking(paused):
    paused.says(Said.COMPLETED)
    paused.somebody_hangs()
    paused.world.resume(0, dies=True)
    assert paused.status == Status.PENDING
    paused.world.lose_locks()
    paused.another_asks()
    assert paused.status == Status.COMPLETED


OUTDATED = """
    SELECT count(*) FROM settlements s
    JOIN checks proof ON proof.id = s.check_id
    JOIN checks other ON other.transaction_pk = s.transaction_pk AND other.id < proof.id
    WHERE other.said = 'notcompleted' AND other.asked_at >= proof.asked_at
"""


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("answers", list(product([Said.COMPLETED, Said.NOTCOMPLETED], repeat=3)))
def test_three_paused_workers_come_home_in_any_order_and_no_old_answer_beats_a_newer_one(paused, answers, order):
    for answer in answers:
        paused.says(answer)
        paused.somebody_hangs()
    workers = [worker for _, worker in paused.world.hanging]
    home = []
    for i in order:
        workers[i].go_on()
        home.append(i)
        if answers[max(home)] is Said.COMPLETED:
            assert paused.status == Status.COMPLETED
    assert value(paused.world.sessions, OUTDATED) == 0
    assert count(paused.world.sessions, "checks") == 3
    assert list(fsck(paused.world.sessions)) == []
