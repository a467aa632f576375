"""Creating and registering: the row comes first, the gateway is called once, and no reply is lost without a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event

from models.check import Lane
from models.errors import Conflict, GatewayMisconfigured, GatewayRefused, NotSent, OutcomeUnknown, StoreAway
from models.order import InvoiceOrder
from models.transaction import Status
from tasks import tokens
from tasks.confirm import confirm
from tasks.invoices import create, register
from tasks.sweep import sweep
from tasks.toolbox import Shop
from tests.fakes import CALLBACK_URL, toolbox, with_own
from tests.ledger import all_at_once, cases, count, due_in, let_pass, row, run, value

ORDER = InvoiceOrder(transaction_id="ORD-1", amount=5000, description="shoes")
LOST = OutcomeUnknown("the gateway did not answer")


def only(sessions):
    return row(sessions, value(sessions, "SELECT id FROM transactions"))


class Outage:
    """Sessions that cannot be had for the next `times` calls once it has begun."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.times = 0

    def __call__(self):
        if self.times > 0:
            self.times -= 1
            raise StoreAway("the database went away")
        return self.sessions()


@pytest.fixture
def quick(monkeypatch):
    """Storing is tried again without the second in between."""
    pauses = []
    monkeypatch.setattr(tokens.time, "sleep", pauses.append)
    return pauses


def test_a_created_invoice_is_pending_with_its_token_and_first_check(sessions, fakes, tools):
    booked = create(tools, ORDER)
    assert booked.is_new
    assert booked.invoice.status == Status.PENDING
    assert booked.invoice.token == "token-1-of-ORD-1"
    assert booked.invoice.payment_url.startswith("https://gateway.example/pay/")
    assert 119 < due_in(sessions, booked.invoice.id) <= 120
    assert [order.callback_url for order in fakes.gateway.orders] == [CALLBACK_URL]


def test_the_row_is_stored_before_the_gateway_is_called_and_no_transaction_is_open_then(sessions, fakes, tools):
    seen = []

    def look(_order):
        seen.append((sessions.kw["bind"].pool.checkedout(), value(sessions, "SELECT status FROM transactions")))

    fakes.gateway.during_create = look
    create(tools, ORDER)
    assert seen == [(0, "created")]


def test_the_shop_of_the_settings_fills_what_the_order_leaves_open(sessions, fakes):
    tools = toolbox(sessions, fakes)
    shop = Shop(callback_url=CALLBACK_URL, name="Shop", return_url="https://shop.example/ok")
    tools = with_own(tools, fakes, shop=shop)
    create(tools, replace(ORDER, store_name="Stall"))
    [sent] = fakes.gateway.orders
    assert (sent.store_name, sent.return_url, sent.callback_url) == ("Stall", "https://shop.example/ok", CALLBACK_URL)


def test_the_same_order_again_gives_the_same_invoice_without_calling_the_gateway(fakes, tools):
    first = create(tools, ORDER)
    again = create(tools, ORDER)
    assert (again.is_new, again.invoice.id, again.invoice.token) == (False, first.invoice.id, first.invoice.token)
    assert len(fakes.gateway.orders) == 1


@pytest.mark.parametrize("change", [{"amount": 5001}, {"description": "boots"}, {"custom_data": {"color": "red"}}])
def test_another_order_under_the_same_id_is_a_conflict(fakes, tools, change):
    create(tools, ORDER)
    with pytest.raises(Conflict, match="ORD-1"):
        create(tools, replace(ORDER, **change))
    assert len(fakes.gateway.orders) == 1


def test_the_same_order_sent_many_times_at_once_reaches_the_gateway_once(sessions, fakes, tools):
    booked = all_at_once(*[lambda: create(tools, ORDER)] * 5)
    assert len(fakes.gateway.orders) == 1
    assert [one.is_new for one in booked].count(True) == 1
    assert count(sessions, "transactions") == 1


def test_a_lost_reply_leaves_a_parked_row_with_a_case_and_is_not_sent_again(sessions, fakes, tools):
    fakes.gateway.create_fault = LOST
    with pytest.raises(OutcomeUnknown):
        create(tools, ORDER)
    hole = only(sessions)
    assert (hole.status, hole.token) == (Status.CREATED, None)
    assert hole.parked_at is not None
    assert cases(sessions) == ["token_lost"]
    fakes.gateway.create_fault = None
    assert not create(tools, ORDER).is_new
    assert fakes.gateway.orders == []


def test_a_lost_reply_with_the_database_gone_too_is_found_by_the_sweep(sessions, fakes):
    outage = Outage(sessions)
    tools = toolbox(outage, fakes)
    fakes.gateway.create_fault = LOST
    fakes.gateway.during_create = lambda _order: setattr(outage, "times", 1)
    with pytest.raises(OutcomeUnknown):
        create(tools, ORDER)
    assert cases(sessions) == []
    let_pass(sessions, 121)
    assert sweep(tools).parked == 1
    assert cases(sessions) == ["token_lost"]


