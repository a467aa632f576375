"""A long outage: one question now and then finds out when it is over, and no payment suffers by it but in time."""

from __future__ import annotations

import pytest

from config import policy
from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.sweep import sweep
from tasks.toolbox import BreakerState
from tests.fakes import completed, silence, toolbox
from tests.ledger import add_pending, cases, claim, count, knock, let_pass, row, value
from worker.breaker import FleetBreaker, OwnStore

INVOICES = 200
AT_ONCE = 16
"""Questions one sweep may bring about, as few as one process asks at a time."""

DAY, EVERY = 86_400, 300


class Outage:
    """The books, a breaker and a gateway in a world where time passes when told to."""

    def __init__(self, sessions, fakes) -> None:
        self.sessions, self.fakes = sessions, fakes
        self.now = 1_800_000_000.0
        self.breaker = FleetBreaker(OwnStore(lambda: self.now), probe_life=29)
        self.tools = toolbox(sessions, fakes, breaker=self.breaker)

    def let_pass(self, seconds):
        self.now += seconds
        let_pass(self.sessions, seconds)

    def sweep(self):
        """One sweep, worked by somebody; how many questions went out."""
        before = len(self.fakes.gateway.asked)
        self.fakes.budget.left = AT_ONCE
        self.fakes.queue.asked.clear()
        sweep(self.tools)
        for ids, lane in self.fakes.queue.asked:
            confirm(self.tools, ids, lane=lane)
        return len(self.fakes.gateway.asked) - before


@pytest.fixture
def outage(sessions, fakes):
    add_pending(sessions, INVOICES, due_in=0)
    for n in range(1, INVOICES + 1):
        fakes.gateway.says(f"token-of-ORD-{n}", silence())
    return Outage(sessions, fakes)


def fall_silent(outage):
    """Sweep until the breaker is open; how many questions that took."""
    asked = 0
    while outage.breaker.view().state is BreakerState.CLOSED:
        asked += outage.sweep()
        outage.let_pass(13)
    return asked


def test_a_day_without_the_gateway_leaves_every_invoice_armed_and_spends_no_attempt(sessions, fakes, outage):
    before_it_opened = fall_silent(outage)
    assert before_it_opened == 2 * AT_ONCE
    probes = 0
    for _ in range(DAY // EVERY):
        outage.let_pass(EVERY)
        probes += outage.sweep()
    assert probes == DAY // EVERY
    assert value(sessions, "SELECT sum(asked) FROM transactions") == before_it_opened + probes
    assert value(sessions, "SELECT sum(answered) FROM transactions") == 0
    armed = "SELECT count(*) FROM transactions WHERE status = 'pending' AND next_check_at IS NOT NULL"
    assert value(sessions, armed) == INVOICES
    assert cases(sessions) == []

    for n in range(1, INVOICES + 1):
        fakes.gateway.says(f"token-of-ORD-{n}", completed(5000, f"ORD-{n}"))
    outage.let_pass(policy.UNANSWERED_STEPS[-1])
    assert outage.sweep() == 1  # the probe that finds the gateway back
    minutes = 0
    while count(sessions, "settlements") < INVOICES and minutes < 30:
        outage.sweep()
        outage.let_pass(60)
        minutes += 1
    assert count(sessions, "settlements") == INVOICES
    assert minutes <= 15
    assert value(sessions, "SELECT max(asked - answered) FROM transactions") <= 4


def test_between_two_probes_no_question_goes_out_and_no_row_is_written(sessions, outage):
    fall_silent(outage)
    assert outage.sweep() == 1
    written = value(sessions, "SELECT max(xmin::text::bigint) FROM transactions")
    assert [outage.sweep() for _ in range(5)] == [0] * 5
    touched = "SELECT count(*) FROM transactions WHERE xmin::text::bigint > :written"
    assert value(sessions, touched, written=written) == 0


def test_a_callback_during_the_outage_is_read_and_asked_about_as_soon_as_it_is_over(sessions, fakes, outage):
    fall_silent(outage)
    assert outage.sweep() == 1
    asked = row(sessions, 150).asked
    intake(outage.tools, knock(sessions, claim("ORD-150")))
    assert confirm(outage.tools, [150], lane=Lane.CALLBACK) == 0
    assert row(sessions, 150).asked == asked
    for n in range(1, INVOICES + 1):
        fakes.gateway.says(f"token-of-ORD-{n}", completed(5000, f"ORD-{n}"))
    outage.let_pass(policy.UNANSWERED_STEPS[1])
    assert outage.sweep() == 1
    assert confirm(outage.tools, [150], lane=Lane.CALLBACK) == 1
    assert row(sessions, 150).status == "completed"
