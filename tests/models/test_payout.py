"""Payouts before they are sent: the rules of an order, what an answer is worth, and how often one is asked about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from config import policy
from models.answers import Answer, Said
from models.case import CaseKind
from models.decisions import Books, When, judge
from models.errors import Invalid
from models.event import Event
from models.notice import NoticeKind
from models.payout import LIMITS, PayoutOrder, check_payout, limits_of
from models.transaction import FOUND_OUT_MOVES, Kind, Route, Status

ORDER = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")
WALLET = replace(ORDER, route=Route.WALLET, stays_in_wallet=True)
NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize("order", [ORDER, WALLET, replace(WALLET, stays_in_wallet=False), replace(ORDER, amount=20)])
def test_an_order_that_keeps_the_rules_passes(order):
    check_payout(order)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (replace(ORDER, amount=19), "amount must be from 20 to 1,000,000 XOF, not 19"),
        (replace(WALLET, amount=1_000_001), "not 1,000,001"),
        (replace(ORDER, transaction_id=""), "transaction_id must have 1 to 255 characters"),
        (replace(ORDER, transaction_id="OUT-1 "), "visible characters"),
        (replace(ORDER, customer="+226 70 00 00 00"), "digits only"),
        (replace(ORDER, customer="2267000000"), "has 8 digits"),
        (replace(ORDER, customer="70000000"), "country code"),
        (replace(ORDER, stays_in_wallet=True), "left out on the route mobile_money"),
        (replace(WALLET, stays_in_wallet=None), "must be 1 .* or 0"),
    ],
)
def test_an_order_that_breaks_a_rule_is_told_which(order, words):
    with pytest.raises(Invalid, match=words):
        check_payout(order)


def test_a_number_that_no_operator_of_the_project_serves_gets_no_mobile_money():
    check_payout(ORDER, operators=["11", "12"])
    check_payout(ORDER, operators=["11", "an id we do not know"])
    check_payout(replace(WALLET, customer="22870000000"), operators=["11"])
    with pytest.raises(Invalid, match="LIGDICASH_OPERATORS"):
        check_payout(replace(ORDER, customer="22870000000"), operators=["11", "12"])


@pytest.mark.parametrize("route", Route)
def test_only_what_every_source_rules_out_is_refused(route):
    least, most = limits_of(route)
    assert all(least <= limit.minimum and most >= limit.maximum and limit.source for limit in LIMITS[route])


EVERY_ANSWER = [
    Answer(said=said, amount=amount, references=references)
    for said, amount, references in product(Said, (None, 5000, 4999), ((), ("OUT-1",), ("OUT-9",), ("OUT-9", "OUT-1")))
]


def verdict(status, answer, *, after=1.0):
    final = status in (Status.COMPLETED, Status.NOTCOMPLETED)
    books = Books(
        status=status,
        amount=5000,
        transaction_id="OUT-1",
        kind=Kind.PAYOUT,
        decided_asked_at=NOON if final else None,
    )
    return judge(books, answer, asked_at=NOON + timedelta(seconds=after))


def names_what_is_not_ours(answer):
    return answer.amount == 4999 or answer.references[:1] == ("OUT-9",)


def test_a_payout_is_settled_by_completed_alone_unless_it_names_what_is_not_ours():
    for status, answer in product((Status.PENDING, Status.NOTCOMPLETED), EVERY_ANSWER):
        told = verdict(status, answer)
        settles = answer.said is Said.COMPLETED and not names_what_is_not_ours(answer)
        assert (told.move is Status.COMPLETED) is settles
        if answer.said is Said.COMPLETED and not settles:
            assert told.case is CaseKind.MISMATCH


def test_every_verdict_about_a_payout_is_legal_and_nothing_that_is_open_is_forgotten():
    for status, answer in product(Status, EVERY_ANSWER):
        told = verdict(status, answer)
        assert told.move is None or (status, told.move) in FOUND_OUT_MOVES
        if status in (Status.CREATED, Status.PENDING) and told.move is None:
            assert told.when is not When.NEVER


def test_what_says_less_than_the_books_does_not_speak_against_a_completed_payout():
    assert verdict(Status.COMPLETED, Answer(said=Said.COMPLETED)).case is None
    assert verdict(Status.COMPLETED, Answer(said=Said.COMPLETED, amount=4999)).case is CaseKind.CONTRADICTION


def test_an_invoice_is_not_settled_by_so_little():
    books = Books(status=Status.PENDING, amount=5000, transaction_id="OUT-1")
    for answer in EVERY_ANSWER:
        told = judge(books, answer, asked_at=NOON)
        is_proven = (answer.amount, answer.references[:1]) == (5000, ("OUT-1",))
        assert (told.move is Status.COMPLETED) is (answer.said is Said.COMPLETED and is_proven)


def test_payouts_are_asked_about_as_the_vendor_wants_and_never_less_than_fsck_expects():
    first, *_ = policy.PAYOUT_TIERS
    assert 30 <= first.every <= 60
    assert first.until / first.every >= 10
    ages = [tier.until - 1 for tier in (*policy.AGE_TIERS, *policy.PAYOUT_TIERS)]
    for age in ages:
        ours = policy.ask_again_in(age, tiers=policy.PAYOUT_TIERS)
        tier = next(tier for tier in policy.AGE_TIERS if age < tier.until)
        assert timedelta(seconds=ours) * 2 <= policy.patience(tier)
    assert policy.PAYOUT_TIERS[-1].until == policy.AGE_TIERS[-1].until


@pytest.mark.parametrize(("about", "told"), [(Kind.INVOICE, "payment.completed"), (Kind.PAYOUT, "payout.completed")])
def test_an_event_says_which_way_the_money_went(about, told):
    event = Event(
        account="default",
        seq=1,
        kind=NoticeKind.COMPLETED,
        at=NOON,
        transaction_id="OUT-1",
        amount=5000,
        settled_at=NOON,
        evidence=None,
        about=about,
    )
    assert event.document()["type"] == told
