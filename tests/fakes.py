"""Stand-ins with memory for everything outside the database, and a toolbox made of them.

Each keeps what it was told and can be asked about it afterwards; none checks anything by itself. Usable from many threads.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from config.policy import Lengths
from config.settings import Settings, load_settings
from models.account import DEFAULT
from models.answers import Answer, Created, Said
from models.check import Lane
from models.order import InvoiceOrder
from models.payout import Accepted, PayoutOrder
from models.session import Sessions
from tasks.toolbox import (
    Account,
    Reply,
    Shop,
    Sign,
    Toolbox,
)
from tests.fake_limits import FakeBreaker, FakeBudget, FakeLocks, FakeOtpLimit
from tests.fake_payouts import FakePayouts
from worker.ligdicash import wire

API_KEY = "a-key-for-tests-only-0123456789"
CALLBACK_URL = "https://pay.example.com/api/callback/ligdicash"


def completed(amount: int, reference: str, **more: Any) -> Answer:
    """The gateway says: paid, this much, for this transaction id of ours."""
    return Answer(said=Said.COMPLETED, amount=amount, references=(reference,), **more)


def notcompleted(**more: Any) -> Answer:
    """The gateway says: not paid."""
    return Answer(said=Said.NOTCOMPLETED, **more)


def pending(**more: Any) -> Answer:
    """The gateway says: nothing decided yet."""
    return Answer(said=Said.PENDING, **more)


def silence(**more: Any) -> Answer:
    """The gateway says nothing."""
    return Answer(said=Said.SILENCE, trouble="no answer", **more)


class FakeGateway:
    """A gateway that knows the invoices made through it and says about each what it was told to say.

    `create_fault` is raised instead of creating, `otp_fault` instead of sending a code. `during_create` and
    `during_confirm` run in the middle of a call: the place to let something else happen meanwhile. With an `operator_page`
    an order that has a payer is answered with that address. `otps` are the codes that came, in order.
    """

    def __init__(self) -> None:
        self.orders: list[InvoiceOrder] = []
        self.otps: list[str] = []
        self.sent_to: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.payouts = FakePayouts()
        self.otp_fault: Exception | None = None
        self.operator_page = ""
        self.create_fault: Exception | None = None
        self.during_create: Callable[[InvoiceOrder], object] = lambda _order: None
        self.during_confirm: Callable[[str], object] = lambda _token: None
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    def says(self, token: str, *answers: Answer) -> None:
        """Answer questions about this token so, in this order; the last answer stands from then on."""
        with self._lock:
            self._answers[token] = list(answers)

    def create_invoice(self, order: InvoiceOrder, *, otp: str = "") -> Created:
        """Remember the order; its token says `pending` until told otherwise."""
        self.during_create(order)
        with self._lock:
            self.otps.append(otp)
            if self.create_fault is not None:
                raise self.create_fault
            self.orders.append(order)
            token = f"token-{len(self.orders)}-of-{order.transaction_id}"
            self._answers.setdefault(token, [pending(references=(order.transaction_id,), amount=order.amount)])
        page = self.operator_page if order.payer else f"https://gateway.example/pay/{token}"
        return Created(token=token, payment_url=page)

    def send_wallet_otp(self, number: str, amount: int) -> None:
        """Remember whom a code was to be sent to."""
        if self.otp_fault is not None:
            raise self.otp_fault
        self.sent_to.append((number, amount))

    def send_payout(self, order: PayoutOrder) -> Accepted:
        return self.payouts.send_payout(order)

    def confirm_payout(self, token: str) -> Answer:
        return self.payouts.confirm_payout(token)

    def confirm(self, token: str) -> Answer:
        """The next answer about this token; an unknown token is not found."""
        self.during_confirm(token)
        with self._lock:
            self.asked.append(token)
            answers = self._answers.get(token, [Answer(said=Said.NOT_FOUND)])
            return answers.pop(0) if len(answers) > 1 else answers[0]


class FakeQueue:
    """A doorbell that keeps count. With `is_away` it says no and remembers what it refused apart."""

    def __init__(self) -> None:
        self.read: list[list[int]] = []
        self.asked: list[tuple[list[int], Lane]] = []
        self.refused: list[list[int]] = []
        self.echoes: list[str] = []
        self.replays: list[int] = []
        self.to_send: list[int] = []
        self.is_away = False
        self.is_full_of_callbacks = False
        self.is_full_of_questions = False
        self.is_full_of_notices = False
        self.rung_for_notices = 0

    @property
    def ids_to_read(self) -> list[int]:
        """Every callback rung for, in order."""
        return [i for ids in list(self.read) for i in ids]

    @property
    def ids_to_ask(self) -> list[int]:
        """Every transaction rung for, in order, whatever the lane."""
        return [i for ids, _ in list(self.asked) for i in ids]

    def read_soon(self, callback_ids: Sequence[int]) -> bool:
        if self.is_away:
            self.refused.append(list(callback_ids))
            return False
        self.read.append(list(callback_ids))
        return True

    def ask_soon(self, transaction_ids: Sequence[int], *, lane: Lane) -> bool:
        if self.is_away:
            self.refused.append(list(transaction_ids))
            return False
        self.asked.append((list(transaction_ids), lane))
        return True

    def deliver_soon(self) -> bool:
        if self.is_away:
            return False
        self.rung_for_notices += 1
        return True

    def room_to_deliver(self) -> bool:
        return not self.is_full_of_notices

    def send_soon(self, transaction_pk: int) -> bool:
        if self.is_away:
            self.refused.append([transaction_pk])
            return False
        self.to_send.append(transaction_pk)
        return True

    def replay_soon(self, plan_id: int) -> bool:
        if self.is_away:
            self.refused.append([plan_id])
            return False
        self.replays.append(plan_id)
        return True

    def room_to_read(self) -> bool:
        return not self.is_full_of_callbacks

    def room_to_ask(self) -> bool:
        return not self.is_full_of_questions

    def echo(self, name: str) -> list[str]:
        self.echoes.append(name)
        return [] if self.is_away else ["callbacks", "fresh"]

    def waiting(self) -> dict[str, int] | None:
        return None if self.is_away else {"callbacks": len(self.read), "fresh": len(self.asked)}


class FakeSigns:
    """Signs in one process, always as fresh as `age` says."""

    def __init__(self) -> None:
        self.left: dict[str, Sign] = {}
        self.age = 0.0

    def leave(self, name: str, facts: Mapping[str, float] | None = None, *, life: float) -> None:
        del life
        self.left[name] = Sign(age=self.age, ahead=0.0, facts=dict(facts or {}))

    def find(self, name: str) -> Sign | None:
        return self.left.get(name)


class FakeMerchant:
    """The merchant's application: keeps the events it took, and answers as it was told to.

    `says` gives the answer to an event; `during` runs in the middle of a delivery.
    """

    def __init__(self) -> None:
        self.tried: list[str] = []
        self.taken: list[dict[str, Any]] = []
        self.says: Callable[[dict[str, Any]], Reply] = lambda _event: Reply(took=0.01, http_status=200)
        self.during: Callable[[dict[str, Any]], object] = lambda _event: None
        self._lock = threading.Lock()

    @property
    def ids(self) -> list[str]:
        """Ids of the events it took, in the order in which they came."""
        return [event["id"] for event in list(self.taken)]

    def deliver(self, event_id: str, body: str) -> Reply:
        event = json.loads(body)
        assert event["id"] == event_id
        self.during(event)
        reply = self.says(event)
        with self._lock:
            self.tried.append(event_id)
            if not reply.trouble:
                self.taken.append(event)
        return reply


def answers(status: int, **more: Any) -> Reply:
    """The application answers so; whatever is not 2xx is trouble."""
    return Reply(took=0.01, http_status=status, trouble="" if status < 300 else f"it answered {status}", **more)


class AtOnce(Executor):
    """Runs what it is given then and there, in the caller's thread: questions in the order they were asked."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - as any executor does
            future.set_exception(exc)
        return future


