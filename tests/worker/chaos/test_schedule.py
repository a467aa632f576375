"""The schedule: the same seed draws the same strikes, every kind is in it, and what shares a target never overlaps."""

from __future__ import annotations

from itertools import combinations

import pytest

from worker.chaos.schedule import QUIET, RECOVERY, TERMS, Kind, Strike, draw_schedule

LENGTHS = [10, 20, 60, 180, 600]


def test_one_seed_and_length_draw_one_schedule():
    first = draw_schedule(seconds=120, seed=3)
    assert first == draw_schedule(seconds=120, seed=3)
    assert first != draw_schedule(seconds=120, seed=4)


def test_the_schedule_of_a_seed_stays_what_it_was_in_earlier_releases():
    assert draw_schedule(seconds=20, seed=7) == [
        Strike(at=2.6, kind=Kind.CLOCK_AHEAD, lasts=5.5),
        Strike(at=4.3, kind=Kind.KILL_POSTGRES, lasts=0.0),
        Strike(at=6.8, kind=Kind.KILL_BEAT, lasts=0.0),
        Strike(at=8.9, kind=Kind.FREEZE_REDIS, lasts=2.5),
        Strike(at=10.8, kind=Kind.RESTART_POSTGRES, lasts=0.0),
        Strike(at=12.1, kind=Kind.KILL_WEB, lasts=0.0),
        Strike(at=14.8, kind=Kind.KILL_WORKER, lasts=0.0),
    ]


@pytest.mark.parametrize("seed", range(20))
def test_from_three_minutes_on_every_kind_strikes(seed):
    assert {strike.kind for strike in draw_schedule(seconds=180, seed=seed)} == set(Kind)


def test_ten_minutes_have_more_than_ninety_strikes():
    assert all(len(draw_schedule(seconds=600, seed=seed)) > 90 for seed in range(20))


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("seed", range(5))
def test_strikes_come_in_order_last_as_long_as_they_may_and_leave_the_end_quiet(seconds, seed):
    schedule = draw_schedule(seconds=seconds, seed=seed)

    assert [strike.at for strike in schedule] == sorted(strike.at for strike in schedule)
    assert all(TERMS[strike.kind].low <= strike.lasts <= TERMS[strike.kind].high for strike in schedule)
    assert max(strike.until for strike in schedule) <= seconds - min(QUIET, seconds / 4)


@pytest.mark.parametrize("seconds", LENGTHS)
@pytest.mark.parametrize("seed", range(5))
def test_what_shares_a_target_is_over_and_recovered_from_before_the_next(seconds, seed):
    for one, other in combinations(draw_schedule(seconds=seconds, seed=seed), 2):
        if set(TERMS[one.kind].targets) & set(TERMS[other.kind].targets):
            assert other.at >= one.until + RECOVERY


def test_strikes_on_different_targets_do_overlap():
    schedule = draw_schedule(seconds=600, seed=1)
    assert any(one.until > other.at for one, other in combinations(schedule, 2))


def test_every_kind_has_its_terms():
    assert set(TERMS) == set(Kind)
