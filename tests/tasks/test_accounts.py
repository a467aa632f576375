"""Several accounts: each is asked with its own keys, in its own turn, and the trouble of one is nobody else's."""

from __future__ import annotations

import pytest
from sqlalchemy import event

from models.account import DEFAULT
from models.check import Lane
from models.errors import Conflict, Invalid, NotSent
from models.order import InvoiceOrder
from models.payout import PayoutOrder
from models.queries.payouts import find_payout
from models.session import transaction
from models.transaction import Route, Status
from tasks import payouts
from tasks.confirm import confirm
from tasks.foresee import ask_aside
from tasks.intake import intake
from tasks.invoices import create, register
from tasks.notify import notify
from tasks.sweep import sweep
from tasks.toolbox import Shop
from tests.fakes import FakeAccounts, FakeBreaker, FakeBudget, FakeGateway, Fakes, completed, toolbox
from tests.ledger import add_pending, cases, claim, due_in, knock, let_pass, row, run, value

HOUR = 3600
OTHERS = [Lane.CALLBACK, Lane.SWEEP, Lane.REPLAY, Lane.AUDIT]


class Shops:
    """The account of the plain settings and one more, each with stand-ins of its own."""

    def __init__(self, sessions, fakes):
        self.own, self.shop = fakes, Fakes(queue=fakes.queue, merchant=fakes.merchant)
        self.accounts = FakeAccounts(fakes.account(DEFAULT), self.shop.account("shop"))
        self.tools = toolbox(sessions, fakes, accounts=self.accounts, merchant=fakes.merchant)


@pytest.fixture
def shops(sessions, fakes):
    return Shops(sessions, fakes)


def both(sessions, count=2, **more):
    """Rows of either account, turn by turn: ORD-1 is of the plain settings, ORD-2 of the shop, and so on."""
    pairs = [(*add_pending(sessions, **more), *add_pending(sessions, account="shop", **more)) for _ in range(count)]
    return [own for own, _ in pairs], [shop for _, shop in pairs]


def paid(gateway, *pks):
    for pk in pks:
        gateway.says(f"token-of-ORD-{pk}", completed(5000, f"ORD-{pk}"))


def tokens(pks):
    return [f"token-of-ORD-{pk}" for pk in pks]


# -- asking ----------------------------------------------------------------------------------------------------------


def test_each_is_asked_with_the_keys_of_its_own_account(sessions, shops):
    own, shop = both(sessions)
    paid(shops.own.gateway, *own)
    paid(shops.shop.gateway, *shop)
    confirm(shops.tools, own, lane=Lane.SWEEP)
    confirm(shops.tools, shop, lane=Lane.SWEEP)
    assert (shops.own.gateway.asked, shops.shop.gateway.asked) == (tokens(own), tokens(shop))
    assert {row(sessions, pk).status for pk in (*own, *shop)} == {Status.COMPLETED}
    assert run(sessions, "SELECT account, count(*) FROM settlements GROUP BY account ORDER BY 1") == [
        ("default", 2),
        ("shop", 2),
    ]


def test_a_mixed_batch_asks_one_account_and_rings_for_the_others(sessions, shops):
    own, shop = both(sessions)
    confirm(shops.tools, [*shop, *own], lane=Lane.CALLBACK)
    assert (shops.own.gateway.asked, shops.shop.gateway.asked) == (tokens(own), [])
    assert shops.own.queue.asked == [(shop, Lane.CALLBACK)]


def test_with_the_broker_away_a_mixed_batch_is_asked_to_its_end(sessions, shops):
    own, shop = both(sessions)
    shops.own.queue.is_away = True
    assert confirm(shops.tools, [*shop, *own], lane=Lane.SWEEP) == 4
    assert (shops.own.gateway.asked, shops.shop.gateway.asked) == (tokens(own), tokens(shop))


def test_ids_that_nobody_knows_do_nothing(shops):
    assert confirm(shops.tools, [404], lane=Lane.CALLBACK) == confirm(shops.tools, [], lane=Lane.CALLBACK) == 0


@pytest.mark.parametrize("lane", OTHERS)
def test_an_open_breaker_holds_back_its_own_account_alone(sessions, shops, lane):
    own, shop = both(sessions)
    paid(shops.shop.gateway, *shop)
    shops.own.breaker.wait = 30
    assert confirm(shops.tools, own, lane=lane) == 0
    assert confirm(shops.tools, shop, lane=lane) == 2
    assert shops.own.gateway.asked == []
    assert [row(sessions, pk).status for pk in shop] == [Status.COMPLETED] * 2


