"""Plays all trials at a shop and watches what becomes of them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from models.errors import Invalid, NotFound
from worker.conformance.shop import Shop, State
from worker.conformance.trial import Expect, Result, Seen, Trial, judge
from worker.ligdicash.double import Double
from worker.ligdicash.simulator.gateway import Forgery
from worker.ligdicash.simulator.manners import Encoding, Status
from worker.ligdicash.simulator.options import Fault, FaultKind, Faults
from worker.ligdicash.simulator.payment import Delivery, Order

AMOUNT = 4200
LOOK_AGAIN = 0.25
REPLY_HELD_BACK = 2.0

Tell = Callable[[int, int], None]
"""How many trials are over, of how many."""

STATE_UNKNOWN = State(is_paid=False)


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Seconds: for what callbacks bring, for what a shop must find out by itself, and before a quiet shop is believed."""

    prompt: float = 15.0
    slow: float = 60.0
    calm: float = 6.0


@dataclass(slots=True, kw_only=True)
class _Play:
    """One trial under way."""

    trial: Trial
    order_id: str
    double: Double
    url: str
    shop: Shop | None
    patience: Patience
    reference: str = ""
    """What the order is called at the double: the id, unless the shop has ideas of its own."""
    trouble: str = ""
    forged: list[Delivery] = field(default_factory=list)
    began: float = 0.0
    said: State | None = None

    def decide(self, status: str = "completed", **decision: object) -> None:
        self.double.decide(self.reference, status, **decision)

    def forge(self, status: str = "completed", *, unknown: bool = False) -> None:
        about = f"NOBODY-{secrets.token_hex(4)}" if unknown else self.reference
        for encoding in Encoding:
            forgery = Forgery(
                url=self.url, transaction_id=about, status=Status(status), amount=AMOUNT, encoding=encoding
            )
            self.forged.append(self.double.gateway.forge(forgery))

    def rest(self, seconds: float) -> None:
        time.sleep(seconds)

    def break_confirm(self, seconds: float) -> None:
        faults = self.double.gateway.faults
        faults.set(Faults(confirm=Fault(kind=FaultKind.HTTP500)), key=self.reference)
        mended = threading.Timer(seconds, faults.set, (Faults(),), {"key": self.reference})
        mended.daemon = True
        mended.start()

    def await_paid(self) -> None:
        deadline = time.monotonic() + self.patience.prompt
        while time.monotonic() < deadline and not self.look().is_paid:
            time.sleep(LOOK_AGAIN)

    def look(self) -> State:
        """Ask the shop, if there is one to ask."""
        if self.shop is None:
            return STATE_UNKNOWN
        try:
            self.said, self.trouble = self.shop.state(self.order_id), ""
        except Invalid as exc:
            # Whatever it said before: a shop that does not answer must not pass for one that is right.
            self.said, self.trouble = None, str(exc)
            return STATE_UNKNOWN
        return self.said

    @property
    def is_over(self) -> bool:
        """Whether waiting longer can change nothing in its favour."""
        waited = time.monotonic() - self.began
        if self.shop is None or self.trial.expects is not Expect.PAID:
            return waited > self.patience.calm
        patience = self.patience.slow if self.trial.is_slow else self.patience.prompt
        return waited > patience or (self.said is not None and self.said.is_paid and waited > self.patience.calm)

    def seen(self) -> Seen:
        """What there is to judge."""
        try:
            record = self.double.gateway.books.record(self.reference)
        except NotFound:
            return Seen(amount=AMOUNT, is_ordered=False)
        return Seen(
            is_paid=self.said.is_paid if self.said else None,
            credited=self.said.credited if self.said else None,
            amount=AMOUNT,
            asked=len(record.asked_at),
            shortest_gap=record.shortest_gap,
            deliveries=[*record.deliveries, *self.forged],
            has_address=bool(record.payment.order.callback_url),
            is_its_own=self.shop is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """All trials, at one shop. Without a `shop` only what its handler answers can be judged."""

    double: Double
    url: str
    shop: Shop | None
    patience: Patience = field(default_factory=Patience)

    def hold(self, trials: Sequence[Trial], *, tell: Tell = lambda _done, _all: None) -> list[Result]:
        """Play them side by side and wait for what comes of them, telling how many are over.

        Raises `Invalid` when not one could be ordered.
        """
        chosen = [trial for trial in trials if self.shop is not None or not trial.is_early]
        plays = [self._ordered(trial) for trial in chosen]
        ready = [play for play in plays if play.reference]
        if not ready:
            raise Invalid(f"no order reached the double: {next((play.trouble for play in plays), '')}")
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(_begin, ready))
        self._watch(ready, tell)
        for play in ready:
            play.look()
        return [_result(play) for play in plays]

    def _ordered(self, trial: Trial) -> _Play:
        order_id = f"CONF-{secrets.token_hex(3)}-{trial.name}"
        play = _Play(
            trial=trial, order_id=order_id, double=self.double, url=self.url, shop=self.shop, patience=self.patience
        )
        if self.shop is None:
            self._order_ourselves(play)
            return play
        known = len(self.double.gateway.books.records())
        try:
            with self._paid_early(play) if trial.is_early else _nothing():
                self.shop.order(order_id, AMOUNT)
        except Invalid as exc:
            play.trouble = str(exc)
        made = self.double.gateway.books.records(after=known)
        play.reference = made[0].payment.key if made else ""
        if not made and not play.trouble:
            play.trouble = "the order was taken, but no payin was created at the double"
        return play

    def _order_ourselves(self, play: _Play) -> None:
        order = Order(amount=AMOUNT, callback_url=self.url, custom_data={"transaction_id": play.order_id})
        play.reference = self.double.gateway.accept(order).key

    @contextmanager
    def _paid_early(self, play: _Play) -> Iterator[None]:
        """Hold the reply to the create back, and have the customer pay as soon as the invoice is there."""
        gateway = self.double.gateway
        known = len(gateway.books.records())
        gateway.faults.set(Faults(create=Fault(kind=FaultKind.SLOW, seconds=REPLY_HELD_BACK)), key="")

        def pay() -> None:
            deadline = time.monotonic() + REPLY_HELD_BACK
            while time.monotonic() < deadline:
                if made := gateway.books.records(after=known):
                    play.reference = made[0].payment.key
                    _begin(play)
                    return
                time.sleep(0.01)

        payer = threading.Thread(target=pay, daemon=True)
        payer.start()
        try:
            yield
        finally:
            payer.join()
            gateway.faults.set(Faults(), key="")

    def _watch(self, plays: Sequence[_Play], tell: Tell) -> None:
        """Look at the shop until each play is over."""
        open_plays = list(plays)
        while open_plays:
            for play in open_plays:
                if play.trial.expects is Expect.PAID and not (play.said and play.said.is_paid):
                    play.look()
            open_plays = [play for play in open_plays if not play.is_over]
            tell(len(plays) - len(open_plays), len(plays))
            time.sleep(LOOK_AGAIN)


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _begin(play: _Play) -> None:
    if play.began:
        return  # the customer was early
    play.began = time.monotonic()
    play.trial.play(play)


def _result(play: _Play) -> Result:
    seen = play.seen() if play.reference else Seen(amount=AMOUNT, is_ordered=False)
    return Result(trial=play.trial, seen=seen, flaws=judge(play.trial, seen), trouble=play.trouble)
