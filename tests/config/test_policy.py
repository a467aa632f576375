"""Timing as a table: when a transaction of some age is asked about next, and how lengths nest."""

from __future__ import annotations

import pytest

from config import policy
from config.policy import DAY, HOUR, MINUTE, Lengths
from config.settings import Environment, Settings


def settings(**changes: object) -> Settings:
    values = {
        "environment": Environment.DEVELOPMENT,
        "ligdicash_api_key": "sim-key",
        "ligdicash_api_token": "sim-token",
        "database_url": "postgresql://x@localhost/x",
        "redis_url": "redis://localhost",
        "reconciler_api_key": "0123456789abcdef",
        "callback_url": "http://localhost/callback",
        **changes,
    }
    return Settings(_env_file=None, **values)


@pytest.mark.parametrize(
    ("age", "wait"),
    [
        (0, 10),
        (5 * MINUTE - 1, 10),
        (5 * MINUTE, MINUTE),
        (30 * MINUTE - 1, MINUTE),
        (30 * MINUTE, 10 * MINUTE),
        (6 * HOUR, HOUR),
        (3 * DAY, DAY),
        (30 * DAY - 1, DAY),
        (30 * DAY, None),
        (365 * DAY, None),
    ],
)
def test_questions_thin_out_with_age_and_end_in_parking(age, wait):
    assert policy.ask_again_in(age) == wait


def test_no_tier_asks_more_often_than_the_vendor_allows():
    assert min(tier.every for tier in policy.AGE_TIERS) >= policy.SPACING


@pytest.mark.parametrize(("silences", "wait"), [(0, 5), (1, 5), (2, 10), (3, 20), (4, 40), (5, 60)])
@pytest.mark.parametrize("age", [0, HOUR, 40 * DAY])
def test_after_silence_the_next_try_is_soon_whatever_the_age(silences, wait, age):
    assert policy.after_silence_in(silences, age=age, jitter=0) == wait
    assert wait <= policy.after_silence_in(silences, age=age, jitter=0.999) < 1.5 * wait


@pytest.mark.parametrize(
    ("age", "wait"), [(0, 60), (10 * MINUTE, 60), (HOUR, 600), (DAY, 600), (29 * DAY, 600), (40 * DAY, 600)]
)
def test_in_a_long_outage_old_transactions_are_asked_about_less_often_and_still_every_ten_minutes(age, wait):
    assert policy.after_silence_in(500, age=age, jitter=0) == wait


@pytest.mark.parametrize(
    ("step", "refused", "unanswered"),
    [(1, 30, 5), (2, 60, 10), (3, 120, 20), (4, 300, 40), (5, 300, 60), (99, 300, 60)],
)
def test_the_breaker_stays_open_longer_each_time_up_to_a_limit(step, refused, unanswered):
    assert policy.open_for(step, refused=True) == refused
    assert policy.open_for(step, refused=False) == unanswered


@pytest.mark.parametrize(("attempts", "wait"), [(0, None), (1, 5), (5, 80), (6, None)])
def test_an_unmatched_callback_is_looked_for_again_for_a_while(attempts, wait):
    assert policy.look_again_in(attempts) == wait


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(1, 5), (2, 300), (3, 1800), (4, 2 * HOUR), (5, 5 * HOUR), (8, 20 * HOUR), (9, DAY), (10, None)],
)
def test_a_notice_is_tried_again_over_three_days_and_then_given_up(attempts, wait):
    assert policy.retry_notice_in(attempts, jitter=0) == wait
    if wait is not None:
        stretched = policy.retry_notice_in(attempts, jitter=0.999)
        assert wait < stretched < 1.2 * wait <= policy.LONGEST_NOTICE_WAIT


def test_the_tries_of_a_notice_take_about_three_days():
    assert 3 * DAY < sum(policy.NOTICE_RETRIES) < 3.5 * DAY


@pytest.mark.parametrize(("asked", "wait"), [(0, 5), (3, 5), (60, 60), (HOUR, HOUR), (365 * DAY, HOUR)])
def test_an_application_that_asks_for_rest_gets_it_within_bounds(asked, wait):
    assert policy.retry_notice_in(1, jitter=0, asked=asked) == wait


@pytest.mark.parametrize(("rounds", "rest"), [(1, 1), (2, 5), (3, 15), (4, 60), (6, 300), (99, 300)])
def test_an_application_that_keeps_failing_is_left_alone_for_longer_up_to_a_limit(rounds, rest):
    assert policy.rest_in(rounds) == rest
    assert policy.rest_in(rounds, asked=HOUR) == HOUR


@pytest.mark.parametrize("answer", [0.2, 1, 10, 60])
@pytest.mark.parametrize("connect", [0.1, 3.05, 30])
def test_lengths_nest_whatever_the_gateway_timeouts(connect, answer):
    lengths = Lengths.from_settings(settings(ligdicash_connect_timeout=connect, ligdicash_answer_timeout=answer))
    assert lengths.faults() == []
    assert lengths.reading + lengths.batch + lengths.question < lengths.soft_limit


def test_a_pair_that_does_not_nest_is_named():
    lengths = Lengths.from_settings(settings())
    worse = Lengths(**{name: getattr(lengths, name) for name in Lengths.__slots__} | {"lease": 1.0})
    assert worse.faults() == [f"lock ({lengths.lock:g} s) must be shorter than lease (1 s)"]
