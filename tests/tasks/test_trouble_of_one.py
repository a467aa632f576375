"""A payment that alone is refused, or alone meets silence, must not keep the others from being asked about."""

from __future__ import annotations

import pytest

from config import policy
from models.answers import Answer, Said
from models.check import Lane
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.sweep import sweep
from tasks.toolbox import BreakerState
from tests.fakes import completed, silence, toolbox
from tests.ledger import add_pending, claim, count, knock, let_pass, row
from worker.breaker import FleetBreaker, OwnStore

REFUSED = Answer(said=Said.REFUSED, trouble="refused with Code00: authentication failed")


class World:
    """The books, a breaker and a gateway that refuses some tokens, in a world where time passes when told to."""

    def __init__(self, sessions, fakes) -> None:
        self.sessions, self.fakes = sessions, fakes
        self.now = 1_800_000_000.0
        self.breaker = FleetBreaker(OwnStore(lambda: self.now), probe_life=29)
        self.tools = toolbox(sessions, fakes, breaker=self.breaker)

    @property
    def is_closed(self):
        return self.breaker.view().state is BreakerState.CLOSED

    def let_pass(self, seconds):
        self.now += seconds
        let_pass(self.sessions, seconds)

    def refuse(self, pk):
        self.fakes.gateway.says(f"token-of-ORD-{pk}", REFUSED)

    def forge(self, pk):
        """Somebody sends a callback about this payment, and its message is worked."""
        intake(self.tools, knock(self.sessions, claim(f"ORD-{pk}")))
        confirm(self.tools, [pk], lane=Lane.CALLBACK)


@pytest.fixture
def world(sessions, fakes):
    return World(sessions, fakes)


def test_a_refusal_about_a_young_token_opens_the_breaker(sessions, world):
    [pk] = add_pending(sessions)
    world.refuse(pk)
    confirm(world.tools, [pk], lane=Lane.SWEEP)
    assert not world.is_closed


def test_one_that_is_refused_again_and_again_stops_the_others_once(sessions, world):
    bad, good = add_pending(sessions, 2)
    world.refuse(bad)
    world.forge(bad)
    assert not world.is_closed
    world.let_pass(policy.REFUSED_STEPS[0])
    assert confirm(world.tools, [good], lane=Lane.SWEEP) == 1
    for _ in range(20):
        world.let_pass(4)
        world.forge(bad)
        assert world.is_closed
    assert row(sessions, bad).asked == 21


def test_a_token_that_may_be_past_its_date_stops_nobody(sessions, world):
    [pk] = add_pending(sessions)
    world.let_pass(policy.TOKEN_IS_YOUNG.total_seconds() + 1)
    world.refuse(pk)
    world.forge(pk)
    assert row(sessions, pk).silences == 1
    assert world.is_closed


def test_as_the_probe_it_tells_nothing_and_the_next_one_goes_out_at_once(sessions, fakes, world):
    bad, good = add_pending(sessions, 2)
    world.refuse(bad)
    confirm(world.tools, [bad], lane=Lane.SWEEP)
    world.let_pass(policy.REFUSED_STEPS[0])
    assert confirm(world.tools, [bad], lane=Lane.SWEEP) == 1
    fakes.gateway.says(f"token-of-ORD-{good}", completed(5000, f"ORD-{good}"))
    assert confirm(world.tools, [good], lane=Lane.SWEEP) == 1
    assert world.is_closed
    assert count(sessions, "settlements") == 1


def test_forged_callbacks_about_one_that_alone_meets_silence_take_no_probe_from_the_others(sessions, fakes, world):
    bad, good = add_pending(sessions, 2)
    fakes.gateway.says(f"token-of-ORD-{bad}", silence())
    for _ in range(policy.SILENCES_IN_A_ROW):
        world.forge(bad)
        world.let_pass(4)
    for _ in range(5):
        assert not world.is_closed
        world.let_pass(policy.UNANSWERED_STEPS[-1])
        world.forge(bad)
    assert row(sessions, bad).asked == policy.SILENCES_IN_A_ROW
    world.forge(good)
    assert row(sessions, good).answered == 1
    assert world.is_closed


def test_when_all_are_refused_the_probes_come_further_and_further_apart(sessions, world):
    pks = add_pending(sessions, 20, due_in=0)
    for pk in pks:
        world.refuse(pk)
    pauses = []
    confirm(world.tools, pks[:1], lane=Lane.SWEEP)
    for _ in policy.REFUSED_STEPS:
        pauses.append(world.breaker.leave(1).wait)
        world.let_pass(pauses[-1])
        world.fakes.queue.asked.clear()
        assert sweep(world.tools).transactions == 1
        [(ids, lane)] = world.fakes.queue.asked
        confirm(world.tools, ids, lane=lane)
    assert pauses == list(policy.REFUSED_STEPS)
