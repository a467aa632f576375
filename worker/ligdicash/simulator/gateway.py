"""The machine behind the wire: takes orders, decides payments, sends their callbacks, forges others."""

from __future__ import annotations

import time
from collections import Counter as Counts
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated

from pydantic import Field

from models.errors import Conflict, NotFound
from worker.ligdicash.simulator import callbacks
from worker.ligdicash.simulator.books import Books, Counter
from worker.ligdicash.simulator.fates import FaultBox, draw_fate
from worker.ligdicash.simulator.manners import (
    STRICT,
    Encoding,
    FailedAs,
    Francs,
    Manners,
    PayoutRoute,
    Seconds,
    Status,
)
from worker.ligdicash.simulator.mint import Mint
from worker.ligdicash.simulator.options import Options, Payer
from worker.ligdicash.simulator.payment import Delivery, Order, Payment
from worker.ligdicash.simulator.phones import Channel, Phones
from worker.ligdicash.simulator.statefile import StateFile
from worker.ligdicash.simulator.timetable import Timetable

ORANGE_BURKINA = "11"
SOMEBODY = "22670000000"

FOREIGN_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.forged"  # noqa: S105 - names no invoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a payment. Amounts that are given replace the ordered one in what is told, francs.

    With `confirm_reference`, confirm names that as the merchant's reference. With `confirm_after`, confirm goes on saying
    pending for that many seconds while callbacks tell the decision at once; with `callback_status`, callbacks tell
    something else than confirm.
    """

    __pydantic_config__ = STRICT

    status: Status
    operator_id: str = ""
    """By default the payer's own, where the invoice has one."""
    phone: str = ""
    """The same."""
    manners: Manners | None = None
    confirm_amount: Francs | None = None
    confirm_reference: str | None = None
    callback_amount: Francs | None = None
    callback_status: Status | None = None
    confirm_after: Seconds = 0.0
    failed_as: FailedAs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgery:
    """A callback nobody's payment caused. Of a known transaction it copies what a thief could know, else it invents."""

    __pydantic_config__ = STRICT

    url: Annotated[str, Field(pattern=r"^https?://")]
    transaction_id: str
    status: Status = Status.COMPLETED
    amount: Francs = 100
    encoding: Encoding = Encoding.JSON
    manners: Manners = field(default_factory=Manners)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSetting:
    """By how many seconds the gateway's clock is ahead of the real one; negative when it is behind."""

    __pydantic_config__ = STRICT

    offset: Annotated[float, Field(ge=-30 * 86_400, le=30 * 86_400, allow_inf_nan=False)]


