"""The automatic payer pays, fails and forgets in the chosen shares, and the same way each time."""

from __future__ import annotations

from collections import Counter

from worker.ligdicash.simulator.fates import draw_fate
from worker.ligdicash.simulator.manners import Status
from worker.ligdicash.simulator.options import Mishaps, Options, Payer, Shares, Span


def test_payments_are_decided_without_anybody(start, receiver, wait_until):
    merchant = start(payer=Payer.AUTO, shares=Shares(completed=1), pay_delay=Span(low=0, high=0.05))
    for number in range(10):
        merchant.create(f"ART{number}", callback_url=receiver.url)

    wait_until(lambda: merchant.control("GET", "books")["by_status"]["completed"] == 10)
    assert len(receiver.wait_for(20)) == 20


def test_a_person_who_is_quicker_is_not_overruled(start, wait_until):
    merchant = start(payer=Payer.AUTO, shares=Shares(completed=1), pay_delay=Span(low=0.2, high=0.2))
    merchant.create("ART1")
    merchant.decide("ART1", "notcompleted")
    merchant.create("ART2")

    wait_until(lambda: merchant.control("GET", "transactions/ART2")["status"] == "completed")
    assert merchant.control("GET", "transactions/ART1")["status"] == "notcompleted"


def test_payments_left_pending_by_a_stop_are_paid_after_the_next_start(start, tmp_path, wait_until):
    state = tmp_path / "state.json"
    first = start(state=state)
    first.create("ART1")
    wait_until(lambda: state.exists() and "ART1" in state.read_text())

    second = start(state=state, payer=Payer.AUTO, shares=Shares(completed=1), pay_delay=Span())

    wait_until(lambda: second.control("GET", "transactions/ART1")["status"] == "completed")


def test_the_shares_are_kept():
    options = Options(shares=Shares(completed=0.6, notcompleted=0.3), mishaps=Mishaps(lost=0.1, doubled=0.2))

    fates = [draw_fate(options, f"ART{number}") for number in range(2000)]

    outcomes = Counter(fate.outcome for fate in fates)
    mishaps = Counter(fate.mishap for fate in fates)
    assert 1100 < outcomes[Status.COMPLETED] < 1300
    assert 500 < outcomes[Status.NOTCOMPLETED] < 700
    assert 140 < mishaps["lost"] < 260
    assert 320 < mishaps["doubled"] < 480


def test_one_seed_gives_one_transaction_one_fate():
    options = Options(shares=Shares(completed=0.5, notcompleted=0.5), seed=7)

    assert draw_fate(options, "ART1") == draw_fate(options, "ART1")
    other = Options(shares=Shares(completed=0.5, notcompleted=0.5), seed=8)
    assert any(draw_fate(options, f"{n}") != draw_fate(other, f"{n}") for n in range(50))
