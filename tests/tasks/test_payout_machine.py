"""Payouts with anything in any order: senders that die at every step, orders that come again, lost replies, forgeries, time.

Whatever happens, the gateway hears of each once at most; and in the end each is as it is there, or a person has it.
"""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from config import policy
from models.account import DEFAULT
from models.answers import Said
from models.errors import ReconcilerError
from models.payout import PayoutOrder
from models.queries.payouts import NewPayout, begin_payout
from models.session import transaction
from models.transaction import Route, Status
from tasks.payouts import create, order_digest
from tasks.sweep import sweep
from tasks.watch import fsck
from tests.ledger import claim, empty, knock, run
from tests.machine import WorkerDied, World
from tests.machine_end import the_application_knows_all, things_take_their_course

BOOKS = """
    SELECT t.transaction_id, t.status, t.token IS NOT NULL, t.sent_at IS NOT NULL, s.amount,
           EXISTS (SELECT FROM cases c WHERE c.transaction_pk = t.id AND c.resolved_at IS NULL)
    FROM transactions t LEFT JOIN settlements s ON s.transaction_pk = t.id ORDER BY t.id
"""
which = st.integers(min_value=0, max_value=3)
ends = st.sampled_from(["comes", "comes", "lost", "refused", "never sent", "dies before", "dies after"])


class Payouts(RuleBasedStateMachine):
    """A few payouts of one merchant, who orders each as often as they like."""

    def __init__(self, sessions) -> None:
        super().__init__()
        empty(sessions)
        self.world = World(sessions)
        self.orders: list[PayoutOrder] = []

    @precondition(lambda self: len(self.orders) < 4)
    @rule(ends=ends, route=st.sampled_from(Route))
    def a_payout(self, ends, route):
        stays = True if route is Route.WALLET else None
        name = f"OUT-{len(self.orders) + 1}"
        self.orders.append(
            PayoutOrder(transaction_id=name, amount=5000, route=route, customer="22670000000", stays_in_wallet=stays)
        )
        self.sends(self.orders[-1], ends)

    @precondition(lambda self: len(self.orders) < 4)
    @rule()
    def a_payout_whose_sender_dies_before_its_mark(self):
        order = PayoutOrder(
            transaction_id=f"OUT-{len(self.orders) + 1}", amount=5000, route=Route.MOBILE_MONEY, customer="22670000000"
        )
        self.orders.append(order)
        new = NewPayout(order=order, account=DEFAULT, digest=order_digest(order))
        with transaction(self.world.sessions) as step:
            begin_payout(step.session, new, grace=policy.CREATE_GRACE)

    @precondition(lambda self: self.orders)
    @rule(which=which, ends=ends)
    def the_same_order_again(self, which, ends):
        self.sends(self.orders[which % len(self.orders)], ends)

    def sends(self, order: PayoutOrder, ends: str) -> None:
        self.world.gateway.reply_to_create = ends
        with suppress(ReconcilerError, WorkerDied):
            create(self.world.tools, order)

    @precondition(lambda self: self.orders)
    @rule(which=which, said=st.sampled_from([Said.COMPLETED, Said.COMPLETED, Said.NOTCOMPLETED]), callbacks=which)
    def the_gateway_decides(self, which, said, callbacks):
        name = self.orders[which % len(self.orders)].transaction_id
        if payment := self.world.gateway.payments.get(f"token-of-{name}"):
            payment.becomes(said, amount=5000)
            self.knocks(name, said, callbacks)

    @precondition(lambda self: self.orders)
    @rule(which=which)
    def a_forged_callback(self, which):
        self.knocks(self.orders[which % len(self.orders)].transaction_id, Said.COMPLETED, 1)

    def knocks(self, name: str, said: Said, times: int) -> None:
        if times:
            self.world.fakes.queue.read_soon(knock(self.world.sessions, *[claim(name, status=said.value)] * times))

    @rule(seconds=st.sampled_from([0, 4, 45]))
    def messages_are_delivered(self, seconds):
        self.world.let_pass(seconds)
        self.world.deliver_all()

    @rule(seconds=st.sampled_from([45, 130, 3600]), loses=st.booleans())
    def a_sweep_after_some_time(self, seconds, loses):
        if loses:
            self.world.lose_messages()
        self.world.let_pass(seconds)
        sweep(self.world.tools)

    @invariant()
    def none_is_sent_twice(self):
        assert max(self.world.gateway.payouts_received.values(), default=0) <= 1

    def teardown(self):
        """Each is ordered once more, and time passes."""
        world = self.world
        for order in self.orders:
            self.sends(order, "comes")
        things_take_their_course(world)
        for order in self.orders:
            self.sends(order, "comes")
        self.none_is_sent_twice()
        for name, status, has_token, is_sent, amount, has_case in run(world.sessions, BOOKS):
            if not has_token:
                assert (name, status, has_case) == (name, Status.CREATED, True) if is_sent else status == Status.REFUSED
                assert amount is None
                continue
            payment = world.gateway.payments[f"token-of-{name}"]
            assert (name, amount) == (name, 5000 if 5000 in payment.has_confirmed else None)
        the_application_knows_all(world)
        things_take_their_course(world)
        assert [str(one) for one in fsck(world.sessions)] == []


def test_whatever_happens_no_payout_is_sent_twice_and_each_is_as_at_the_gateway_or_with_a_person(shared_books):
    run_state_machine_as_test(
        seed(0)(lambda: Payouts(shared_books)),
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