def test_a_creator_killed_in_mid_call_leaves_a_hole_that_the_sweep_finds(sessions, fakes, tools):
    def die(_order):
        raise KeyboardInterrupt

    fakes.gateway.during_create = die
    with pytest.raises(KeyboardInterrupt):
        create(tools, ORDER)
    let_pass(sessions, 121)
    assert sweep(tools).parked == 1
    assert cases(sessions) == ["token_lost"]


@pytest.mark.parametrize("fault", [GatewayRefused("Code02"), GatewayMisconfigured("Code01"), NotSent("no route")])
def test_an_order_the_gateway_did_not_take_may_be_sent_again_unchanged(sessions, fakes, tools, fault):
    fakes.gateway.create_fault = fault
    with pytest.raises(type(fault)):
        create(tools, ORDER)
    assert (only(sessions).status, only(sessions).refusal) == (Status.REFUSED, str(fault))
    assert due_in(sessions, only(sessions).id) is None
    fakes.gateway.create_fault = None
    booked = create(tools, ORDER)
    assert booked.is_new
    assert booked.invoice.status == Status.PENDING
    assert count(sessions, "transactions") == 1


def test_a_refused_order_retried_by_many_at_once_reaches_the_gateway_once(fakes, tools):
    fakes.gateway.create_fault = GatewayRefused("Code02")
    with pytest.raises(GatewayRefused):
        create(tools, ORDER)
    fakes.gateway.create_fault = None
    booked = all_at_once(*[lambda: create(tools, ORDER)] * 4)
    assert len(fakes.gateway.orders) == 1
    assert {one.invoice.status for one in booked} <= {Status.CREATED, Status.PENDING}


def test_a_refused_order_taken_up_after_a_month_is_asked_about_like_a_new_one(sessions, fakes, tools):
    fakes.gateway.create_fault = NotSent("no route")
    with pytest.raises(NotSent):
        create(tools, ORDER)
    let_pass(sessions, 40 * 86_400)
    fakes.gateway.create_fault = None
    pk = create(tools, ORDER).invoice.id
    confirm(tools, [pk], lane=Lane.SWEEP)
    assert 9 < due_in(sessions, pk) <= 11


@pytest.mark.parametrize("times", [1, tokens.ATTEMPTS - 1])
def test_the_token_survives_a_short_outage_of_the_database(sessions, fakes, quick, times):
    outage = Outage(sessions)
    fakes.gateway.during_create = lambda _order: setattr(outage, "times", times)
    booked = create(toolbox(outage, fakes), ORDER)
    assert booked.invoice.token == "token-1-of-ORD-1"
    assert quick == [1] * times


def test_a_token_that_cannot_be_stored_is_said_so_and_never_logged(sessions, fakes, quick, logs):
    outage = Outage(sessions)
    tools = toolbox(outage, fakes)
    fakes.gateway.during_create = lambda _order: setattr(outage, "times", tokens.ATTEMPTS)
    with pytest.raises(OutcomeUnknown) as caught:
        create(tools, ORDER)
    assert "token-1" not in f"{caught.value!r}{logs}"
    assert len(quick) == tokens.ATTEMPTS - 1
    let_pass(sessions, 121)
    assert sweep(tools).parked == 1
    assert cases(sessions) == ["token_lost"]


def test_registering_takes_over_an_invoice_without_calling_the_gateway(fakes, tools):
    booked = register(tools, ORDER, token="theirs", payment_url="https://p")
    assert booked.is_new
    assert (booked.invoice.status, booked.invoice.token) == (Status.PENDING, "theirs")
    assert fakes.gateway.orders == []
    again = register(tools, ORDER, token="theirs")
    assert (again.is_new, again.invoice.id) == (False, booked.invoice.id)


def test_registering_a_token_that_is_in_use_is_a_conflict_and_leaves_no_trace(sessions, tools):
    register(tools, ORDER, token="theirs")
    other = replace(ORDER, transaction_id="ORD-2")
    with pytest.raises(Conflict, match="token"):
        register(tools, other, token="theirs")
    assert run(sessions, "SELECT transaction_id FROM transactions") == [("ORD-1",)]
    assert register(tools, other, token="the right one").is_new


def test_registering_another_token_under_the_same_id_is_a_conflict(tools):
    register(tools, ORDER, token="theirs")
    with pytest.raises(Conflict, match="ORD-1"):
        register(tools, ORDER, token="another")


def test_a_registration_that_broke_can_be_sent_again_and_is_never_a_hole(sessions, tools):
    def cut(_connection, _cursor, statement, *_rest):
        if "status = 'pending'" in statement:
            raise StoreAway("in the middle")

    event.listen(sessions.kw["bind"], "before_cursor_execute", cut)
    with pytest.raises(StoreAway):
        register(tools, ORDER, token="theirs")
    event.remove(sessions.kw["bind"], "before_cursor_execute", cut)
    assert count(sessions, "transactions") == 0
    assert register(tools, ORDER, token="theirs").invoice.token == "theirs"


def test_the_same_registration_sent_many_times_at_once_is_one(tools):
    booked = all_at_once(*[lambda: register(tools, ORDER, token="theirs")] * 5)
    assert [one.is_new for one in booked].count(True) == 1
    assert {one.invoice.token for one in booked} == {"theirs"}