def test_refusals_are_told_to_the_breaker_of_their_account_alone(sessions, shops):
    own, shop = both(sessions, 1)
    confirm(shops.tools, own, lane=Lane.SWEEP)
    confirm(shops.tools, shop, lane=Lane.SWEEP)
    assert len(shops.own.breaker.heard) == len(shops.shop.breaker.heard) == 1


@pytest.mark.parametrize("lane", [Lane.SWEEP, Lane.REPLAY, Lane.AUDIT])
def test_an_empty_budget_holds_back_its_own_account_alone(sessions, shops, lane):
    own, shop = both(sessions)
    shops.own.budget.left = 0
    assert confirm(shops.tools, own, lane=lane) == 0
    assert confirm(shops.tools, shop, lane=lane) == 2


def test_a_batch_ends_with_the_keys_it_began_with(sessions, shops):
    """The account is changed while its question is out: the answer is recorded, and the next one goes to the new client."""
    _, shop = both(sessions)
    new = FakeGateway()
    shops.shop.gateway.during_confirm = lambda _: shops.accounts.add(shops.shop.account("shop", gateway=new))
    paid(shops.shop.gateway, *shop)
    assert confirm(shops.tools, shop, lane=Lane.SWEEP) == 2
    assert (shops.shop.gateway.asked, new.asked) == (tokens(shop), [])
    let_pass(sessions, 10)
    confirm(shops.tools, shop[:1], lane=Lane.AUDIT)
    assert new.asked == tokens(shop[:1])


def test_asking_aside_keeps_to_the_keys_of_each(sessions, shops):
    own, shop = both(sessions, 1)
    paid(shops.own.gateway, *own)
    paid(shops.shop.gateway, *shop)
    assert set(ask_aside(shops.tools, [*own, *shop])) == {*own, *shop}
    assert (shops.own.gateway.asked, shops.shop.gateway.asked) == (tokens(own), tokens(shop))


# -- reading and sweeping --------------------------------------------------------------------------------------------


def test_callbacks_about_several_accounts_are_rung_for_together_and_sorted_by_whoever_asks(sessions, shops):
    own, shop = both(sessions)
    intake(shops.tools, knock(sessions, *[claim(f"ORD-{pk}") for pk in (*shop, *own)]))
    assert shops.own.queue.asked == [(sorted([*own, *shop]), Lane.CALLBACK)]


def test_the_sweep_claims_of_each_account_what_that_may_be_asked(sessions, shops):
    own, shop = both(sessions, 5, due_in=-1)
    shops.own.budget.left, shops.shop.budget.left = 2, 4
    assert sweep(shops.tools).transactions == 6
    assert sorted(shops.own.queue.asked) == [(own[:2], Lane.SWEEP), (shop[:4], Lane.SWEEP)]
    assert all(due_in(sessions, pk) < 0 for pk in (*own[2:], shop[4]))


@pytest.mark.parametrize("trouble", [{"budget": "left"}, {"breaker": "wait"}], ids=["empty-budget", "open-breaker"])
def test_the_sweep_takes_nothing_of_an_account_in_trouble_and_all_of_the_other(sessions, shops, trouble):
    own, shop = both(sessions, 3, due_in=-1)
    [(part, name)] = trouble.items()
    setattr(getattr(shops.own, part), name, 0 if part == "budget" else 30)
    assert sweep(shops.tools).transactions == 3
    assert shops.own.queue.asked == [(shop, Lane.SWEEP)]
    assert all(due_in(sessions, pk) < 0 for pk in own)


def test_a_probe_of_one_account_is_the_only_one_claimed_of_it(sessions, shops):
    own, shop = both(sessions, 3, due_in=-1)
    shops.own.breaker.probe = "probe-1"
    sweep(shops.tools)
    assert sorted(shops.own.queue.asked) == [(own[:1], Lane.SWEEP), (shop, Lane.SWEEP)]


# -- accounts that are not set up ------------------------------------------------------------------------------------


ADVICE = "Payments of the account gone are not asked about: it is not set up here."


def looked_at_in_an_hour(sessions, pks):
    return all(HOUR - 60 < due_in(sessions, pk) <= HOUR for pk in pks)


