"""The gateway's side of the story: every payment, every question, every callback sent. One lock guards all of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from models.errors import NotFound
from worker.ligdicash.simulator.payment import Delivery, Payment, Record


class Counter(StrEnum):
    """What belongs to no payment. Counted since the start; not kept between runs."""

    CREATES_REFUSED = "creates_refused"
    CREDENTIALS_REFUSED = "credentials_refused"
    CREDENTIALS_WITHDRAWN = "credentials_withdrawn"
    """Of the refused: those that were good once."""
    UNKNOWN_TOKENS = "unknown_tokens"
    FOREIGN_QUESTIONS = "foreign_questions"
    """Questions about a payment with the credentials of another project."""
    RATE_LIMITED = "rate_limited"
    FORGED = "forged"
    STRAIGHT_CREATES = "straight_creates"
    WALLET_CREATES = "wallet_creates"
    PAYERS_REFUSED = "payers_refused"
    """Creates refused for the payer's sake: code, balance, operator."""
    OTPS_SENT = "otps_sent"
    OTPS_REFUSED = "otps_refused"
    OTPS_DIALLED = "otps_dialled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that was noted: about which payment, and how many seconds after the one before."""

    payment: Payment
    gap: float | None


@dataclass(slots=True)
class Books:
    """Keeps the records in the order of creation. Hands out frozen payments and copies, never its own lists."""

    on_change: Callable[[], None] = lambda: None
    counters: dict[Counter, int] = field(default_factory=lambda: dict.fromkeys(Counter, 0))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _records: list[Record] = field(default_factory=list)
    _by_token: dict[str, Record] = field(default_factory=dict)
    _by_key: dict[str, Record] = field(default_factory=dict)
    _numbers: int = 0

    def load(self, records: Iterable[Record]) -> None:
        """Take over what an earlier run left."""
        with self._lock:
            for record in records:
                self._file(record)
            self._numbers = len(self._records)

    def next_number(self) -> int:
        """A number no other invoice of these books has."""
        with self._lock:
            self._numbers += 1
            return self._numbers

    def add(self, payment: Payment) -> None:
        """File a new payment. The gateway takes one merchant's reference twice; the newer one is then found by it."""
        with self._lock:
            self._file(Record(payment=payment))
        self.on_change()

    def _file(self, record: Record) -> None:
        self._records.append(record)
        self._by_token[record.payment.token] = record
        self._by_key[record.payment.request_id] = record
        self._by_key[record.payment.key] = record

    def ask(self, token: str, *, moment: float) -> Asked | None:
        """Note a question; None when no payment has that token."""
        with self._lock:
            record = self._by_token.get(token)
            if record is None:
                self.counters[Counter.UNKNOWN_TOKENS] += 1
                return None
            gap = moment - record.asked_at[-1] if record.asked_at else None
            record.asked_at.append(moment)
            asked = Asked(payment=record.payment, gap=gap)
        self.on_change()
        return asked

    def count(self, counter: Counter) -> None:
        """Add one to a counter."""
        with self._lock:
            self.counters[counter] += 1

    def by_token(self, token: str) -> Payment | None:
        """The payment of that token."""
        with self._lock:
            record = self._by_token.get(token)
            return record.payment if record else None

    def get(self, key: str) -> Payment:
        """The payment of a merchant's or a gateway's reference; raises `NotFound`."""
        with self._lock:
            return self._find(key).payment

    def record(self, key: str) -> Record:
        """A copy of the payment with its history; raises `NotFound`."""
        with self._lock:
            return _copy(self._find(key))

    def _find(self, key: str) -> Record:
        record = self._by_key.get(key)
        if record is None:
            raise NotFound("no such transaction in the simulator")
        return record

    def change(self, token: str, make: Callable[[Payment], Payment]) -> Payment:
        """Replace a payment by what `make` makes of it, with no other change in between."""
        with self._lock:
            record = self._by_token[token]
            record.payment = changed = make(record.payment)
        self.on_change()
        return changed

    def note(self, token: str, delivery: Delivery) -> None:
        """Write down a callback that was sent."""
        with self._lock:
            self._by_token[token].deliveries.append(delivery)
        self.on_change()

    def records(self, *, after: int = 0, limit: int | None = None) -> list[Record]:
        """Copies in the order of creation, leaving out the first `after`."""
        with self._lock:
            end = None if limit is None else after + limit
            return [_copy(record) for record in self._records[after:end]]


def _copy(record: Record) -> Record:
    return Record(payment=record.payment, asked_at=list(record.asked_at), deliveries=list(record.deliveries))
