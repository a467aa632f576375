"""Troubles that wait for a person, and those of telling the merchant's application."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import policy
from models.account import DEFAULT
from models.case import CaseKind
from models.check import Lane
from models.errors import PayoutUnknown
from models.payout import PayoutOrder
from models.queries.cases import Signature, end_cases
from models.queries.notice_lines import send_again
from models.queries.payouts import finish_payout
from models.queries.record import NewCase, open_cases
from models.queries.stops import switch_off, switch_on
from models.session import transaction
from models.stop import Switch
from models.transaction import Route
from tasks.notify import notify
from tasks.payouts import create, reject
from tasks.record import record
from tests.alerts.troubles import trouble
from tests.fakes import answers, completed
from tests.ledger import add_pending, add_settled, answered, knock, let_pass, run, value

BY = Signature(author="awa", reason="looked at")
HOUR = timedelta(hours=1)


def end_all_cases(stage):
    with transaction(stage.sessions) as step:
        assert end_cases(step.session, [i for (i,) in run(stage.sessions, "SELECT id FROM cases")], BY)


def payout(amount):
    return PayoutOrder(transaction_id="OUT-1", amount=amount, route=Route.MOBILE_MONEY, customer="22670000000")


@trouble("ReconcilerCaseAboutMoney")
def another_amount(stage):
    [pk] = add_pending(stage.sessions)
    record(stage.tools, [answered(stage.sessions, pk, completed(1, "ORD-1"))], lane=Lane.SWEEP)
    yield
    let_pass(stage.sessions, 5)
    record(stage.tools, [answered(stage.sessions, pk, completed(5000, "ORD-1"))], lane=Lane.SWEEP)
    end_all_cases(stage)


@trouble("ReconcilerCaseOld")
def a_case_nobody_looked_at(stage):
    [callback] = knock(stage.sessions, b"?")
    run(stage.sessions, "UPDATE callbacks SET outcome = 'unreadable', next_try_at = NULL")
    with transaction(stage.sessions) as step:
        open_cases(step.session, [NewCase(kind=CaseKind.UNREADABLE, detail="?", callback_id=callback)])
    stage.let_be_older("cases", "opened_at", 2 * 86_400)
    yield
    end_all_cases(stage)


@trouble("ReconcilerPayoutUnknown")
def a_reply_that_was_lost(stage):
    stage.fakes.gateway.payouts.send_fault = PayoutUnknown("the connection broke")
    with pytest.raises(PayoutUnknown):
        create(stage.tools, payout(500))
    stage.fakes.gateway.payouts.send_fault = None
    stage.let_be_older("transactions", "sent_at", 600)
    yield
    pk = value(stage.sessions, "SELECT id FROM transactions")
    with transaction(stage.sessions) as step:
        assert finish_payout(step.session, pk, token="late", first_check=policy.PAYOUT_FIRST_CHECK)


@trouble("ReconcilerPayoutAwaiting")
def a_payout_above_the_ceiling(stage):
    create(stage.tools, payout(5000))
    stage.let_be_older("transactions", "created_at", 2 * 3600)
    yield
    reject(stage.tools, "OUT-1", BY)


@trouble("ReconcilerSwitchOff")
def a_switch_that_was_forgotten(stage):
    with transaction(stage.sessions) as step:
        switch_off(step.session, Switch.SETTLE, author="awa", reason="answers look wrong", length=10 * HOUR)
    stage.let_be_older("stops", "off_at", 5 * 3600)
    yield
    with transaction(stage.sessions) as step:
        switch_on(step.session, Switch.SETTLE, author="awa")


@trouble("ReconcilerNoticesFailing")
def an_application_that_is_away(stage):
    add_settled(stage.sessions, tools=stage.tools)
    stage.fakes.merchant.says = lambda _: answers(503)
    notify(stage.tools)
    stage.let_be_older("notices", "created_at", 1800)
    yield
    application_is_back(stage)


@trouble("ReconcilerNoticesStopped")
def an_application_that_is_gone(stage):
    add_settled(stage.sessions, tools=stage.tools)
    stage.fakes.merchant.says = lambda _: answers(410)
    notify(stage.tools)
    yield
    with transaction(stage.sessions) as step:
        assert send_again(step.session, DEFAULT, [], failed=True)
    end_all_cases(stage)
    application_is_back(stage)


def application_is_back(stage):
    stage.fakes.merchant.says = lambda _: answers(200)
    run(stage.sessions, "UPDATE notices SET next_try_at = now() WHERE next_try_at IS NOT NULL")
    run(stage.sessions, "UPDATE endpoints SET rest_until = now()")
    assert notify(stage.tools)
