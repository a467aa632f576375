"""The cost model: every part has room for twice the traffic, and what is full first comes first."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import policy
from config.costs import ELSEWHERE, MEASURED, QUESTIONS_A_CORE, SOURCES, Costs
from config.settings import Settings
from config.sizing import (
    BATCH,
    BUSY,
    DEFAULT_FLEET,
    LEAST_WORKERS,
    OVERFLOW,
    POSTGRES_DEFAULT_CONNECTIONS,
    REDIS_FILLED,
    Load,
    Part,
    ceilings,
    fleet_for,
    size_for,
)
from worker.ops.doctor import database, redis_server
from worker.web import ringer

LOADS = st.builds(
    Load,
    rate=st.floats(0.001, 100_000),
    gateway_latency=st.floats(0.001, 60),
    questions_per_payment=st.floats(1, 100),
    application_latency=st.floats(0, 60),
)

BENCHMARKS = Path(__file__).parents[2] / "docs" / "benchmarks.json"

IN_REACH = 2.0
"""Times by which a cost and the last measurement of it may differ: machines and hours do."""


def full_at(found, part):
    return next(one.rate for one in found if one.part is part)


@given(LOADS)
def test_each_part_that_can_be_multiplied_has_room_for_twice_the_traffic(load):
    found = size_for(load).ceilings
    for part in (Part.DOORS, Part.WORKERS, Part.IN_FLIGHT, Part.GATEWAY_RATE, Part.POSTGRES):
        assert full_at(found, part) >= load.rate / BUSY * 0.999, part


@given(LOADS)
def test_no_setting_goes_below_its_default(load):
    fleet = fleet_for(load)
    assert fleet.concurrency >= Settings.model_fields["ligdicash_concurrency"].default
    assert fleet.gateway_rate >= Settings.model_fields["ligdicash_rate"].default
    assert fleet.sweep_batch >= Settings.model_fields["sweep_batch"].default
    assert fleet.spool_mb >= Settings.model_fields["spool_max_mb"].default
    assert fleet.workers >= LEAST_WORKERS


@given(LOADS)
def test_what_is_full_first_comes_first(load):
    rates = [one.rate for one in size_for(load).ceilings]
    assert rates == sorted(rates)


@given(LOADS, st.floats(1, 10))
def test_more_traffic_never_needs_less(load, times):
    less, more = size_for(load), size_for(replace(load, rate=load.rate * times))
    assert more.fleet.doors >= less.fleet.doors
    assert more.fleet.workers >= less.fleet.workers
    assert more.needs.cores >= less.needs.cores
    assert more.needs.disk_gb >= less.needs.disk_gb
    assert more.nights <= less.nights


def test_questions_under_way_are_by_littles_law_how_many_come_times_how_long_each_takes():
    load = Load(rate=500, gateway_latency=0.4, questions_per_payment=1.5)
    assert load.questions == 375
    assert load.in_flight == 150


def test_a_slow_gateway_costs_connections_first_and_workers_after():
    quick, slow, slowest = (fleet_for(Load(rate=100, gateway_latency=latency)) for latency in (0.1, 2, 60))
    assert (quick.workers, quick.concurrency) == (2, 16)  # 7.5 under way
    assert (slow.workers, slow.concurrency) == (3, 100)  # 150
    assert (slowest.workers, slowest.concurrency) == (90, 100)  # 4,500


def test_a_fleet_that_nobody_changed_is_bounded_by_its_connections_before_a_slow_gateway():
    first = ceilings(DEFAULT_FLEET, Load(rate=20, gateway_latency=2, questions_per_payment=1))[0]
    assert first.part is Part.IN_FLIGHT
    assert first.rate == pytest.approx(2 * 16 / 2 * 2)


def test_before_a_quick_gateway_it_is_bounded_by_the_rate_of_its_credential():
    first = ceilings(DEFAULT_FLEET, Load(rate=20, gateway_latency=0.05))[0]
    assert first.part is Part.GATEWAY_RATE
    assert first.rate == pytest.approx(50 / 1.5 * 2)


def test_without_an_address_for_notices_pushing_them_bounds_nothing():
    found = ceilings(DEFAULT_FLEET, Load(rate=10, gateway_latency=0.4, application_latency=0))
    assert Part.NOTICES not in [one.part for one in found]


def test_pools_shrink_once_they_would_not_fit_into_a_server_that_nobody_set_up():
    small, large = (fleet_for(Load(rate=rate, gateway_latency=0.2)) for rate in (50, 20_000))
    assert small.pool_size == Settings.model_fields["database_pool_size"].default
    assert small.max_connections <= POSTGRES_DEFAULT_CONNECTIONS
    assert large.pool_size < small.pool_size


@pytest.mark.parametrize("name", sorted(field.name for field in fields(Costs) if "cpu" in field.name))
def test_what_costs_twice_is_full_at_half(name):
    load = Load(rate=1000, gateway_latency=0.4, application_latency=0)
    fleet = fleet_for(load)
    dearer = replace(MEASURED, **{name: 2 * getattr(MEASURED, name)})
    before, after = ceilings(fleet, load), ceilings(fleet, load, costs=dearer)
    assert {one.part for one in before} == {one.part for one in after}
    assert sum(one.rate for one in after) < sum(one.rate for one in before)


def test_what_the_model_takes_from_other_rooms_is_as_it_is_there():
    """The ground floor imports from no room above it."""
    assert policy.ASK_BATCH == BATCH
    assert MEASURED.rest == ringer.REST
    assert redis_server.NEARLY_FULL == REDIS_FILLED
    assert database.OVERFLOW == OVERFLOW


def measured(source):
    """The median of the last run, in our unit."""
    return (
        json.loads(BENCHMARKS.read_text(encoding="utf-8"))["chapters"][source.chapter]["medians"][source.series]
        * source.unit
    )


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_each_cost_is_within_reach_of_the_last_measurement(name):
    ours, theirs = getattr(MEASURED, name), measured(SOURCES[name])
    assert 1 / IN_REACH <= ours / theirs <= IN_REACH, f"config/costs.py: {ours:g}, measured: {theirs:g}"


def test_a_further_question_costs_about_what_the_sweep_measured():
    a_core = 1 / (MEASURED.question_cpu + MEASURED.question_postgres_cpu)
    assert 1 / IN_REACH <= a_core / measured(QUESTIONS_A_CORE) <= IN_REACH


def test_every_cost_says_where_it_was_measured():
    assert sorted(field.name for field in fields(Costs)) == sorted([*SOURCES, *ELSEWHERE])
