"""The call budget on a real Valkey: the whole fleet stays under the rate, and no lane takes what belongs to another."""

from __future__ import annotations

import itertools
import time

import pytest
from structlog.testing import capture_logs

import worker.budget
from config import policy
from models.check import Lane
from tests.ledger import all_at_once
from tests.servers import PATIENCE, patient
from tests.webdoor import until
from worker.budget import FleetBudget, LoneBucket
from worker.fleet import Fleet, credential_name
from worker.locks import connect

MANY = 1_000_000


CLOCK = "a clock of the test"


@pytest.fixture
def client(redis_url):
    with connect(patient(redis_url)) as opened:
        yield opened


@pytest.fixture
def told_time(client, monkeypatch):
    """Time passes for the budget when it is told to: the scripts read a clock of the test instead of the server's."""
    clock = f"{{tonumber(redis.call('GET', '{CLOCK}') or 0), 0}}"
    for name in ("TAKE", "COUNTED"):
        script = getattr(worker.budget, name)
        assert "redis.call('TIME')" in script
        monkeypatch.setattr(worker.budget, name, script.replace("redis.call('TIME')", clock))
    client.set(CLOCK, 1_800_000_000)
    return client


def budget(client, *, rate=100.0, name="us"):
    return FleetBudget(Fleet(client), name=name, rate=rate)


def let_pass(client, seconds):
    """Move the clock of the test; negative, set it back."""
    client.incrbyfloat(CLOCK, seconds)


def emptied(client, *, rate=100.0):
    """A budget from which everything was taken just now."""
    ours = budget(client, rate=rate)
    for lane in Lane:
        ours.take(lane, MANY)
    ours.take(Lane.CALLBACK, MANY)
    return ours


def test_every_lane_has_a_share_and_the_shares_are_the_whole_rate():
    assert set(policy.LANE_SHARES) == {lane.value for lane in Lane}
    assert sum(share.guaranteed for share in policy.LANE_SHARES.values()) == pytest.approx(1)


def test_lanes_in_which_somebody_waits_leave_nothing_and_the_others_leave_more_the_less_urgent_they_are():
    leaves = [policy.LANE_SHARES[lane.value].leaves for lane in Lane]
    assert leaves == sorted(leaves)
    assert leaves[:2] == [0, 0]
    assert leaves[-1] < 1


def test_a_lane_alone_has_the_whole_rate(told_time):
    for lane in Lane:
        told_time.flushdb()
        ours = budget(told_time)
        ours.take(lane, MANY)
        got = 0
        for _ in range(4):
            let_pass(told_time, 0.25)
            got += ours.take(lane, MANY).granted
        assert got == pytest.approx(100, abs=2), lane


def test_with_every_lane_busy_each_has_its_share(told_time):
    ours = emptied(told_time)
    got = dict.fromkeys(Lane, 0)
    for _ in range(50):
        let_pass(told_time, 0.2)
        for lane in reversed(Lane):  # the least urgent come first, and gain nothing by it
            got[lane] += ours.take(lane, MANY).granted
    assert sum(got.values()) == pytest.approx(1000, rel=0.03)
    for lane in Lane:
        assert got[lane] == pytest.approx(1000 * policy.LANE_SHARES[lane.value].guaranteed, rel=0.1)


def test_a_replay_that_takes_all_it_can_leaves_a_fresh_callback_its_share_and_half_the_pool(told_time):
    ours = budget(told_time)
    assert ours.take(Lane.REPLAY, MANY).granted == 100 + 5  # half of the pool, and its own savings
    assert ours.take(Lane.CALLBACK, MANY).granted == 100 + 20


def test_what_is_granted_over_any_time_is_never_more_than_the_rate_and_one_burst(client, redis_url):
    rate, threads = 200.0, 6
    started = time.monotonic()

    def worker():
        with connect(patient(redis_url)) as own:
            mine, lanes, got = budget(own, rate=rate), itertools.cycle(Lane), 0
            taken = 0
            while taken < 100 or time.monotonic() - started < 2:
                got += mine.take(next(lanes), 7).granted
                taken += 1
            return got, time.monotonic() - started

    shares = all_at_once(*[worker] * threads)
    ended = max(at for _, at in shares)
    granted = sum(got for got, _ in shares)
    burst = budget(client, rate=rate).burst
    assert granted <= rate * ended + burst
    assert granted >= burst


