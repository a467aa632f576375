"""Sending money out: the mark comes first, one caller has it, and what may be under way is never sent again."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import event, text

from models.check import Lane
from models.errors import Conflict, GatewayMisconfigured, GatewayRefused, NotSent, PayoutUnknown, StoreAway
from models.payout import PayoutOrder
from models.queries.cases import Signature, find_cases
from models.queries.payouts import find_payout, mark_sent
from models.session import transaction
from models.transaction import Payout, Route, Status
from tasks import payouts, tokens
from tasks.cases import ByHand, override
from tasks.confirm import confirm
from tasks.intake import intake
from tasks.payouts import create, send
from tasks.sweep import sweep
from tasks.uptime import check_prompt, uptime
from tests.fakes import CALLBACK_URL, toolbox
from tests.ledger import add_pending, all_at_once, cases, claim, count, due_in, knock, let_pass, run, value

ORDER = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")
TO_WALLET = replace(ORDER, route=Route.WALLET, stays_in_wallet=True)
LOST = PayoutUnknown("the reply was lost")
BY = Signature(author="awa", reason="not in the dashboard")


def only(sessions) -> Payout:
    with transaction(sessions) as step:
        return find_payout(step.session, "OUT-1")


def sent(fakes) -> int:
    return len(fakes.gateway.payouts.received)


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


def lose(tools, fakes, fault=LOST):
    fakes.gateway.payouts.send_fault = fault
    with pytest.raises(type(fault)):
        create(tools, ORDER)
    fakes.gateway.payouts.send_fault = None


@pytest.mark.parametrize("order", [ORDER, TO_WALLET], ids=["mobile_money", "wallet"])
def test_an_accepted_payout_is_pending_with_its_token_and_first_check(sessions, fakes, tools, order):
    booked = create(tools, order)
    assert booked.is_new
    assert (booked.payout.status, booked.payout.token) == (Status.PENDING, "payout-1-of-OUT-1")
    assert booked.payout.sent_at is not None
    assert 28 < due_in(sessions, booked.payout.id) <= 30
    assert fakes.gateway.payouts.received == [replace(order, callback_url=CALLBACK_URL)]


def test_the_mark_is_committed_before_the_call_and_no_transaction_is_open_then(sessions, fakes, tools):
    seen = []

    def look(_order):
        marked = value(sessions, "SELECT sent_at IS NOT NULL AND token IS NULL FROM transactions")
        seen.append((sessions.kw["bind"].pool.checkedout(), marked))

    fakes.gateway.payouts.during_send = look
    create(tools, ORDER)
    assert seen == [(0, True)]


def test_the_same_order_again_gives_the_same_payout_without_a_call(fakes, tools):
    first, again = create(tools, ORDER), create(tools, ORDER)
    assert (again.is_new, again.payout.id) == (False, first.payout.id)
    assert sent(fakes) == 1


@pytest.mark.parametrize(
    "change", [{"amount": 5001}, {"customer": "22670000001"}, {"route": Route.WALLET, "stays_in_wallet": False}]
)
def test_another_order_under_the_same_id_is_a_conflict(fakes, tools, change):
    create(tools, ORDER)
    with pytest.raises(Conflict, match="OUT-1"):
        create(tools, replace(ORDER, **change))
    assert sent(fakes) == 1


def test_the_id_of_an_invoice_is_taken(sessions, fakes, tools):
    add_pending(sessions)
    with pytest.raises(Conflict, match="ORD-1"):
        create(tools, replace(ORDER, transaction_id="ORD-1"))
    assert sent(fakes) == 0


def test_the_same_order_by_many_at_once_is_sent_once(sessions, fakes, tools):
    booked = all_at_once(*[lambda: create(tools, ORDER)] * 6)
    assert sent(fakes) == 1
    assert [one.is_new for one in booked].count(True) == 1
    assert count(sessions, "transactions") == 1


def test_of_many_who_find_it_stored_and_not_sent_one_sends(sessions, fakes, tools):
    die_between_row_and_mark(sessions, tools)
    all_at_once(*[lambda: create(tools, ORDER)] * 6)
    assert sent(fakes) == 1


def test_two_of_which_both_read_the_row_before_either_marked_it_send_once(sessions, fakes, tools):
    die_between_row_and_mark(sessions, tools)
    payout = only(sessions)
    assert all_at_once(*[lambda: send(tools, payout)] * 2).count(True) == 1
    assert sent(fakes) == 1


def test_the_mark_is_given_out_once(sessions, tools):
    die_between_row_and_mark(sessions, tools)
    payout = only(sessions)

    def mark() -> bool:
        with transaction(sessions) as step:
            return mark_sent(step.session, payout.id, grace=payouts.policy.CREATE_GRACE) is not None

    assert all_at_once(*[mark] * 5).count(True) == 1


def die_between_row_and_mark(sessions, tools):
    """Whoever stored the row is gone before it could mark it."""

    def die(_connection, _cursor, statement, *_rest):
        if "SET sent_at" in statement:
            raise KeyboardInterrupt

    event.listen(sessions.kw["bind"], "before_cursor_execute", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            create(tools, ORDER)
    finally:
        event.remove(sessions.kw["bind"], "before_cursor_execute", die)
    assert (only(sessions).status, only(sessions).sent_at) == (Status.CREATED, None)


def test_what_nobody_sent_in_its_time_is_closed_as_refused_and_goes_out_with_its_order(sessions, fakes, tools):
    die_between_row_and_mark(sessions, tools)
    let_pass(sessions, 121)
    sweep(tools)
    assert only(sessions).status == Status.REFUSED
    assert "never sent" in only(sessions).refusal
    assert (cases(sessions), sent(fakes)) == ([], 0)
    assert create(tools, ORDER).payout.status == Status.PENDING
    assert sent(fakes) == 1


def test_a_sender_that_was_too_slow_loses_to_the_sweep_and_sends_nothing(sessions, fakes, tools):
    die_between_row_and_mark(sessions, tools)
    slow = only(sessions)
    let_pass(sessions, 121)
    sweep(tools)
    assert not send(tools, slow)
    assert sent(fakes) == 0


def test_a_lost_reply_is_a_case_and_is_never_sent_again(sessions, fakes, tools):
    lose(tools, fakes)
    payout = only(sessions)
    assert (payout.status, payout.token) == (Status.CREATED, None)
    assert payout.sent_at is not None
    assert payout.parked_at is not None
    assert cases(sessions) == ["token_lost"]
    assert "Pay it in no other way before" in value(sessions, "SELECT detail FROM cases")
    assert not create(tools, ORDER).is_new
    for _ in range(3):
        let_pass(sessions, 40 * 86_400)
        sweep(tools, inline=True)
    assert (sent(fakes), fakes.gateway.payouts.asked) == (1, [])


def test_a_sender_killed_in_mid_call_leaves_sent_unknown_and_the_sweep_opens_the_case(sessions, fakes, tools):
    def die(_order):
        raise KeyboardInterrupt

    fakes.gateway.payouts.during_send = die
    with pytest.raises(KeyboardInterrupt):
        create(tools, ORDER)
    fakes.gateway.payouts.during_send = lambda _order: None
    assert cases(sessions) == []
    assert not create(tools, ORDER).is_new
    let_pass(sessions, 121)
    assert sweep(tools).parked == 1
    assert cases(sessions) == ["token_lost"]
    assert "nothing sends it again" in value(sessions, "SELECT detail FROM cases")
    assert sent(fakes) == 1


def test_a_lost_reply_with_the_database_gone_too_is_found_by_the_sweep(sessions, fakes):
    outage = Outage(sessions)
    fakes.gateway.payouts.during_send = lambda _order: setattr(outage, "times", 1)
    lose(toolbox(outage, fakes), fakes)
    let_pass(sessions, 121)
    assert sweep(toolbox(sessions, fakes)).parked == 1
    assert cases(sessions) == ["token_lost"]


@pytest.mark.parametrize("fault", [GatewayRefused("Code05"), GatewayMisconfigured("Code01"), NotSent("no route")])
def test_what_was_certainly_not_taken_is_sent_with_the_same_order_again(sessions, fakes, tools, fault):
    lose(tools, fakes, fault)
    assert (only(sessions).status, only(sessions).sent_at) == (Status.REFUSED, None)
    assert only(sessions).refusal == str(fault)
    again = create(tools, ORDER)
    assert (again.is_new, again.payout.status) == (True, Status.PENDING)
    assert sent(fakes) == 2


def test_a_refused_payout_retried_by_many_at_once_is_sent_once(fakes, tools):
    lose(tools, fakes, GatewayRefused("Code05"))
    all_at_once(*[lambda: create(tools, ORDER)] * 5)
    assert sent(fakes) == 2


@pytest.mark.parametrize("decided", [None, Status.NOTCOMPLETED])
def test_a_sender_that_stood_still_after_the_mark_sends_nothing_any_more_whatever_was_decided_meanwhile(
    sessions, fakes, decided
):
    def frozen():
        """Two minutes and more pass between the mark and the call; the second time nobody stands still."""
        yield 0
        let_pass(sessions, 121)
        sweep(toolbox(sessions, fakes))
        assert cases(sessions) == ["token_lost"]
        if decided:
            with transaction(sessions) as step:
                [case] = find_cases(step.session, [1])
            override(toolbox(sessions, fakes), ByHand(case=case, new=decided, amount=0), BY)
        yield 121.5
        yield from (200, 200.1)

    clock = frozen()
    tools = toolbox(sessions, fakes, uptime=lambda: next(clock))
    with pytest.raises(NotSent, match="stood still for 122 s"):
        create(tools, ORDER)
    stands = (Status.REFUSED, None) if decided is None else (decided, only(sessions).sent_at)
    assert (only(sessions).status, only(sessions).sent_at, sent(fakes), cases(sessions)) == (*stands, 0, [])
    assert create(tools, ORDER).payout.status == (decided or Status.PENDING)
    assert sent(fakes) == (decided is None)


def test_the_clock_goes_on_and_a_prompt_sender_is_let_through():
    began = uptime()
    check_prompt(uptime() - began, what="payout")


def test_a_refusal_with_the_database_gone_stays_sent_and_unknown(sessions, fakes):
    outage = Outage(sessions)
    fakes.gateway.payouts.send_fault = GatewayRefused("Code05")
    fakes.gateway.payouts.during_send = lambda _order: setattr(outage, "times", 1)
    with pytest.raises(StoreAway):
        create(toolbox(outage, fakes), ORDER)
    assert (only(sessions).status, only(sessions).sent_at is not None) == (Status.CREATED, True)


def test_a_refused_payout_about_which_a_callback_came_is_not_sent_again(sessions, fakes, tools):
    lose(tools, fakes, GatewayRefused("Code05"))
    intake(tools, knock(sessions, claim("OUT-1")))
    assert cases(sessions) == ["called_back"]
    with pytest.raises(Conflict, match="may have been sent after all"):
        create(tools, ORDER)
    assert sent(fakes) == 1


def test_a_callback_about_a_lost_payout_moves_nothing_and_asks_nothing(sessions, fakes, tools):
    lose(tools, fakes)
    read = knock(sessions, claim("OUT-1", token="eyJhbGciOiJIUzI1NiJ9.e30.theirs"))
    intake(tools, read)
    confirm(tools, [only(sessions).id], lane=Lane.CALLBACK)
    assert only(sessions).status == Status.CREATED
    assert run(sessions, "SELECT outcome, transaction_pk FROM callbacks") == [("matched", only(sessions).id)]
    assert (fakes.gateway.payouts.asked, cases(sessions)) == ([], ["token_lost"])


def test_a_callback_that_outruns_the_reply_has_it_asked_about_at_once(sessions, fakes, tools):
    fakes.gateway.payouts.during_send = lambda _order: intake(tools, knock(sessions, claim("OUT-1")))
    pk = create(tools, ORDER).payout.id
    assert due_in(sessions, pk) <= 0


@pytest.mark.parametrize("times", [1, tokens.ATTEMPTS - 1])
def test_the_token_survives_a_short_outage_of_the_database(sessions, fakes, quick, times):
    outage = Outage(sessions)
    fakes.gateway.payouts.during_send = lambda _order: setattr(outage, "times", times)
    assert create(toolbox(outage, fakes), ORDER).payout.token == "payout-1-of-OUT-1"
    assert quick == [1] * times


@pytest.mark.usefixtures("quick")
def test_a_token_that_cannot_be_stored_is_said_so_and_never_logged(sessions, fakes, logs):
    outage = Outage(sessions)
    fakes.gateway.payouts.during_send = lambda _order: setattr(outage, "times", tokens.ATTEMPTS)
    with pytest.raises(PayoutUnknown) as caught:
        create(toolbox(outage, fakes), ORDER)
    assert "payout-1" not in f"{caught.value!r}{logs}"
    assert "22670000000" not in str(logs)
    let_pass(sessions, 121)
    sweep(toolbox(sessions, fakes))
    assert (cases(sessions), sent(fakes)) == (["token_lost"], 1)


def test_a_slow_call_holds_no_row_of_the_books(sessions, fakes, tools):
    went_on = threading.Event()

    def write_meanwhile(_order):
        run(sessions, "UPDATE transactions SET nudged_at = clock_timestamp()")
        went_on.set()

    fakes.gateway.payouts.during_send = write_meanwhile
    create(tools, ORDER)
    assert went_on.is_set()


def test_plain_sql_cannot_have_it_sent_again(sessions, fakes, tools):
    lose(tools, fakes)
    with pytest.raises(Exception, match="goes only with a refusal"), transaction(sessions) as step:
        step.session.execute(text("UPDATE transactions SET sent_at = NULL"))
