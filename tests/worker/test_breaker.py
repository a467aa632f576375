"""The breaker: what opens it, what does not, one probe for the whole fleet, and what is left when Redis forgets."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from config import policy
from tasks.toolbox import BreakerState, Heard
from tests.ledger import all_at_once
from tests.servers import patient
from worker.breaker import PREFIX, FleetBreaker, FleetStore, OwnStore
from worker.circuit import Circuit, dump, load
from worker.fleet import Fleet
from worker.locks import connect

ANSWER = Heard(answers=1)
SILENCE = Heard(silences=1, reason="timed out")
REFUSAL = Heard(refusals=1, reason="the address is not allowed")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return FleetBreaker(OwnStore(clock), probe_life=29)


@pytest.fixture(autouse=True)
def logs():
    with capture_logs() as entries:
        yield entries


def fall_silent(breaker, clock):
    """As many silences as it takes, over as long as it takes."""
    for _ in range(policy.SILENCES_IN_A_ROW):
        wait = breaker.report(SILENCE)
        clock.now += policy.SILENCE_FOR / (policy.SILENCES_IN_A_ROW - 1) + 0.01
    return wait


def probe_with(breaker, clock, heard):
    """Wait until a probe is let through and tell what it heard; the pause that follows."""
    clock.now += breaker.leave(1).wait
    leave = breaker.leave(1)
    assert leave.probe
    return breaker.report(heard, probe=leave.probe)


def test_while_all_is_well_everything_goes_out_and_nothing_is_written(redis_url):
    with connect(patient(redis_url)) as client:
        breaker = FleetBreaker(FleetStore(Fleet(client), name="us"), probe_life=29)
        assert breaker.leave(100).wait == 0
        assert breaker.report(Heard(answers=100)) == 0
        assert breaker.room() is None
        assert client.dbsize() == 0


def test_one_refusal_opens_it_at_once_with_the_reason(breaker, logs):
    assert breaker.report(REFUSAL) == policy.REFUSED_STEPS[0]
    leave = breaker.leave(5)
    assert leave.wait > 29
    assert leave.why.endswith("UTC, for it refuses us: the address is not allowed")
    assert breaker.room() == 0
    assert [(e["event"], e["log_level"], e["reason"]) for e in logs] == [
        ("gateway_breaker_opened", "error", "the address is not allowed")
    ]


def test_a_lasting_silence_of_the_whole_fleet_opens_it(breaker, clock):
    assert fall_silent(breaker, clock) == policy.UNANSWERED_STEPS[0]
    assert "it does not answer: timed out" in breaker.leave(1).why


def test_a_burst_of_silences_within_a_moment_does_not(breaker):
    assert breaker.report(Heard(silences=500, reason="timed out")) == 0


def test_few_silences_over_a_long_time_do_not(breaker, clock):
    for _ in range(policy.SILENCES_IN_A_ROW - 1):
        assert breaker.report(SILENCE) == 0
        clock.now += 60


@pytest.mark.parametrize("mixture", [Heard(answers=1, silences=9), Heard(answers=1, silences=8, refusals=1)])
def test_a_mixed_picture_never_opens_it(breaker, clock, mixture):
    for _ in range(100):
        assert breaker.report(mixture) == 0
        assert breaker.report(Heard(silences=9)) == 0
        clock.now += 5


def test_one_answer_begins_the_count_anew(breaker, clock):
    for _ in range(5):
        for _ in range(policy.SILENCES_IN_A_ROW - 1):
            breaker.report(SILENCE)
            clock.now += 10
        assert breaker.report(ANSWER) == 0
    assert breaker.view().state is BreakerState.CLOSED


def test_when_its_time_is_over_one_question_goes_out_and_no_other(breaker, clock):
    breaker.report(REFUSAL)
    clock.now += 30
    assert breaker.room() == 1
    assert breaker.leave(100).probe
    assert breaker.room() == 0
    assert breaker.leave(100).wait > 0


def test_an_answer_to_the_probe_closes_it(breaker, clock, logs):
    breaker.report(REFUSAL)
    assert probe_with(breaker, clock, ANSWER) == 0
    assert breaker.leave(100).wait == 0
    closed = logs[-1]
    assert (closed["event"], closed["log_level"], closed["after"]) == ("gateway_breaker_closed", "info", 30)


@pytest.mark.parametrize(
    ("heard", "steps"),
    [(SILENCE, policy.UNANSWERED_STEPS), (REFUSAL, policy.REFUSED_STEPS)],
    ids=["silence", "refusal"],
)
def test_each_probe_that_fails_opens_it_for_longer_up_to_a_limit(breaker, clock, logs, heard, steps):
    first = breaker.report(REFUSAL) if heard is REFUSAL else fall_silent(breaker, clock)
    pauses = [first] + [probe_with(breaker, clock, heard) for _ in range(len(steps))]
    assert pauses == [*steps, steps[-1]]
    assert [e["event"] for e in logs] == ["gateway_breaker_opened"]  # one alarm for one outage


def test_after_it_closed_the_next_outage_begins_with_the_first_step(breaker, clock):
    breaker.report(REFUSAL)
    probe_with(breaker, clock, REFUSAL)
    probe_with(breaker, clock, ANSWER)
    assert breaker.report(REFUSAL) == policy.REFUSED_STEPS[0]


def test_a_probe_that_could_not_be_asked_is_handed_on(breaker, clock):
    breaker.report(REFUSAL)
    clock.now += 30
    unasked = breaker.leave(1).probe
    breaker.report(Heard(), probe=unasked)
    assert breaker.leave(1).probe not in ("", unasked)


def test_a_probe_whose_worker_died_is_replaced_after_its_life_and_its_late_word_counts_for_nothing(breaker, clock):
    breaker.report(REFUSAL)
    clock.now += 30
    dead = breaker.leave(1).probe
    clock.now += 28.9
    assert not breaker.leave(1).probe
    clock.now += 0.2
    alive = breaker.leave(1).probe
    assert alive
    breaker.report(REFUSAL, probe=dead)
    breaker.report(ANSWER, probe=dead)
    assert breaker.view().state is BreakerState.PROBING
    assert breaker.report(ANSWER, probe=alive) == 0


def test_what_was_asked_before_it_opened_and_comes_in_late_changes_nothing(breaker):
    breaker.report(REFUSAL)
    for late in (REFUSAL, SILENCE, ANSWER):
        assert breaker.report(late) > 29
    assert breaker.view().state is BreakerState.OPEN


def test_what_it_holds_back_is_counted(breaker, clock):
    breaker.report(REFUSAL)
    breaker.leave(7)
    clock.now += 30
    breaker.leave(5)  # one of them is the probe
    view = breaker.view()
    assert (view.state, view.reason, view.held_back) == (BreakerState.PROBING, "the address is not allowed", 11)
    assert (view.until - view.since).total_seconds() == 30
    assert view.is_refused


def shared(url):
    return FleetBreaker(FleetStore(Fleet(connect(patient(url))), name="us"), probe_life=29)


def test_what_one_worker_saw_every_worker_heeds(redis_url):
    one, other = shared(redis_url), shared(redis_url)
    one.report(REFUSAL)
    assert other.leave(10).wait > 15  # seconds of the server's clock; the rest is for a busy machine
    assert other.view().held_back == 10


def test_workers_that_race_for_the_probe_send_one(redis_url, monkeypatch):
    monkeypatch.setattr(policy, "REFUSED_STEPS", (0.0,))
    shared(redis_url).report(REFUSAL)
    workers = [shared(redis_url) for _ in range(8)]
    leaves = all_at_once(*[lambda breaker=breaker: breaker.leave(1) for breaker in workers])
    assert sum(bool(leave.probe) for leave in leaves) == 1
    assert all(leave.probe or leave.wait for leave in leaves)


def test_workers_that_race_to_open_it_sound_one_alarm(redis_url, logs):
    workers = [shared(redis_url) for _ in range(8)]
    waits = all_at_once(*[lambda breaker=breaker: breaker.report(REFUSAL) for breaker in workers])
    assert all(wait > 15 for wait in waits)
    assert [e["event"] for e in logs] == ["gateway_breaker_opened"]


def test_an_emptied_server_closes_it_and_the_next_refusal_opens_it_again(redis_url):
    breaker = shared(redis_url)
    breaker.report(REFUSAL)
    with connect(patient(redis_url)) as client:
        client.flushall()
    assert breaker.leave(1).wait == 0
    assert breaker.report(REFUSAL) > 15


def test_with_the_server_away_each_process_minds_what_it_saw_itself(logs):
    one, other = shared("redis://127.0.0.1:1/0"), shared("redis://127.0.0.1:1/0")
    assert one.report(REFUSAL) > 15
    assert one.leave(1).wait > 15
    assert other.leave(1).wait == 0
    assert not one.view().is_shared
    assert [e["event"] for e in logs].count("fleet_apart") == 2  # once for each


def test_what_another_release_wrote_counts_as_nothing_known(redis_url):
    for text in ("{", "[]", '{"unheard_of": 1}', "7"):
        with connect(patient(redis_url)) as client:
            client.set(f"{PREFIX}us", text)
        assert shared(redis_url).leave(1).wait == 0
        assert shared(redis_url).report(REFUSAL) > 15


def test_what_is_written_can_be_read_back():
    circuit = Circuit(step=2, reason="refusé", opened_at=1.5, until=2.25, probe="p", held_back=3)
    assert load(dump(circuit)) == circuit
    assert dump(Circuit()) == ""
