"""Signs: left by whoever ran, found with their age by the server's clock, and never a reason to fail."""

from __future__ import annotations

import pytest
import redis
from structlog.testing import capture_logs

from models.errors import TryAgain
from tests.servers import patient
from worker.locks import connect
from worker.signs import PREFIX, RedisSigns


@pytest.fixture
def client(redis_url):
    with connect(patient(redis_url)) as opened:
        yield opened


def test_a_sign_tells_its_age_its_leavers_clock_and_facts(client):
    signs = RedisSigns(client)
    signs.leave("swept", {"visibility": 44}, life=60)
    found = signs.find("swept")
    assert 0 <= found.age < 60
    assert abs(found.ahead) < 60
    assert found.facts == {"visibility": 44}


def test_a_newer_sign_takes_the_place_of_the_older_and_ends_by_itself(client):
    signs = RedisSigns(client)
    signs.leave("swept", {"n": 1}, life=60)
    signs.leave("swept", {"n": 2}, life=60)
    assert signs.find("swept").facts == {"n": 2}
    assert 0 < client.pttl(f"{PREFIX}swept") <= 60_000


def test_what_nobody_left_is_not_there(client):
    assert RedisSigns(client).find("swept") is None


def test_what_another_release_left_counts_as_nothing(client):
    client.set(f"{PREFIX}swept", "12")
    assert RedisSigns(client).find("swept") is None


def test_with_the_server_away_leaving_one_fails_nobody_and_finding_one_says_so():
    with redis.Redis(port=1, retry=None) as nowhere, capture_logs() as logs:
        RedisSigns(nowhere).leave("swept", life=60)
        with pytest.raises(TryAgain):
            RedisSigns(nowhere).find("swept")
    assert [entry["event"] for entry in logs] == ["sign_not_left"]
