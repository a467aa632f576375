"""A small world around the books, for tests that let anything happen at any moment.

A gateway with a truth of its own, workers that hang with an answer in their hands, and time that passes by editing dates.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from models.answers import Answer, Created, Said
from models.check import Lane
from models.errors import GatewayRefused, NotSent, OutcomeUnknown, PayoutUnknown
from models.order import InvoiceOrder
from models.payout import Accepted, PayoutOrder
from models.session import Sessions, transaction
from tasks.confirm import confirm
from tasks.intake import read_and_ask
from tasks.toolbox import Toolbox
from tests.fakes import LENGTHS, Fakes, toolbox

PATIENCE = 60
"""Seconds to wait for a thread to come where it must come."""


@dataclass
class Payment:
    """What the gateway knows about one invoice."""

    transaction_id: str
    amount: int
    said: Said = Said.PENDING
    confirms: int = 0
    """Francs it names when it says completed."""
    has_confirmed: set[int] = field(default_factory=set)
    """Every amount it ever held for paid."""
    asked_at: list[float] = field(default_factory=list)
    """When each question about it came in, by the world's clock."""

    def becomes(self, said: Said, *, amount: int) -> None:
        self.said, self.confirms = said, amount
        if said is Said.COMPLETED:
            self.has_confirmed.add(amount)

    @property
    def is_paid_in_full(self) -> bool:
        return self.said is Said.COMPLETED and self.confirms == self.amount

    def answer(self) -> Answer:
        return Answer(said=self.said, amount=self.confirms or None, references=(self.transaction_id,))


class LivingGateway:
    """Says what is true of each payment at the moment it is asked; in bad `weather` it says that about all of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.payments: dict[str, Payment] = {}
        self.weather: Said | None = None
        self.reply_to_create = "comes"
        self.before_the_reply: Callable[[], object] = lambda: None
        self.payouts_received: Counter[str] = Counter()
        """How often a payout came in under each id and was not refused."""
        self._now = now

    def add(self, token: str, order: InvoiceOrder) -> None:
        """An invoice made here, by whatever way."""
        self.payments[token] = Payment(transaction_id=order.transaction_id, amount=order.amount)

    def create_invoice(self, order: InvoiceOrder, *, otp: str = "") -> Created:
        del otp
        if self.reply_to_create == "refused":
            raise GatewayRefused("the gateway refuses this order")
        if self.reply_to_create == "never sent":
            raise NotSent("the gateway was never reached")
        token = f"token-of-{order.transaction_id}"
        self.add(token, order)
        self.before_the_reply()
        if self.reply_to_create == "lost":
            raise OutcomeUnknown("the reply is lost")
        return Created(token=token, payment_url=f"https://gateway.example/pay/{order.transaction_id}")

    def send_payout(self, order: PayoutOrder) -> Accepted:
        """May kill its sender before the call, or after it."""
        if self.reply_to_create == "dies before":
            raise WorkerDied
        if self.reply_to_create == "refused":
            raise GatewayRefused("the gateway refuses this order")
        if self.reply_to_create == "never sent":
            raise NotSent("the gateway was never reached")
        self.payouts_received[order.transaction_id] += 1
        token = f"token-of-{order.transaction_id}"
        self.payments[token] = Payment(transaction_id=order.transaction_id, amount=order.amount)
        self.before_the_reply()
        if self.reply_to_create == "dies after":
            raise WorkerDied
        if self.reply_to_create == "lost":
            raise PayoutUnknown("the reply is lost")
        return Accepted(token=token)

    def confirm_payout(self, token: str) -> Answer:
        """Names neither amount nor reference."""
        answer = self.confirm(token)
        return Answer(said=answer.said, trouble=answer.trouble)

    def confirm(self, token: str) -> Answer:
        payment = self.payments[token]
        payment.asked_at.append(self._now())
        return payment.answer() if self.weather is None else Answer(said=self.weather, trouble="bad weather")


class WorkerDied(Exception):
    """Stands for a worker that ends with an answer in its hands."""


class HangingWorker:
    """One worker on a thread of its own, which stops with the gateway's answer in its hands until it may go on.

    It answers as its own gateway, so that only its questions hang.
    """

    def __init__(self, gateway: LivingGateway) -> None:
        self._gateway = gateway
        self._hangs = threading.Event()
        self._may_go_on = threading.Event()
        self._dies = False
        self._trouble: list[BaseException] = []
        self._thread = threading.Thread()

    def ask(self, tools: Toolbox, pk: int, lane: Lane) -> bool:
        """Set out to ask; whether a question is under way now. Without leave to ask the worker is done at once."""
        self._thread = threading.Thread(target=self._work, args=(tools, pk, lane), daemon=True)
        self._thread.start()
        deadline = time.monotonic() + PATIENCE
        while self._thread.is_alive() and not self._hangs.wait(0.001):
            assert time.monotonic() < deadline
        self._raise_trouble()
        return self._hangs.is_set()

    def go_on(self, *, dies: bool = False) -> None:
        """Let it record its answer, or end without; returns when it is done."""
        self._dies = dies
        self._may_go_on.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._raise_trouble()

    def create_invoice(self, order: InvoiceOrder, *, otp: str = "") -> Created:
        return self._gateway.create_invoice(order, otp=otp)

    def confirm(self, token: str) -> Answer:
        answer = self._gateway.confirm(token)
        self._hangs.set()
        assert self._may_go_on.wait(PATIENCE)
        if self._dies:
            raise WorkerDied
        return answer

    def _work(self, tools: Toolbox, pk: int, lane: Lane) -> None:
        try:
            confirm(tools, [pk], lane=lane)
        except BaseException as exc:  # noqa: BLE001 - raised again where the test waits
            self._trouble.append(exc)

    def _raise_trouble(self) -> None:
        if self._trouble:
            raise self._trouble[0]


# Dates that are compared with the clock grow older. Those that only put facts in order (asked, decided, nudged) stay:
# a worker that hangs holds such a date in its hands, where no UPDATE reaches it.
PASS = """
    UPDATE transactions SET created_at = created_at - :by, next_check_at = next_check_at - :by,
        last_asked_at = last_asked_at - :by;
    UPDATE callbacks SET received_at = received_at - :by, stored_at = stored_at - :by, next_try_at = next_try_at - :by;
    UPDATE notices SET next_try_at = next_try_at - :by;
    UPDATE endpoints SET failing_since = failing_since - :by, rest_until = rest_until - :by, taken_until = taken_until - :by;
    UPDATE replay_items SET leased_until = leased_until - :by, due_at = due_at - :by;
    UPDATE stops SET off_at = off_at - :by, until = until - :by, ended_at = ended_at - :by
