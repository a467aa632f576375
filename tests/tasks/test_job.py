"""What every task shares: tools built once per process, expected trouble swallowed in one line, surprises passed on."""

from __future__ import annotations

import pytest
from celery import Celery

from models.errors import NoAnswer, SettingsFault, StoreAway
from tasks.job import Job, provide_tools, tools_of
from tests.fakes import toolbox
from tests.ledger import all_at_once


@pytest.fixture
def app():
    return Celery("tests", broker="memory://", set_as_current=False)


def task(app, work):
    @app.task(bind=True, base=Job, name="tests.work", shared=False)
    def run(self, *args):
        return work(self, *args)

    return run


@pytest.mark.parametrize("trouble", [StoreAway("the database is gone"), NoAnswer("the gateway is silent")])
def test_trouble_that_passes_is_one_line_and_no_error(app, logs, trouble):
    def work(_self):
        raise trouble

    assert task(app, work)() is None
    [line] = logs
    assert (line["event"], line["reason"], line["log_level"]) == ("put_off", str(trouble), "warning")


@pytest.mark.parametrize("surprise", [ZeroDivisionError(), SettingsFault("X is not set")])
def test_a_surprise_goes_on_to_celery(app, logs, surprise):
    def work(_self):
        raise surprise

    with pytest.raises(type(surprise)):
        task(app, work)()
    assert logs == []


def test_celery_itself_sees_success_after_trouble_that_passes_and_failure_after_a_surprise(app):
    def work(_self, kind):
        raise StoreAway("gone") if kind == "passes" else ZeroDivisionError

    job = task(app, work)
    assert job.apply(args=["passes"]).successful()
    assert job.apply(args=["surprise"]).failed()


def test_tools_are_built_on_first_use_and_kept(app):
    built = []
    provide_tools(app, lambda: built.append(toolbox(None)) or built[-1])
    assert built == []
    seen = task(app, lambda self: self.tools)
    assert seen() is seen() is built[0]
    assert len(built) == 1


def test_tools_are_built_anew_after_a_fork_told_of_itself(app):
    provide_tools(app, lambda: toolbox(None))
    before = tools_of(app)
    provide_tools(app, lambda: toolbox(None))
    assert tools_of(app) is not before


def test_threads_that_need_the_tools_at_once_share_one_toolbox(app):
    built = []
    provide_tools(app, lambda: built.append(toolbox(None)) or built[-1])
    found = all_at_once(*[lambda: tools_of(app)] * 8)
    assert {id(tools) for tools in found} == {id(built[0])}
    assert len(built) == 1
