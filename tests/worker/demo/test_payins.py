"""Customers who pay without the gateway's page: each plays its own mishap against the real door and the real simulator."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.errors import NeedsHuman
from models.transaction import Status
from tests.fakes import API_KEY, CALLBACK_URL
from tests.simulated import client_to
from tests.webdoor import open_door
from worker.demo.drive import Driver, Moment
from worker.demo.payins import FIRST_NOES, HOMES, PAYIN_ENDS, PayinFate, payment_of
from worker.demo.payouts import PayoutFate
from worker.demo.story import EVERYTHING, SHARES, Fate, write_story
from worker.ligdicash.simulator.running import running_simulator


@pytest.fixture(scope="module")
def simulator():
    with running_simulator() as running:
        yield running


@pytest.fixture
def door(database_url, simulator):
    """The door with the client that speaks to this simulator."""
    with client_to(simulator) as client, open_door(database_url, gateway=client) as door:
        yield door


@pytest.fixture
def driver(door, simulator) -> Driver:
    return Driver(
        api_url=door.url,
        api_key=API_KEY,
        callback_url=CALLBACK_URL,
        simulator_url=simulator.base_url,
        on_step=lambda _visit: None,
    )


def test_every_fate_ends_as_the_story_has_it_and_the_simulator_counts_what_came(door, driver, simulator):
    before = dict(simulator.books.counters)
    story = write_story(invoices=len(PayinFate), seconds=0.2, seed=1, prefix="P", shares=dict.fromkeys(PayinFate, 1))
    visits = [replace(visit, decides_at=visit.orders_at, decision=quiet(visit.decision)) for visit in story]
    driver.play(visits, [Moment(0.1, lambda: None)])

    assert driver.played.troubles == []
    rows = {invoice.transaction_id: invoice for invoice in door.invoices()}
    ends = {visit.fate: rows[visit.transaction_id].status for visit in visits}
    booked = {Status.REFUSED: Status.REFUSED, Status.PENDING: Status.CREATED}  # nobody confirms here
    assert ends == {fate: booked.get(PAYIN_ENDS[fate], Status.PENDING) for fate in PayinFate}
    assert driver.played.holes == {v.transaction_id for v in visits if v.fate is PayinFate.REPLY_LOST}
    counted = {name.value: count - before[name] for name, count in simulator.books.counters.items()}
    assert counted["payers_refused"] == len(FIRST_NOES) - 1, "an order without its code never gets there"
    assert counted["straight_creates"] == 12 + 4, "four of them came twice"
    assert (counted["wallet_creates"], counted["otps_sent"]) == (4, 4)
    told = {
        v.fate: simulator.books.get(v.transaction_id).operator_id
        for v in visits
        if v.fate in HOMES and v.fate.name != "POOR"
    }
    assert told == {fate: HOMES[fate][1] for fate in told}


def quiet(decision: dict) -> dict:
    """Nobody listens at the callback address."""
    return decision | {"callbacks": {"twins": "none"}}


def test_a_refusal_that_is_not_in_the_story_is_a_trouble(driver):
    visit = next(
        v
        for v in write_story(invoices=40, seconds=1, seed=1, prefix="T", shares=dict.fromkeys(PayinFate, 1))
        if v.fate is PayinFate.PUSH
    )
    strange = replace(visit, payment=replace(visit.payment, operator_id="11"))
    with pytest.raises(NeedsHuman, match="serves numbers"):
        driver._order(strange)


def test_no_two_customers_share_a_number():
    for fate in PayinFate:
        numbers = {payment_of(fate, number=number).number for number in range(50)}
        assert len(numbers) == 50


def test_the_plain_story_has_none_of_them_and_the_whole_one_has_all():
    plain = write_story(invoices=300, seconds=1, seed=1, prefix="X")
    assert {visit.fate for visit in plain} == set(SHARES)
    assert not any(visit.payment for visit in plain)
    whole = write_story(invoices=300, seconds=1, seed=1, prefix="X", shares=EVERYTHING)
    assert {visit.fate for visit in whole} == set(SHARES) | set(PayinFate) | set(PayoutFate)
    assert all((visit.payment is not None) == isinstance(visit.fate, PayinFate) for visit in whole)
    assert all((visit.payout is not None) == isinstance(visit.fate, PayoutFate) for visit in whole)
    assert Fate.PAID in {visit.fate for visit in whole}