class FakeAccounts:
    """The accounts somebody set up: `add` and `remove` are what changes of their file come to."""

    def __init__(self, *accounts: Account) -> None:
        self.faults: list[str] = []
        self._accounts = {account.name: account for account in accounts}

    @property
    def names(self) -> list[str]:
        return list(self._accounts)

    def find(self, name: str) -> Account | None:
        return self._accounts.get(name)

    def add(self, account: Account) -> None:
        """Set it up, or change it."""
        self._accounts = self._accounts | {account.name: account}

    def remove(self, name: str) -> None:
        """Take it away."""
        self._accounts = {n: account for n, account in self._accounts.items() if n != name}


@dataclass
class Fakes:
    """The stand-ins of one toolbox."""

    gateway: FakeGateway = field(default_factory=FakeGateway)
    queue: FakeQueue = field(default_factory=FakeQueue)
    signs: FakeSigns = field(default_factory=FakeSigns)
    locks: FakeLocks = field(default_factory=FakeLocks)
    otps: FakeOtpLimit = field(default_factory=FakeOtpLimit)
    budget: FakeBudget = field(default_factory=FakeBudget)
    breaker: FakeBreaker = field(default_factory=FakeBreaker)
    merchant: FakeMerchant = field(default_factory=FakeMerchant)

    def account(self, name: str, **overrides: Any) -> Account:
        """An account of these stand-ins; any field can be replaced by name."""
        parts: dict[str, Any] = {
            "gateway": self.gateway,
            "budget": self.budget,
            "breaker": self.breaker,
            "shop": Shop(callback_url=CALLBACK_URL),
            "rate": 50.0,
        }
        return Account(name=name, **(parts | overrides))


