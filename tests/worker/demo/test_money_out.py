"""Money out and several accounts in the ledger: what the gateway counted breaks each promise, whatever our own books say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.account import DEFAULT
from models.transaction import Route, Status
from tests.worker.demo.test_ledger import broken, ending, told, with_ours, with_told
from worker.demo.drive import Played
from worker.demo.evidence import Evidence, Keys, MoneyOut
from worker.demo.ledger import add_up
from worker.demo.payouts import Outgoing, PayoutFate
from worker.demo.story import Visit

SENT, LOST, REJECTED = "DEMO-1", "DEMO-2", "DEMO-3"
HERE, THERE = "http://door/callback", "http://door/callback/shop"
TWICE, OTHERWISE, KEYS = "No payout is sent twice", "Money goes out as asked", "Each account has its own keys"


def payout(ours: str, fate: PayoutFate, account: str = DEFAULT) -> Visit:
    out = Outgoing(route=Route.MOBILE_MONEY, customer="22670000001")
    return Visit(transaction_id=ours, amount=5000, fate=fate, orders_at=0, decides_at=1, payout=out, account=account)


@pytest.fixture
def sound() -> Evidence:
    """One payout settled out of the second account, one sent and unknown, one that a person rejected."""
    at_the_gateway = {
        ours: replace(told(ours, Status.COMPLETED), amount=5000, customer="22670000001", route="straight")
        for ours in (SENT, LOST)
    }
    at_the_gateway[SENT] = replace(at_the_gateway[SENT], project="shop", callback_url=THERE, last_asked=200.0)
    at_the_gateway[LOST] = replace(at_the_gateway[LOST], callback_url=HERE)
    return Evidence(
        visits=[
            payout(SENT, PayoutFate.PAID, "shop"),
            payout(LOST, PayoutFate.REPLY_LOST),
            payout(REJECTED, PayoutFate.REJECTED),
        ],
        ours={
            SENT: replace(ending(SENT, Status.COMPLETED), account="shop"),
            LOST: ending(LOST, Status.CREATED),
            REJECTED: replace(ending(REJECTED, Status.REFUSED), callbacks=0),
        },
        told=at_the_gateway,
        played=Played(ordered={SENT, LOST, REJECTED}, holes={LOST}),
        stored={"matched": 4},
        money_out=MoneyOut(received={SENT: 2, LOST: 1}, refused={SENT: 1}),
        keys=Keys(
            projects={DEFAULT: "", "shop": "shop"},
            callback_urls={DEFAULT: HERE, "shop": THERE},
            foreign=0,
            withdrawn=0,
            rotated={"shop": 100.0},
        ),
    )


def test_money_out_is_added_up_apart_from_money_in_and_what_nobody_knows_apart_from_both(sound):
    ledger = add_up(sound)
    assert [promise.name for promise in ledger.promises if not promise.held] == []
    assert ledger.settled_amount == 0
    assert (ledger.money_out.settled, ledger.money_out.in_doubt, ledger.money_out.unknown) == (5000, 5000, 1)
    assert ledger.holes == 0, "an unknown payout is no invoice that was cut short"
    assert [(one.account, one.payouts, one.went_out) for one in ledger.accounts] == [(DEFAULT, 2, 0), ("shop", 1, 5000)]


@pytest.mark.parametrize(
    ("out", "promise"),
    [
        (MoneyOut(received={SENT: 1, LOST: 2}), TWICE),
        (MoneyOut(received={SENT: 3, LOST: 1}, refused={SENT: 1}), TWICE),
        (MoneyOut(received={SENT: 1, LOST: 1, REJECTED: 1}), OTHERWISE),
        (MoneyOut(received={SENT: 1, LOST: 1, "nobody-s": 1}), OTHERWISE),
    ],
)
def test_what_came_in_at_the_gateway_too_often_or_unasked_breaks_a_promise(sound, out, promise):
    assert broken(replace(sound, money_out=out)) == [promise]


@pytest.mark.parametrize("changes", [{"amount": 5001}, {"customer": "22670000002"}, {"route": "wallet"}])
def test_a_payout_that_the_gateway_got_otherwise_breaks_a_promise(sound, changes):
    assert broken(with_told(sound, LOST, **changes)) == [OTHERWISE]


@pytest.mark.parametrize("changes", [{"foreign": 1}, {"withdrawn": 1}, {"rotated": {"shop": 300.0}}])
def test_a_question_with_the_keys_of_others_or_with_old_ones_alone_breaks_a_promise(sound, changes):
    assert broken(replace(sound, keys=replace(sound.keys, **changes))) == [KEYS]


@pytest.mark.parametrize("changes", [{"project": ""}, {"callback_url": HERE}])
def test_a_payment_made_in_another_project_or_told_elsewhere_breaks_a_promise(sound, changes):
    assert broken(with_told(sound, SENT, **changes)) == [KEYS]


def test_a_payment_in_another_account_of_our_books_breaks_a_promise(sound):
    assert broken(with_ours(sound, SENT, account=DEFAULT)) == [KEYS]
