"""How often one-time codes are sent: apart, so many to a number, so many to all, and by each process alone without Redis."""

from __future__ import annotations

import pytest

from tests.ledger import all_at_once
from tests.servers import patient
from worker.fleet import Fleet
from worker.locks import connect
from worker.otp_limit import FleetOtpLimit, OtpRules

AWA, BOB = "22670000001", "22670000002"
NO_SERVER = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["together", "alone"])
def limit(request):
    """The same rules, with Redis and without."""
    url = request.getfixturevalue("redis_url") if request.param == "together" else NO_SERVER

    def build(**rules):
        asked = {"apart": 0.0, "most": 100, "window": 3600, "a_minute": 100} | rules
        return FleetOtpLimit(Fleet(connect(patient(url))), OtpRules(**asked), secret="a secret of this installation")

    return build


def test_two_codes_to_a_number_are_apart_and_another_number_is_free(limit):
    otps = limit(apart=300.0)
    assert otps.take(AWA).wait == 0
    leave = otps.take(AWA)
    assert (240 < leave.wait <= 300, leave.is_for_all) == (True, False)
    assert otps.take(BOB).wait == 0


def test_a_number_gets_so_many_in_so_long_however_many_ask_at_once(limit):
    otps = limit(most=5)
    waits = all_at_once(*[lambda: otps.take(AWA).wait] * 12)
    assert sorted(wait > 0 for wait in waits) == [False] * 5 + [True] * 7
    assert 3540 < otps.take(AWA).wait <= 3600


def test_all_numbers_together_get_so_many_a_minute(limit):
    otps = limit(a_minute=3)
    assert [otps.take(f"2267000000{n}").wait for n in range(3)] == [0, 0, 0]
    leave = otps.take(AWA)
    assert (30 < leave.wait <= 60, leave.is_for_all) == (True, True)


def test_what_is_over_counts_no_more(limit):
    otps = limit(most=1, window=1)
    assert otps.take(AWA).wait == 0
    waits = [1.0]
    while waits[-1]:  # each try says how long is left
        waits.append(otps.take(AWA).wait)
    assert waits == sorted(waits, reverse=True)


def test_no_number_stands_in_redis(redis_url):
    client = connect(patient(redis_url))
    FleetOtpLimit(Fleet(client), OtpRules(a_minute=9), secret="s").take(AWA)
    names = [bytes(name) if isinstance(name, bytes) else str(name).encode() for name in client.scan_iter("*")]
    assert len(names) == 2
    assert not any(AWA.encode() in name for name in names)
