"""Each strike does to its target what its name says, and undoes it; a storm ends what it began, come what may."""

from __future__ import annotations

import threading
from signal import SIGINT, SIGKILL

import pytest
import requests

from models.errors import NotFound
from worker.chaos.schedule import TERMS, Kind, Strike, Target
from worker.chaos.storm import Storm
from worker.chaos.strikes import Blow, SickGateway, blows
from worker.ligdicash.simulator.running import running_simulator


class FakeProcesses:
    """Remembers what was done to whom."""

    def __init__(self, *, running=True):
        self.done = []
        self.running = running

    def kill(self, name, number=SIGKILL):
        self.done.append(("kill", str(name), number))
        return self.running

    def pause(self, name):
        self.done.append(("pause", str(name)))
        return self.running

    def resume(self, name):
        self.done.append(("resume", str(name)))
        return self.running

    def take_down(self, name, number=SIGKILL):
        self.done.append(("take down", str(name), number))
        return self.running

    def bring_back(self, name):
        self.done.append(("bring back", str(name)))


class FakeGateway(SickGateway):
    """Remembers what it was told."""

    def __init__(self):
        super().__init__("http://127.0.0.1:1")
        self.told = []

    def _put(self, what, body):
        self.told.append((what, body))


@pytest.fixture
def processes():
    return FakeProcesses()


@pytest.fixture
def gateway():
    return FakeGateway()


@pytest.fixture
def done_by(processes, gateway):
    return blows(
        processes,
        gateway,
        flush_redis=lambda: processes.done.append("flush"),
        flood=lambda: processes.done.append("flood"),
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.KILL_WORKER, [("kill", "worker", SIGKILL)]),
        (Kind.FREEZE_WEB, [("pause", "web"), ("resume", "web")]),
        (Kind.FLUSH_REDIS, ["flush"]),
        (Kind.RESTART_POSTGRES, [("kill", "postgres", SIGINT)]),
        (Kind.REDIS_AWAY, [("take down", "valkey", SIGKILL), ("bring back", "valkey")]),
        (Kind.FILL_SPOOL, [("take down", "postgres", SIGINT), "flood", ("bring back", "postgres")]),
    ],
)
def test_a_strike_on_a_process_is_undone_when_it_is_over(done_by, processes, kind, expected):
    done_by[kind].begin()
    done_by[kind].end()
    assert processes.done == expected


def test_every_kind_can_strike_and_whatever_lasts_can_be_undone(done_by, processes, gateway):
    assert set(done_by) == set(Kind)
    for kind, blow in done_by.items():
        before = len(processes.done) + len(gateway.told)
        blow.begin()
        begun = len(processes.done) + len(gateway.told)
        blow.end()
        assert begun > before
        assert (len(processes.done) + len(gateway.told) > begun) == (TERMS[kind].high > 0)


@pytest.mark.parametrize("kind", [kind for kind, terms in TERMS.items() if Target.GATEWAY in terms.targets])
def test_the_simulator_takes_each_trouble_of_the_gateway_and_recovers(kind):
    with running_simulator() as simulator:
        blow = blows(FakeProcesses(), SickGateway(simulator.base_url), flush_redis=lambda: None, flood=lambda: None)[
            kind
        ]
        blow.begin()
        assert simulator.gateway.faults.everywhere.confirm.kind != "none"
        blow.end()
        assert simulator.gateway.faults.everywhere.confirm.kind == "none"
        assert simulator.gateway.faults.everywhere.create.kind == "none"


def strike(at, kind, lasts=0.0):
    return Strike(at=at, kind=kind, lasts=lasts)


def test_a_storm_strikes_in_order_and_counts_what_hit():
    happened, over = [], threading.Event()
    done_by = {
        Kind.FREEZE_WEB: Blow(lambda: happened.append("frozen"), lambda: happened.append("thawed")),
        Kind.KILL_BEAT: Blow(lambda: False),
        Kind.KILL_WEB: Blow(over.set),
    }
    schedule = [strike(0.0, Kind.FREEZE_WEB, 0.1), strike(0.05, Kind.KILL_BEAT), strike(0.2, Kind.KILL_WEB)]
    with Storm(schedule, done_by, announce=lambda each: happened.append(each.kind)) as storm:
        assert over.wait(60)

    assert happened == [Kind.FREEZE_WEB, "frozen", Kind.KILL_BEAT, "thawed", Kind.KILL_WEB]
    assert storm.struck == {Kind.FREEZE_WEB: 1, Kind.KILL_BEAT: 0, Kind.KILL_WEB: 1}
    assert storm.troubles == []


def test_a_storm_that_is_left_early_ends_what_it_began_and_begins_nothing_more():
    begun, happened = threading.Event(), []
    done_by = {
        Kind.FREEZE_WEB: Blow(begun.set, lambda: happened.append("thawed")),
        Kind.KILL_WEB: Blow(lambda: happened.append("killed")),
    }
    schedule = [strike(0.0, Kind.FREEZE_WEB, 600), strike(60, Kind.KILL_WEB)]
    with Storm(schedule, done_by, announce=lambda _: None):
        assert begun.wait(60)

    assert happened == ["thawed"]


@pytest.mark.parametrize("error", [requests.ConnectionError("no"), NotFound("no child"), OSError("no")])
def test_a_strike_that_fails_is_told_and_keeps_no_other_from_striking(error):
    def fail():
        raise error

    over = threading.Event()
    done_by = {Kind.FLUSH_REDIS: Blow(fail), Kind.KILL_WEB: Blow(over.set)}
    schedule = [strike(0.0, Kind.FLUSH_REDIS), strike(0.01, Kind.KILL_WEB)]
    with Storm(schedule, done_by, announce=lambda _: None) as storm:
        assert over.wait(60)

    assert storm.struck == {Kind.FLUSH_REDIS: 0, Kind.KILL_WEB: 1}
    assert storm.troubles == [f"FLUSHALL on Redis: {type(error).__name__}"]