def test_who_gets_no_turn_is_told_when_the_next_one_is_likely(told_time):
    ours = emptied(told_time, rate=10)
    turn = ours.take(Lane.CALLBACK, 9)
    assert turn.granted == 0
    assert 0 < turn.next_in <= 0.25  # its share is 4 a second
    assert turn.next_in < turn.all_in <= 9 / 4
    let_pass(told_time, turn.next_in)
    assert ours.take(Lane.CALLBACK, 9).granted == 1


@pytest.mark.parametrize("lane", Lane)
def test_at_the_lowest_rate_every_lane_still_gets_a_turn(told_time, lane):
    ours = emptied(told_time, rate=0.1)
    let_pass(told_time, 1 / (0.1 * policy.LANE_SHARES[lane.value].guaranteed))
    assert ours.take(lane, 1).granted == 1


def test_looking_takes_nothing(told_time):
    ours = budget(told_time)
    rooms = [ours.room(Lane.SWEEP) for _ in range(3)]
    assert rooms == [150 + 15] * 3
    assert ours.take(Lane.SWEEP, MANY).granted == 165
    assert ours.room(Lane.SWEEP) <= 1


def test_an_emptied_server_costs_one_burst_at_most(told_time):
    ours = emptied(told_time)
    told_time.flushall()
    again = sum(ours.take(lane, MANY).granted for lane in reversed(Lane))
    assert again <= ours.burst + 2


def test_a_clock_that_was_set_back_stops_nobody(told_time):
    ours = emptied(told_time)
    let_pass(told_time, -3600)
    assert ours.take(Lane.CALLBACK, 1).granted == 0
    let_pass(told_time, 1)
    assert ours.take(Lane.CALLBACK, MANY).granted >= 40


def test_two_credentials_share_nothing_and_no_key_tells_the_credential(client):
    names = [credential_name("secret-api-key-1", "t"), credential_name("secret-api-key-2", "t")]
    for name in names:
        assert budget(client, name=name).take(Lane.CALLBACK, MANY).granted == 220
    assert not [key for key in client.scan_iter() if b"secret" in key]


def test_a_batch_costs_one_round_trip(client):
    ours = budget(client)
    ours.take(Lane.SWEEP, 1)
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    ours.take(Lane.SWEEP, 100)
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - before == 1


def test_the_levels_tell_what_each_lane_could_ask_and_was_granted(told_time):
    ours = budget(told_time)
    ours.take(Lane.CALLBACK, 30)
    levels = {level.lane: level for level in ours.levels()}
    assert list(levels) == list(Lane)
    assert levels[Lane.CALLBACK].granted == 30
    assert levels[Lane.AUDIT].granted == 0
    assert 40 + 2 <= levels[Lane.AUDIT].room < 50 + 2  # the pool lacks what the callback lane took


class Standing:
    """A clock of this process that stands still."""

    @staticmethod
    def monotonic() -> float:
        return 1000.0


def test_with_the_server_away_a_process_has_a_tenth_of_the_rate_and_says_so_once(monkeypatch):
    monkeypatch.setattr("worker.budget.time", Standing)
    with capture_logs() as logs:
        ours = FleetBudget(Fleet(connect("redis://127.0.0.1:1/0")), name="us", rate=200)
        assert ours.room(Lane.SWEEP) == 20
        assert ours.take(Lane.SWEEP, 15).granted == 15
        turn = ours.take(Lane.CALLBACK, 50)
        assert ours.levels() == []
    assert turn.granted == 5
    assert 0 < turn.next_in <= 0.05
    assert turn.all_in == pytest.approx(45 / 20, abs=0.05)
    assert [entry["event"] for entry in logs] == ["fleet_apart"]


def test_alone_it_fills_again_with_time():
    bucket = LoneBucket(rate=50)
    assert bucket.take(60).granted == 50
    until(bucket.room)
    assert bucket.take(1).granted == 1


def test_when_the_server_is_back_the_fleet_shares_again_and_that_is_said(client, monkeypatch):
    monkeypatch.setattr("worker.fleet.REST", PATIENCE)
    fleet = Fleet(client)
    ours = FleetBudget(fleet, name="us", rate=100)
    with capture_logs() as logs:
        fleet.run(connect("redis://127.0.0.1:1/0").register_script("return 1"), keys=[], args=[])
        assert ours.room(Lane.CALLBACK) == 10
        monkeypatch.setattr("worker.fleet.time", _Later())
        assert ours.room(Lane.CALLBACK) == 220
    assert [entry["event"] for entry in logs] == ["fleet_apart", "fleet_together_again"]


class _Later:
    """The clock once the rest is over."""

    @staticmethod
    def monotonic() -> float:
        return time.monotonic() + PATIENCE + 1