class Gateway:
    """One simulated gateway. Thread-safe; does nothing by itself before `start`."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.books = Books()
        self.faults = FaultBox(options.faults, seed=options.seed)
        self.payouts_received: Counts[str] = Counts()
        """How many payouts came in under each id of the merchant, whatever became of them."""
        self.payouts_refused: Counts[str] = Counts()
        """How many of these were told for certain that they are not taken."""
        self.phones = Phones()
        self.clock_ahead = 0.0
        self._withdrawn: set[str] = set()
        self._mint = Mint()
        self._post = Timetable("simulator-callbacks", threads=options.senders)
        self._payers = Timetable("simulator-payer", threads=1)
        self._state = StateFile(options.state, self.books) if options.state else None

    @property
    def callbacks_waiting(self) -> int:
        """Callbacks that are still to be sent or have no reply yet."""
        return self._post.waiting

    def withdraw(self, credential: str) -> None:
        """Take this key or token for no good from now on, until the simulator ends."""
        self._withdrawn.add(credential)

    def is_withdrawn(self, credential: str) -> bool:
        """Whether it was good once."""
        return credential in self._withdrawn

    def load(self) -> None:
        """Take over the books of an earlier run; raises `SettingsFault` when their file is of no use. Call it once, first."""
        if self._state:
            self._state.load()

    def start(self) -> None:
        """Start the threads. Payments left pending find their automatic payer again."""
        if self._state:
            self._state.start()
        for record in self.books.records():
            self._expect_payer(record.payment)
        self._post.start()
        self._payers.start()

    def stop(self) -> None:
        """Stop the threads and write the books. Callbacks not yet due are not sent."""
        self._payers.stop(within=1)
        self._post.stop(within=2)
        if self._state:
            self._state.stop()

    def accept(
        self,
        order: Order,
        *,
        project: str = "",
        channel: Channel = Channel.REDIRECT,
        payout: PayoutRoute | None = None,
    ) -> Payment:
        """Make an invoice of this project, or a payout that goes that way."""
        created_at, ahead = time.time(), self.clock_ahead
        expires_at = created_at + ahead + self.options.token_life
        number = self.books.next_number()
        key = "id_finance" if payout else "id_invoice"
        minted = self._mint.mint(number, created_at=created_at + ahead, expires_at=expires_at, key=key)
        fate = draw_fate(self.options, order.transaction_id or minted.request_id)
        payment = Payment(
            order=order,
            token=minted.token,
            request_id=minted.request_id,
            logfile=minted.logfile,
            hash=minted.hash,
            created_at=created_at,
            expires_at=expires_at,
            clock_ahead=ahead,
            manners=fate.manners,
            mishap=fate.mishap,
            failed_as=self.options.failed_as,
            project=project,
            payout=payout,
            channel=channel,
            asked_operator="" if channel is Channel.REDIRECT else self.phones.operator_of(order.customer),
        )
        self.books.add(payment)
        self._expect_payer(payment)
        return payment

    def _expect_payer(self, payment: Payment) -> None:
        fate = draw_fate(self.options, payment.key)
        if self.options.payer is Payer.AUTO and payment.status is Status.PENDING is not fate.outcome:
            self._payers.after(fate.pays_after, partial(self._pay_unattended, payment.token, fate.outcome))

    def _pay_unattended(self, token: str, outcome: Status) -> None:
        try:
            self.pay(token, Decision(status=outcome))
        except Conflict:
            return  # a person was quicker

    def pay(self, token: str, decision: Decision) -> Payment:
        """What a payer does: decide a pending payment. Raises `Conflict` when it is final, `NotFound` without one."""
        if self.books.by_token(token) is None:
            raise NotFound("no such invoice")
        return self._decide(token, decision, only_pending=True)

    def decide(self, key: str, decision: Decision) -> Payment:
        """Decide by hand, and as often as you like: the gateway calls its outcomes final, a test may not believe it."""
        return self._decide(self.books.get(key).token, decision, only_pending=False)

    def _decide(self, token: str, decision: Decision, *, only_pending: bool) -> Payment:
        now = time.time()

        def decided(payment: Payment) -> Payment:
            if only_pending and payment.status is not Status.PENDING:
                raise Conflict("this payment is decided already")
            completed = decision.status is Status.COMPLETED
            return replace(
                payment,
                status=decision.status,
                decided_at=None if decision.status is Status.PENDING else now,
                paid_at=now if completed and payment.paid_at is None else payment.paid_at,
                confirm_from=now + decision.confirm_after,
                clock_ahead=self.clock_ahead,
                operator_id=decision.operator_id or payment.asked_operator or ORANGE_BURKINA,
                phone=decision.phone or payment.order.customer or SOMEBODY,
                manners=decision.manners or payment.manners,
                failed_as=decision.failed_as or payment.failed_as,
                confirm_amount=decision.confirm_amount,
                confirm_reference=decision.confirm_reference,
                callback_amount=decision.callback_amount,
                callback_status=decision.callback_status,
            )

        payment = self.books.change(token, decided)
        self._announce(payment)
        return payment

    def _announce(self, payment: Payment) -> None:
        """Put every callback of this decision into the post. Each tells the state of this moment, however late it leaves."""
        if not payment.order.callback_url:
            return
        for knock in callbacks.plan(payment.manners, event=payment.callback_status or payment.status):
            self._post.after(knock.after, partial(self._knock, payment, knock))

    def _knock(self, payment: Payment, knock: callbacks.Knock) -> None:
        body = callbacks.write(payment, event=knock.event, encoding=knock.encoding)
        url = payment.order.callback_url
        delivery = callbacks.send(url, body, event=knock.event, encoding=knock.encoding)
        self.books.note(payment.token, delivery)

    def forge(self, forgery: Forgery) -> Delivery:
        """Send a forged callback now, and say how it was received. The books of payments stay as they are."""
        self.books.count(Counter.FORGED)
        body = callbacks.write(self._forged(forgery), event=forgery.status, encoding=forgery.encoding)
        return callbacks.send(forgery.url, body, event=forgery.status, encoding=forgery.encoding)

    def _forged(self, forgery: Forgery) -> Payment:
        now = time.time()
        try:
            known = self.books.get(forgery.transaction_id)
        except NotFound:
            known = None
        order = Order(amount=forgery.amount, custom_data={"transaction_id": forgery.transaction_id})
        return Payment(
            order=known.order if known else order,
            token=FOREIGN_TOKEN,
            request_id=known.request_id if known else "P1000000002026",
            logfile=known.logfile if known else "0",
            hash="0" * 64,
            created_at=known.created_at if known else now,
            expires_at=now,
            manners=forgery.manners,
            decided_at=now,
            operator_id=ORANGE_BURKINA,
            phone=SOMEBODY,
            callback_amount=forgery.amount,
            payout=known.payout if known else None,
        )