@pytest.mark.parametrize("several", [False, True], ids=["one-account", "several"])
@pytest.mark.parametrize("lane", OTHERS)
def test_what_belongs_to_no_account_here_is_never_asked_with_other_keys(sessions, fakes, shops, tools, several, lane):
    strangers = add_pending(sessions, 3, account="gone")
    assert confirm(shops.tools if several else tools, strangers, lane=lane) == 0
    assert (shops.own.gateway.asked, shops.shop.gateway.asked, fakes.gateway.asked) == ([], [], [])
    assert looked_at_in_an_hour(sessions, strangers)
    assert value(sessions, "SELECT max(asked) FROM transactions") == 0
    assert cases(sessions) == ["account"]
    [(account, detail)] = run(sessions, "SELECT account, detail FROM cases")
    assert (account, detail.startswith(ADVICE)) == ("gone", True)


def test_a_stranger_in_a_batch_keeps_no_other_from_being_asked(sessions, fakes, tools):
    pks, strangers = add_pending(sessions, 2), add_pending(sessions, account="gone")
    assert confirm(tools, [*strangers, *pks], lane=Lane.CALLBACK) == 2
    assert sorted(fakes.gateway.asked) == tokens(pks)


def test_strangers_are_not_asked_about_aside_either(sessions, fakes, tools):
    strangers = add_pending(sessions, account="gone")
    assert ask_aside(tools, strangers) == {}
    assert fakes.gateway.asked == []


@pytest.mark.parametrize("several", [False, True], ids=["one-account", "several"])
def test_a_person_who_asks_is_told_which_accounts_there_are_and_nothing_is_changed(sessions, shops, tools, several):
    [stranger] = add_pending(sessions, account="gone")
    there_are = "default, shop" if several else "default"
    with pytest.raises(Invalid, match=f"there is no account 'gone' here; there are {there_are}$"):
        confirm(shops.tools if several else tools, [stranger], lane=Lane.PERSON)
    assert 50 < due_in(sessions, stranger) <= 60
    assert (row(sessions, stranger).asked, cases(sessions)) == (0, [])


def test_the_sweep_puts_strangers_off_with_one_case_for_all(sessions, shops):
    own, _ = both(sessions, 1, due_in=-1)
    strangers = add_pending(sessions, 5, due_in=-1, account="gone")
    sweep(shops.tools)
    assert looked_at_in_an_hour(sessions, strangers)
    assert set(shops.own.queue.ids_to_ask).isdisjoint(strangers)
    assert set(own) <= set(shops.own.queue.ids_to_ask)
    let_pass(sessions, HOUR + 1)
    sweep(shops.tools)
    assert cases(sessions) == ["account"]


def test_an_account_that_is_set_up_again_is_asked_for_and_its_case_ends_by_itself(sessions, shops):
    shop = add_pending(sessions, 2, due_in=-1, account="shop")
    shops.accounts.remove("shop")
    shops.accounts.add(shops.own.account("third"))
    sweep(shops.tools)
    assert cases(sessions) == ["account"]
    shops.accounts.add(shops.shop.account("shop"))
    let_pass(sessions, HOUR + 1)
    sweep(shops.tools)
    assert cases(sessions) == []
    assert shops.own.queue.ids_to_ask == shop
    assert value(sessions, "SELECT resolution FROM cases") == "the account is set up again"


# -- creating --------------------------------------------------------------------------------------------------------


ORDER = InvoiceOrder(transaction_id="ORDER-1", amount=5000)


def test_an_invoice_is_created_in_its_account_and_takes_from_its_shop(shops):
    theirs = Shop(callback_url="https://pay.example.com/hook/shop", name="Abidjan")
    shops.accounts.add(shops.shop.account("shop", shop=theirs))
    booked = create(shops.tools, ORDER, account="shop")
    assert booked.invoice.account == "shop"
    [sent] = shops.shop.gateway.orders
    assert (sent.callback_url, sent.store_name) == (theirs.callback_url, "Abidjan")
    assert shops.own.gateway.orders == []


def test_the_same_order_in_another_account_is_a_conflict(shops):
    create(shops.tools, ORDER)
    with pytest.raises(Conflict, match="is taken by an order of the account 'default'; use a new transaction_id"):
        create(shops.tools, ORDER, account="shop")
    with pytest.raises(Conflict, match="taken by an order of the account 'default'"):
        register(shops.tools, ORDER, token="t", account="shop")
    assert shops.shop.gateway.orders == []


def test_an_account_that_is_not_set_up_takes_no_order_and_leaves_no_row(sessions, shops):
    for begin in (create, lambda *a, **more: register(*a, token="t", **more)):
        with pytest.raises(Invalid, match=r"^account: there is no account 'nowhere' here; there are default, shop$"):
            begin(shops.tools, ORDER, account="nowhere")
    assert value(sessions, "SELECT count(*) FROM transactions") == 0


