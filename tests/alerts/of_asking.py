"""Troubles of asking: nobody there to ask, nothing that may be asked, and a gateway that does not answer."""

from __future__ import annotations

import time

from models.account import DEFAULT
from models.check import Lane
from models.queries.accounts import no_longer_missed
from models.session import transaction
from tasks.confirm import confirm
from tasks.replay import work_batch
from tasks.sweep import SWEPT
from tasks.toolbox import Heard
from tests.alerts.troubles import trouble
from tests.fakes import pending
from tests.ledger import add_pending
from tests.plans import add_failed, all_paid, approve, plan
from worker.breaker import FleetStore
from worker.circuit import Circuit, dump
from worker.fleet import Fleet, credential_name


@trouble("ReconcilerWorkerGone")
def no_worker(stage):
    stage.stop("reconciler-worker")
    yield
    stage.start("reconciler-worker")


@trouble("ReconcilerSweepStopped")
def nobody_rings(stage):
    stage.age_sign(SWEPT, 300)
    yield
    stage.app.tasks["reconciler.sweep"].apply()


@trouble("ReconcilerBeatGone")
def no_beat(stage):
    stage.stop("reconciler-beat")
    yield
    stage.start("reconciler-beat")


@trouble("ReconcilerProcessDown")
def one_that_does_not_come_back(stage):
    stage.stop("reconciler-beat")
    yield
    stage.start("reconciler-beat")


@trouble("ReconcilerOverdue")
def nobody_asks(stage):
    pks = add_pending(stage.sessions, due_in=-600)
    stage.fakes.gateway.says("token-of-ORD-1", pending(amount=5000, references=("ORD-1",)))
    yield
    confirm(stage.tools, pks, lane=Lane.SWEEP)


def breaker(stage):
    return stage.desk.tools.account(DEFAULT).breaker


@trouble("ReconcilerBreakerOpen")
def a_gateway_that_is_silent(stage):
    settings = stage.desk.settings
    keys = credential_name(
        settings.ligdicash_api_key.get_secret_value(), settings.ligdicash_api_token.get_secret_value()
    )
    store = FleetStore(Fleet(stage.redis), name=f"{DEFAULT}:{keys}")
    lasting = Circuit(silences=50, silent_since=time.time() - 600)  # as many questions leave it behind in ten minutes
    assert store.swap("", dump(lasting))
    breaker(stage).report(Heard(silences=5, reason="timed out"))
    yield
    text = store.read()[1]
    assert store.swap(text, "")  # as its probe does, when it is due and answered


@trouble("ReconcilerGatewayRefusesKeys")
def a_gateway_that_refuses(stage):
    breaker(stage).report(Heard(refusals=1, reason="Code00: authentication failed"))
    yield
    stage.redis.flushdb()
    stage.all_is_well()


@trouble("ReconcilerBudgetExhausted")
def more_questions_than_may_be_asked(stage):
    budget = stage.desk.tools.account(DEFAULT).budget
    for lane in (Lane.CALLBACK, Lane.PERSON):
        assert budget.take(lane, 10_000).granted
    yield
    stage.all_is_well()


@trouble("ReconcilerQueueLong")
def a_queue_that_nobody_takes(stage):
    stage.redis.rpush("reconciler:recheck", *["{}"] * 1001)
    yield
    stage.redis.delete("reconciler:recheck")


@trouble("ReconcilerTasksFail")
def a_bug(stage):
    stage.app.tasks["reconciler.ask"].apply(args=([1], "no such lane"))
    yield
    stage.app.tasks["reconciler.ask"].apply(args=([], "sweep"))


@trouble("ReconcilerReplayStuck")
def a_plan_nobody_works_at(stage):
    add_failed(stage.sessions, 3)
    add_pending(stage.sessions, 3)
    all_paid(stage.fakes.gateway, 3)
    plan_id = plan(stage.tools)
    approve(stage.tools, plan_id)
    yield
    while work_batch(stage.tools, plan_id):
        pass


@trouble("ReconcilerQuestionsWithoutAccount")
def payments_of_an_account_that_is_gone(stage):
    pks = add_pending(stage.sessions, account="shop-2")
    confirm(stage.tools, pks, lane=Lane.SWEEP)
    yield
    with transaction(stage.sessions) as step:
        no_longer_missed(step.session, [DEFAULT, "shop-2"])