LENGTHS = Lengths(
    question=13, batch=30, soft_limit=24, hard_limit=29, lock=34, lease=39, visibility=44, retry=49, reading=60
)
"""The shape that the default settings give, but that no batch is out of time because the machine stood still."""


def toolbox(sessions: Sessions, fakes: Fakes | None = None, **overrides: Any) -> Toolbox:
    """A toolbox on a real database, with stand-ins for all else and the real wire; any field can be replaced by name.

    So can those of its one account, `gateway`, `budget`, `breaker`, `shop` and `operators`, unless other `accounts` are given.
    """
    fakes = fakes or Fakes()
    own = {
        name: overrides.pop(name) for name in ("gateway", "budget", "breaker", "shop", "operators") if name in overrides
    }
    parts: dict[str, Any] = {
        "sessions": sessions,
        "accounts": FakeAccounts(fakes.account(DEFAULT, **own)),
        "locks": fakes.locks,
        "queue": fakes.queue,
        "signs": fakes.signs,
        "otps": fakes.otps,
        "wire": wire,
        "lengths": LENGTHS,
        "pending_after": timedelta(minutes=2),
        "sweep_batch": 200,
        "asking": AtOnce(),
        "draw": lambda: 0.0,
    }
    return Toolbox(**(parts | overrides))


def with_own(tools: Toolbox, fakes: Fakes, **parts: Any) -> Toolbox:
    """The same tools with other ones for their only account."""
    return replace(tools, accounts=FakeAccounts(fakes.account(DEFAULT, **parts)))


def settings_for(database_url: str, redis_url: str = "redis://127.0.0.1:1/0", **overrides: Any) -> Settings:
    """Settings of a development installation on these servers; nothing is read from a `.env` file."""
    parts: dict[str, Any] = {
        "_env_file": None,
        "environment": "development",
        "ligdicash_api_key": "key-for-tests",
        "ligdicash_api_token": "token-for-tests",
        "ligdicash_base_url": "http://127.0.0.1:1",
        "reconciler_api_key": API_KEY,
        "callback_url": CALLBACK_URL,
        "database_url": database_url,
        "redis_url": redis_url,
    }
    return load_settings(**(parts | overrides))
