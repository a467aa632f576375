"""What an answer about a payout comes to: it settles once, closes, or is asked for again by tiers of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.check import Lane
from models.payout import PayoutOrder
from models.session import transaction
from models.transaction import Payout, Route, Status
from tasks.confirm import confirm
from tasks.payouts import create
from tests.fakes import completed, notcompleted, pending, silence
from tests.ledger import add_pending, cases, count, due_in, let_pass, row, run

ORDER = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")
PAID = completed(5000, "OUT-1")


def ask(tools, sessions, pk):
    run(sessions, "UPDATE transactions SET last_asked_at = NULL WHERE id = :pk", pk=pk)
    confirm(tools, [pk], lane=Lane.SWEEP)
    return row_of(sessions, pk)


def row_of(sessions, pk) -> Payout:
    with transaction(sessions) as step:
        return step.session.get_one(Payout, pk)


@pytest.mark.parametrize(
    "answer",
    [
        replace(PAID, amount=None, references=()),
        replace(PAID, references=()),
        replace(PAID, amount=None),
        PAID,
    ],
    ids=["names nothing", "names the amount", "names us", "names both"],
)
def test_completed_from_our_own_token_settles_once_and_tells_once(sessions, fakes, tools, answer):
    pk = create(tools, ORDER).payout.id
    fakes.gateway.payouts.says("payout-1-of-OUT-1", answer)
    for _ in range(2):
        assert ask(tools, sessions, pk).status == Status.COMPLETED
    assert run(sessions, "SELECT transaction_pk, amount FROM settlements") == [(pk, 5000)]
    assert run(sessions, "SELECT kind FROM notices") == [("completed",)]
    assert fakes.gateway.payouts.asked[0] == "payout-1-of-OUT-1"
    assert fakes.gateway.asked == []


@pytest.mark.parametrize(
    "answer", [replace(PAID, amount=4000), replace(PAID, references=("OUT-9",))], ids=["another sum", "another id"]
)
def test_completed_on_terms_that_are_not_ours_is_a_mismatch(sessions, fakes, tools, answer):
    pk = create(tools, ORDER).payout.id
    fakes.gateway.payouts.says("payout-1-of-OUT-1", answer)
    assert ask(tools, sessions, pk).status == Status.PENDING
    assert (cases(sessions), count(sessions, "settlements")) == (["mismatch"], 0)


def test_notcompleted_closes_it_without_a_settlement(sessions, fakes, tools):
    pk = create(tools, ORDER).payout.id
    fakes.gateway.payouts.says("payout-1-of-OUT-1", notcompleted())
    assert ask(tools, sessions, pk).status == Status.NOTCOMPLETED
    assert (count(sessions, "settlements"), run(sessions, "SELECT kind FROM notices")) == (0, [("notcompleted",)])


@pytest.mark.parametrize(("age", "wait"), [(0, 30), (700, 60), (7200, 600), (90_000, 3600), (400_000, 86_400)])
def test_a_pending_payout_is_asked_about_by_tiers_of_its_own(sessions, tools, age, wait):
    pk = create(tools, ORDER).payout.id
    let_pass(sessions, age)
    ask(tools, sessions, pk)
    assert wait - 2 < due_in(sessions, pk) <= wait + 2


def test_after_its_last_tier_it_is_parked_with_a_case(sessions, tools):
    pk = create(tools, ORDER).payout.id
    let_pass(sessions, 31 * 86_400)
    assert ask(tools, sessions, pk).parked_at is not None
    assert cases(sessions) == ["parked"]


def test_a_payout_and_an_invoice_in_one_batch_are_each_asked_about_their_own_way(sessions, fakes, tools):
    [invoice] = add_pending(sessions)
    payout = create(tools, ORDER).payout.id
    fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    fakes.gateway.payouts.says("payout-1-of-OUT-1", silence(), pending())
    confirm(tools, [invoice, payout], lane=Lane.SWEEP)
    assert row(sessions, invoice).status == Status.COMPLETED
    assert row_of(sessions, payout).silences == 1
    assert (fakes.gateway.asked, fakes.gateway.payouts.asked) == (["token-of-ORD-1"], ["payout-1-of-OUT-1"])