"""


class World:
    """The books with everything around them. Jobs run when told to; nothing happens by itself."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.passed = 0.0
        self.gateway = LivingGateway(self.now)
        self.fakes = Fakes()
        self.tools = self.tools_with(gateway=self.gateway, merchant=self.fakes.merchant)
        self.hanging: list[tuple[int, HangingWorker]] = []

    def tools_with(self, **parts: Any) -> Toolbox:
        """The fleet's tools; locks and queue are the same for all."""
        return toolbox(self.sessions, self.fakes, **parts)

    def now(self) -> float:
        """Seconds; runs with the real clock, and ahead of it by what was let pass."""
        return time.monotonic() + self.passed

    def let_pass(self, seconds: float) -> None:
        """Time goes by for the books and for the locks; a lock nobody released ends."""
        self.passed += seconds
        with transaction(self.sessions) as step:
            for statement in PASS.split(";"):
                step.session.execute(text(statement), {"by": timedelta(seconds=seconds)})
        if seconds > LENGTHS.lock:
            self.lose_locks()

    def lose_locks(self) -> None:
        """All locks end, those of workers that are under way included."""
        self.fakes.locks.held.clear()
        self.fakes.locks.others.clear()

    def lose_messages(self) -> None:
        self.fakes.queue.read.clear()
        self.fakes.queue.asked.clear()

    def start_hanging(self, pk: int, lane: Lane) -> None:
        """A worker asks about this transaction and hangs with the answer, unless it gets no leave to ask."""
        worker = HangingWorker(self.gateway)
        if worker.ask(self.tools_with(gateway=worker), pk, lane):
            self.hanging.append((pk, worker))

    def resume(self, which: int, *, dies: bool = False) -> None:
        """One of the hanging workers goes on; one that dies leaves its lock behind."""
        pk, worker = self.hanging.pop(which % len(self.hanging))
        worker.go_on(dies=dies)
        if dies:
            self.fakes.locks.others.add(pk)

    def deliver(self, which: int, *, keep: bool = False) -> bool:
        """Deliver one waiting message; with `keep` the broker will deliver it again. Whether there was one."""
        read, asked = self.fakes.queue.read, self.fakes.queue.asked
        waiting = len(read) + len(asked)
        if not waiting:
            return False
        index = which % waiting
        if index < len(read):
            read_and_ask(self.tools, read[index] if keep else read.pop(index))
        else:
            ids, lane = asked[index - len(read)] if keep else asked.pop(index - len(read))
            confirm(self.tools, ids, lane=lane)
        return True

    def deliver_all(self) -> None:
        while self.deliver(0):
            pass
