"""The gateway's clock may be wrong: what the wire carries is dated by it, and the books keep real time."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from worker.ligdicash.simulator.options import Expiry

HOUR, DAY = 3600, 86_400


def seconds_ahead(told: dict) -> float:
    """How far ahead of now the date of an answer or a callback is."""
    return datetime.strptime(told["date"], "%Y-%m-%d %H:%M:%S+00").replace(tzinfo=UTC).timestamp() - time.time()


@pytest.mark.parametrize("offset", [2 * HOUR, -HOUR])
def test_a_wrong_clock_dates_answers_and_callbacks_but_not_the_books(merchant, receiver, offset):
    assert merchant.control("PUT", "clock", {"offset": offset}) == {"offset": offset}
    token = merchant.create(callback_url=receiver.url)
    decided = merchant.decide(callbacks={"twins": "json-only"})

    assert seconds_ahead(merchant.confirm(token)) == pytest.approx(offset, abs=60)
    assert seconds_ahead(json.loads(receiver.wait_for(1)[0][1])) == pytest.approx(offset, abs=60)
    assert decided["paid_at"] == pytest.approx(time.time(), abs=60)


def test_a_clock_that_runs_ahead_makes_tokens_expire_until_it_is_right_again(start):
    merchant = start(token_expiry=Expiry.REFUSE, token_life=DAY)
    token = merchant.create()

    merchant.control("PUT", "clock", {"offset": 2 * DAY})
    assert merchant.confirm(token)["response_text_details"] == "Expired token"
    merchant.control("PUT", "clock", {"offset": 0})
    assert merchant.confirm(token)["status"] == "pending"


def test_a_token_made_while_the_clock_was_ahead_lives_by_that_clock(start):
    merchant = start(token_expiry=Expiry.REFUSE, token_life=DAY)
    merchant.control("PUT", "clock", {"offset": 2 * DAY})

    assert merchant.confirm(merchant.create())["status"] == "pending"


@pytest.mark.parametrize("body", [{}, {"offset": "soon"}, {"offset": 1e9}, {"ofset": 1}])
def test_a_clock_that_cannot_be_set_so_stays_as_it_is(merchant, body):
    merchant.control("PUT", "clock", body, expect=422)
    assert merchant.control("GET", "clock") == {"offset": 0}
