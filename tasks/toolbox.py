"""What the jobs need of the outside world, as small shapes. `worker.bootstrap` fills them, tests bring fakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from config.policy import Lengths
from config.retention import Retention
from models.answers import Answer, CallbackContent, Created
from models.check import Lane
from models.errors import Invalid
from models.order import InvoiceOrder
from models.payout import Accepted, PayoutOrder
from models.session import Sessions
from tasks.meter import Meter, Unmetered
from tasks.uptime import uptime


class Gateway(Protocol):
    """LigdiCash, as far as the jobs know it. Called from many threads at once."""

    def create_invoice(self, order: InvoiceOrder, *, otp: str = "") -> Created:
        """Raises NotSent, GatewayRefused, GatewayMisconfigured, or OutcomeUnknown when the reply is lost.

        `otp` is the payer's one-time code, a secret: it goes out with this one call and is kept nowhere.
        """
        ...

    def send_wallet_otp(self, number: str, amount: int) -> None:
        """Have LigdiCash send the owner of this wallet a one-time code for so many francs. The number in its own form.

        Raises NotSent, GatewayRefused, GatewayMisconfigured, or NoAnswer when nobody knows whether it was sent.
        """
        ...

    def confirm(self, token: str) -> Answer:
        """Never raises for trouble of the gateway: that is an answer too."""
        ...

    def send_payout(self, order: PayoutOrder) -> Accepted:
        """Raises NotSent, GatewayRefused, GatewayMisconfigured, or PayoutUnknown: it may be under way, never send it again."""
        ...

    def confirm_payout(self, token: str) -> Answer:
        """The same as `confirm`, for the token of a payout. The answer names neither amount nor reference."""
        ...


class Held(Protocol):
    """Locks that are ours until released or expired."""

    @property
    def ids(self) -> Collection[int]:
        """The transactions held."""
        ...

    def release(self, ids: Collection[int]) -> None:
        """Let go of these, if they are still ours. Never raises: a lock that stays ends by itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LockView:
    """One lock, for a person to look at: in how many seconds it ends at the latest, and where its holder runs, if it tells.

    `is_held` is None while the lock server does not answer: then nobody knows.
    """

    is_held: bool | None
    ends_in: float = 0.0
    holder: str = ""


class Locks(Protocol):
    """One question at a time per transaction. Saves work; guards no money."""

    def take(self, ids: Sequence[int]) -> Held:
        """Take those that are free. With the lock server gone, all count as taken: the database guards alone."""
        ...

    def view(self, transaction_pk: int) -> LockView:
        """Who holds this one now. Takes nothing, and never raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the budget gave. For what it did not give: in how many seconds the next, and all of it, could be asked."""

    granted: int
    next_in: float = 0.0
    all_in: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneLevel:
    """One lane of the budget: how many it could ask now, and about how many were granted in the last minute."""

    lane: Lane
    room: int
    granted: int


class Budget(Protocol):
    """How many questions the whole fleet may ask, lane by lane. Never raises."""

    def take(self, lane: Lane, count: int) -> Turn:
        """Leave for up to `count` questions, to be asked now; what is not asked after all is lost."""
        ...

    def room(self, lane: Lane) -> int:
        """How many questions this lane could ask now. Takes nothing."""
        ...

    def levels(self) -> list[LaneLevel]:
        """All lanes, for a person to look at; empty while the fleet shares no budget."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What some questions came to: how many of each, and a sentence about the last that was no answer."""

    answers: int = 0
    silences: int = 0
    refusals: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What the breaker says before a batch: ask, ask one question as the probe, or wait so many seconds, and why."""

    wait: float = 0.0
    why: str = ""
    probe: str = ""
    """The probe's name, to be given back with what was heard."""


class BreakerState(StrEnum):
    """Whether the gateway is asked."""

    CLOSED = "closed"
    """It is."""
    OPEN = "open"
    """It is not, for a while."""
    PROBING = "probing"
    """One question is under way, or may go out, that decides which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerView:
    """The breaker, for a person to look at. `held_back` counts questions since it opened, repeats included."""

    state: BreakerState
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""
    held_back: int = 0
    is_shared: bool = True
    """False while this process goes by what it alone has seen."""
    is_refused: bool = False
    """It opened because the gateway refuses us; else because it says nothing."""


class Breaker(Protocol):
    """Keeps the whole fleet from asking a gateway that refuses us or says nothing. Never raises."""

    def leave(self, count: int) -> Leave:
        """Whether a batch of `count` questions may go out. Who gets a probe must report it, asked or not."""
        ...

    def room(self) -> int | None:
        """How many questions make sense now: None for any number, 1 when a probe is due. Takes nothing."""
        ...

    def report(self, heard: Heard, *, probe: str = "") -> float:
        """Tell what came of questions; seconds for which nothing more may be asked, 0 while all is well."""
        ...

    def view(self) -> BreakerView:
        """Its state, for a person to look at."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OtpLeave:
    """Whether a one-time code may be sent now: in how many seconds, 0 when at once, and whether all numbers wait so long."""

    wait: float = 0.0
    is_for_all: bool = False


class OtpLimit(Protocol):
    """How often one-time codes are sent. Never raises."""

    def take(self, number: str) -> OtpLeave:
        """Leave to have one sent to this number; what it is given for counts, whatever comes of it."""
        ...


