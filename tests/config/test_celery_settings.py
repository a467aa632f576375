"""Celery's options hold what the jobs rely on: lengths that nest, queues that exist, messages that may be lost."""

from __future__ import annotations

import pytest
from celery.app.defaults import NAMESPACES, flatten

from config import policy, retention
from config.celery_settings import (
    ASK,
    CALLBACKS,
    CONTROL,
    FRESH,
    LISTEN,
    NOTICES,
    NOTIFY,
    PRUNE,
    READ,
    RECHECK,
    REPLAY,
    SEND,
    SWEEP,
    WATCH,
    celery_settings,
)
from config.policy import Lengths
from tests.fakes import settings_for
from worker.app import make_app

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


def options(**changes):
    return celery_settings(settings_for(NO_DATABASE, **changes))


@pytest.mark.parametrize("timeouts", [(3.05, 10), (0.1, 0.1), (30, 60), (1, 60)])
def test_each_length_is_shorter_than_the_next_whatever_the_gateways_timeouts(timeouts):
    connect, answer = timeouts
    settings = settings_for(NO_DATABASE, ligdicash_connect_timeout=connect, ligdicash_answer_timeout=answer)
    lengths = Lengths.from_settings(settings)
    found = celery_settings(settings)
    ladder = [
        connect + answer,
        found["task_soft_time_limit"],
        found["task_time_limit"],
        lengths.lock,
        lengths.lease,
        found["broker_transport_options"]["visibility_timeout"],
        lengths.retry,
    ]
    assert ladder == sorted(ladder)
    assert len(set(ladder)) == len(ladder)
    assert lengths.faults() == []
    assert lengths.batch + lengths.question < found["task_soft_time_limit"]


@pytest.mark.parametrize("timeouts", [(3.05, 10), (0.1, 0.1), (30, 60)])
@pytest.mark.parametrize("delivery", [0.1, 5, 30])
def test_the_lengths_of_delivering_nest_too_whatever_the_gateways_timeouts(timeouts, delivery):
    connect, answer = timeouts
    settings = settings_for(
        NO_DATABASE,
        ligdicash_connect_timeout=connect,
        ligdicash_answer_timeout=answer,
        notice_timeout=delivery,
    )
    lengths, found = Lengths.from_settings(settings), celery_settings(settings)
    limits = found["task_annotations"][NOTIFY]
    assert lengths.telling.rounds + delivery < limits["soft_time_limit"] < limits["time_limit"] < lengths.telling.lease
    assert lengths.telling.lease < found["broker_transport_options"]["visibility_timeout"] < lengths.retry
    assert lengths.faults() == []


def test_a_length_out_of_order_is_named():
    shuffled = Lengths(question=13, batch=6, soft_limit=24, hard_limit=29, lock=60, lease=39, visibility=44, retry=49)
    assert shuffled.faults() == ["lock (60 s) must be shorter than lease (39 s)"]


def test_every_route_names_a_queue_that_exists_and_a_task_that_is_registered():
    app = make_app(settings_for(NO_DATABASE))
    app.loader.import_default_modules()
    queues = {queue.name for queue in app.conf.task_queues}
    assert queues == {CALLBACKS, FRESH, RECHECK, NOTICES, CONTROL}
    assert set(app.conf.task_routes) == {READ, ASK, SWEEP, WATCH, LISTEN, NOTIFY, REPLAY, PRUNE, SEND}
    for task, route in app.conf.task_routes.items():
        assert task in app.tasks
        assert route["queue"] in queues
    assert app.conf.task_default_queue in queues
    app.close()


def test_beat_rings_for_a_registered_task_and_an_old_ring_expires():
    app = make_app(settings_for(NO_DATABASE, sweep_every=1.5))
    app.loader.import_default_modules()
    entry = app.conf.beat_schedule["sweep"]
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    assert entry["schedule"] == 1.5
    assert 0 < entry["options"]["expires"] <= 5
    assert app.conf.beat_max_loop_interval <= entry["schedule"]
    app.close()


def test_fsck_looks_back_further_than_its_runs_are_apart_and_an_old_ring_expires():
    entry = options()["beat_schedule"]["watch"]
    assert entry["task"] == WATCH
    [lately] = entry["args"]
    assert lately >= 2 * entry["schedule"].total_seconds() == 2 * policy.WATCH_EVERY.total_seconds()
    assert entry["options"]["expires"] <= entry["schedule"].total_seconds()


def test_fsck_runs_in_full_each_night_with_limits_of_its_own():
    entry = options()["beat_schedule"]["watch_in_full"]
    assert (entry["task"], entry.get("args")) == (WATCH, None)
    assert (entry["schedule"].hour, entry["schedule"].minute) == ({3}, {0})
    limits = entry["options"]
    assert options()["task_time_limit"] < limits["soft_time_limit"] < limits["time_limit"]


def test_a_long_fsck_is_not_delivered_again_while_it_runs():
    app = make_app(settings_for(NO_DATABASE))
    app.loader.import_default_modules()
    assert (
        app.conf.beat_schedule["watch_in_full"]["options"]["time_limit"]
        > (app.conf.broker_transport_options["visibility_timeout"])
    )
    assert not app.tasks[WATCH].acks_late
    app.close()


@pytest.mark.parametrize(("cores", "slots"), [(None, 2), (1, 2), (8, 8)])
def test_a_worker_on_one_core_settles_also_while_the_books_are_audited(monkeypatch, cores, slots):
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert options()["worker_concurrency"] == slots


def test_a_message_leaves_the_broker_when_its_work_is_done_and_is_never_retried_by_celery():
    found = options()
    assert found["task_acks_late"]
    assert found["task_reject_on_worker_lost"]
    assert found["task_acks_on_failure"]
    assert found["worker_prefetch_multiplier"] == 1


def test_only_json_is_taken_from_the_broker_and_nobody_keeps_results():
    found = options()
    assert found["accept_content"] == ["json"]
    assert found["task_serializer"] == "json"
    assert found["result_backend"] is None
    assert found["task_ignore_result"]


def test_no_call_to_the_broker_may_hang_for_ever():
    transport = options()["broker_transport_options"]
    assert 0 < transport["socket_timeout"] <= 10
    assert 0 < transport["socket_connect_timeout"] <= 5


def test_celery_knows_every_option_by_that_name():
    known = {name for name, _ in flatten(NAMESPACES)}
    assert sorted(name for name in options() if name not in known) == []


def test_somebody_listens_for_callbacks_once_an_hour():
    entry = options()["beat_schedule"]["listen"]
    assert (entry["task"], entry["schedule"].total_seconds()) == (LISTEN, 3600)
    assert entry["options"]["expires"] <= entry["schedule"].total_seconds()


def test_erasing_is_done_at_night_beside_no_fsck_in_full_and_ends_before_the_broker_would_send_it_again():
    found = options()
    entry = found["beat_schedule"]["prune"]
    assert entry["task"] == PRUNE
    assert not entry["schedule"].hour & found["beat_schedule"]["watch_in_full"]["schedule"].hour
    assert retention.TURN < entry["options"]["soft_time_limit"] < entry["options"]["time_limit"]
