"""Listening for callbacks: what is told when they stop, for everybody or for one operator, and what is no silence."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tasks.job import provide_tools
from tasks.listen import hushes, listen, read_learned, tell
from tests.fakes import settings_for
from tests.ledger import claim, knock
from tests.settled import put_settled
from worker.app import make_app

ORANGE, MOOV = "ORANGE BURKINA", "MOOV AFRICA"


@pytest.fixture
def found(sessions):
    return lambda: hushes(read_learned(sessions))


def test_on_empty_books_nothing_is_silent(found):
    assert found() == []


def test_while_callbacks_come_nothing_is_silent(sessions, found):
    put_settled(sessions, 50, ago=2 * 3600, heard=3)
    put_settled(sessions, 5, ago=600)
    put_settled(sessions, 15, ago=300, heard=3)
    assert found() == []


def test_callbacks_that_never_came_are_silent(sessions, found):
    put_settled(sessions, 10, ago=60)
    [hush] = found()
    assert (hush.operator, hush.since, hush.announced) == (None, None, 0)


def test_a_sharp_end_is_told_with_the_time_of_the_last_callback(sessions, found):
    put_settled(sessions, 50, ago=700, heard=3)
    put_settled(sessions, 12, ago=400)
    [hush] = found()
    assert hush.operator is None
    assert hush.since == read_learned(sessions).heard_at
    assert (hush.completed, hush.usual) == (10, 0.3)


def test_a_small_shop_is_told_too(sessions, found):
    put_settled(sessions, 1, ago=20 * 3600, heard=3)
    for hour in range(12, 1, -1):
        put_settled(sessions, 1, ago=hour * 3600)
    assert [hush.operator for hush in found()] == [None]


def test_a_collapse_is_told_though_a_callback_comes_now_and_then(sessions, found):
    put_settled(sessions, 100, ago=2 * 3600, heard=3)
    put_settled(sessions, 30, ago=900)
    put_settled(sessions, 1, ago=10, heard=3)
    [hush] = found()
    assert (hush.operator, hush.completed, hush.announced, hush.usual) == (None, 31, 1, 1.0)


def test_one_operator_alone_is_told_by_its_name(sessions, found):
    put_settled(sessions, 60, ago=2 * 3600, heard=3, operator=ORANGE)
    put_settled(sessions, 40, ago=2 * 3600, heard=3, operator=MOOV)
    put_settled(sessions, 12, ago=600, operator=MOOV)
    put_settled(sessions, 30, ago=300, heard=3, operator=ORANGE)
    [hush] = found()
    assert (hush.operator, hush.completed, hush.announced) == (MOOV, 12, 0)


def test_an_operator_with_few_payments_is_not_judged(sessions, found):
    put_settled(sessions, 60, ago=2 * 3600, heard=3, operator=ORANGE)
    put_settled(sessions, 9, ago=600, operator=MOOV)
    put_settled(sessions, 30, ago=300, heard=3, operator=ORANGE)
    assert found() == []


def test_without_payments_no_silence_can_be_told(sessions, found):
    put_settled(sessions, 100, ago=2 * 3600, heard=3)
    assert found() == []


def test_callbacks_that_we_have_not_read_yet_are_no_silence_of_theirs(sessions, found):
    put_settled(sessions, 100, ago=2 * 3600, heard=3)
    put_settled(sessions, 20, ago=400)
    assert len(found()) == 1
    knock(sessions, *[claim(f"ORD-{n}") for n in range(6)])
    assert found() == []


def test_the_task_tells_of_each_hush_as_an_error(sessions, tools):
    app = make_app(settings_for("postgresql://nobody@127.0.0.1:1/none"))
    app.loader.import_default_modules()
    provide_tools(app, lambda: tools)
    put_settled(sessions, 10, ago=60)
    with capture_logs() as logs:
        app.tasks[listen.name]()
    [line] = [line for line in logs if line["event"] == "callbacks_silent"]
    assert (line["log_level"], line["operator"], line["completed"], line["last_callback_at"]) == ("error", "", 10, None)
    app.close()


def test_while_all_is_well_it_tells_the_figures(sessions):
    put_settled(sessions, 10, ago=60, heard=3)
    with capture_logs() as logs:
        assert tell(sessions) == []
    assert [(line["event"], line["log_level"], line["announced"]) for line in logs] == [("callbacks_heard", "info", 10)]