class Queue(Protocol):
    """The doorbell. A message may be lost or doubled; the rows know better."""

    def read_soon(self, callback_ids: Sequence[int]) -> bool:
        """Ring for these callbacks; False when the broker could not be reached. Never raises."""
        ...

    def ask_soon(self, transaction_ids: Sequence[int], *, lane: Lane) -> bool:
        """Ring for questions about these; False when the broker could not be reached. Never raises."""
        ...

    def replay_soon(self, plan_id: int) -> bool:
        """Ring for the next batch of a replay plan; False when the broker could not be reached. Never raises."""
        ...

    def send_soon(self, transaction_pk: int) -> bool:
        """Ring for a payout that waited in the queue; False when the broker could not be reached. Never raises."""
        ...

    def deliver_soon(self) -> bool:
        """Ring for whatever notices are due; False when the broker could not be reached. Never raises."""
        ...

    def room_to_deliver(self) -> bool:
        """Whether ringing for notices makes sense: False while as many messages wait as the workers can take for now."""
        ...

    def room_to_read(self) -> bool:
        """Whether ringing for more callbacks makes sense: False while as many wait as the workers can take for now."""
        ...

    def room_to_ask(self) -> bool:
        """The same for the sweep's questions; those somebody waits for are rung for without asking."""
        ...

    def echo(self, name: str) -> list[str]:
        """Have each queue's workers leave the sign `name:QUEUE`: the queues it was sent to. None with the broker away."""
        ...

    def waiting(self) -> dict[str, int] | None:
        """How many messages wait, by queue, for a person to look at; None when the broker could not be reached."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was left by somebody who ran: so many seconds ago, by a clock that many seconds ahead of the keeper's."""

    age: float
    ahead: float
    facts: Mapping[str, float]


class Signs(Protocol):
    """Proof that something ran, kept for a while outside the books. Nothing but a person's view of the fleet rests on it."""

    def leave(self, name: str, facts: Mapping[str, float] | None = None, *, life: float) -> None:
        """Leave the sign of this name for `life` seconds. Never raises."""
        ...

    def find(self, name: str) -> Sign | None:
        """The newest sign of this name, if any. Raises `TryAgain` while nobody keeps them."""
        ...


class Wire(Protocol):
    """Reads what the gateway sends."""

    def read_callback(self, content_type: str, body: bytes) -> CallbackContent:
        """Raises Unreadable and nothing else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How the merchant's application answered one delivery. `trouble` is a sentence; empty when it took the notice."""

    took: float
    """Seconds."""
    http_status: int | None = None
    trouble: str = ""
    retry_after: float = 0.0
    """Seconds for which it asked to be left alone."""


class Merchant(Protocol):
    """The merchant's application, as far as the jobs know it. Called from many threads at once."""

    def deliver(self, event_id: str, body: str) -> Reply:
        """Send this event, signed. Never raises for trouble of the application: that is a reply too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What an invoice takes from the settings when its order does not say."""

    callback_url: str
    return_url: str = ""
    cancel_url: str = ""
    name: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One LigdiCash project: whom to ask with its keys, how often and whether, and what its invoices take by default.

    As it is now. Take it once for a batch: after a change of keys, what was begun with it is finished with it.
    """

    name: str
    gateway: Gateway
    budget: Budget
    breaker: Breaker
    shop: Shop
    rate: float
    """Questions a second that the budget holds for the whole fleet."""
    keys: str = ""
    """A name for its keys that tells nothing about them, and shows when they changed."""
    operators: Collection[str] = ()
    """Ids of the operators the project has at the gateway; none where the settings do not say."""

    def questions(self, lane: Lane) -> int:
        """How many make sense now: what the budget has for this lane, and one at most while a probe is due."""
        room = self.budget.room(lane)
        let_through = self.breaker.room()
        return room if let_through is None else min(room, let_through)


class Accounts(Protocol):
    """The accounts of this installation, as they are now. Called from many threads at once."""

    @property
    def names(self) -> Sequence[str]:
        """All of them, `default` first."""
        ...

    @property
    def faults(self) -> Sequence[str]:
        """What is wrong with the files they are read from; while it is, the accounts are those read before."""
        ...

    def find(self, name: str) -> Account | None:
        """The account of this name; None when nobody set one up, or somebody took it away."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """Everything a job may use besides its arguments. One per process."""

    sessions: Sessions
    accounts: Accounts
    locks: Locks
    queue: Queue
    signs: Signs
    otps: OtpLimit
    wire: Wire
    lengths: Lengths
    pending_after: timedelta
    sweep_batch: int
    asking: Executor
    """Bounds how many questions this process asks at once."""
    retention: Retention = field(default_factory=Retention)
    """How long things are kept; for ever, unless somebody says otherwise."""
    approval_above: int = 0
    """Whole francs above which a payout waits for a person; 0: none does."""
    meter: Meter = field(default_factory=Unmetered)
    merchant: Merchant | None = None
    """None where nothing is pushed: then notices wait, and the application reads them by itself."""
    draw: Callable[[], float] = field(default=random.random)
    """A number in [0, 1), for jitter."""
    uptime: Callable[[], float] = field(default=uptime)
    """Seconds on a clock that nobody sets."""

    @property
    def all_accounts(self) -> Sequence[Account]:
        """Every account there is now, `default` first."""
        return [account for name in self.accounts.names if (account := self.accounts.find(name))]

    def account(self, name: str) -> Account:
        """The account of this name. Raises `Invalid`, whose sentence names those there are."""
        if found := self.accounts.find(name):
            return found
        raise Invalid(f"account: there is no account {name[:40]!r} here; there are {', '.join(self.accounts.names)}")


def in_batches(ids: Sequence[int], *, size: int) -> Iterator[Sequence[int]]:
    """Cut a long list into slices of at most `size`."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