def test_what_was_created_elsewhere_is_registered_in_its_account(sessions, shops):
    booked = register(shops.tools, ORDER, token="token-of-theirs", account="shop")
    shops.shop.gateway.says("token-of-theirs", completed(5000, "ORDER-1"))
    confirm(shops.tools, [booked.invoice.id], lane=Lane.PERSON)
    assert row(sessions, booked.invoice.id).status == Status.COMPLETED


OUT = PayoutOrder(transaction_id="OUT-1", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000")


def test_a_payout_is_sent_and_asked_about_with_the_keys_of_its_account(shops):
    theirs = Shop(callback_url="https://pay.example.com/hook/shop")
    shops.accounts.add(shops.shop.account("shop", shop=theirs))
    booked = payouts.create(shops.tools, OUT, account="shop")
    assert booked.payout.account == "shop"
    assert [order.callback_url for order in shops.shop.gateway.payouts.received] == [theirs.callback_url]
    confirm(shops.tools, [booked.payout.id], lane=Lane.PERSON)
    assert (len(shops.own.gateway.payouts.asked), len(shops.shop.gateway.payouts.asked)) == (0, 1)
    assert shops.shop.gateway.asked == shops.own.gateway.payouts.received == []


def test_a_payout_is_taken_up_again_in_its_own_account_alone(shops):
    shops.shop.gateway.payouts.send_fault = NotSent("away")
    with pytest.raises(NotSent):
        payouts.create(shops.tools, OUT, account="shop")
    shops.shop.gateway.payouts.send_fault = None
    with pytest.raises(Conflict, match="is taken by an order of the account 'shop'; use a new transaction_id"):
        payouts.create(shops.tools, OUT)
    assert payouts.create(shops.tools, OUT, account="shop").payout.status == Status.PENDING
    assert shops.own.gateway.payouts.received == []


def test_a_payout_whose_account_is_gone_is_not_even_marked(sessions, shops):
    shops.shop.gateway.payouts.send_fault = NotSent("away")
    with pytest.raises(NotSent):
        payouts.create(shops.tools, OUT, account="shop")
    with transaction(sessions) as step:
        stored = find_payout(step.session, "OUT-1")
    shops.accounts.remove("shop")
    with pytest.raises(Invalid, match="there is no account 'shop' here"):
        payouts.send(shops.tools, stored)
    assert value(sessions, "SELECT sent_at FROM transactions") is None


# -- telling ---------------------------------------------------------------------------------------------------------


def test_every_account_is_told_by_numbers_of_its_own_those_that_are_gone_included(sessions, shops):
    own, shop = both(sessions)
    paid(shops.own.gateway, *own)
    paid(shops.shop.gateway, *shop)
    confirm(shops.tools, own, lane=Lane.SWEEP)
    confirm(shops.tools, shop, lane=Lane.SWEEP)
    shops.accounts.remove("shop")
    rung = shops.own.queue.rung_for_notices
    assert notify(shops.tools) == 2
    assert shops.own.queue.rung_for_notices == rung + 1
    assert notify(shops.tools) == 2
    told = [(event["data"]["account"], event["seq"]) for event in shops.own.merchant.taken]
    assert sorted(told) == [("default", 1), ("default", 2), ("shop", 1), ("shop", 2)]
    assert len(set(shops.own.merchant.ids)) == 4
    assert notify(shops.tools) == 0


# -- with one account nothing is looked up ---------------------------------------------------------------------------


class Told(FakeBudget):
    """Keeps how often it was asked for its room."""

    looks = 0

    def room(self, lane):
        self.looks += 1
        return super().room(lane)


class Counted(FakeBreaker):
    """The same."""

    looks = 0

    def room(self):
        self.looks += 1
        return super().room()


def test_with_one_account_a_sweep_and_a_batch_make_no_more_statements_and_looks_than_they_have_to(sessions, fakes):
    budget, breaker, said = Told(), Counted(), []
    tools = toolbox(sessions, fakes, budget=budget, breaker=breaker)
    pks = add_pending(sessions, 3, due_in=-1)
    engine = sessions.kw["bind"]

    def keep(_connection, _cursor, statement, *_):
        said.append(" ".join(statement.split())[:30])

    event.listen(engine, "before_cursor_execute", keep)
    try:
        sweep(tools)
        swept = len(said)
        confirm(tools, pks, lane=Lane.SWEEP)
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    assert (budget.looks, breaker.looks) == (1, 1)
    assert (swept, len(said) - swept) == (8, 4)  # as many as before there were accounts
