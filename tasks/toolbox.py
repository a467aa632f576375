"""What the jobs need of the outside world, as small shapes. `worker.bootstrap` fills them, tests bring fakes."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from config.policy import Lengths
from models.answers import Answer, CallbackContent, Created
from models.check import Lane
from models.order import InvoiceOrder
from models.session import Sessions


class Gateway(Protocol):
    """LigdiCash, as far as the jobs know it. Called from many threads at once."""

    def create_invoice(self, order: InvoiceOrder) -> Created:
        """Raises NotSent, GatewayRefused, GatewayMisconfigured, or OutcomeUnknown when the reply is lost."""
        ...

    def confirm(self, token: str) -> Answer:
        """Never raises for trouble of the gateway: that is an answer too."""
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


class Locks(Protocol):
    """One question at a time per transaction. Saves work; guards no money."""

    def take(self, ids: Sequence[int]) -> Held:
        """Take those that are free. With the lock server gone, all count as taken: the database guards alone."""
        ...


class Queue(Protocol):
    """The doorbell. A message may be lost or doubled; the rows know better."""

    def read_soon(self, callback_ids: Sequence[int]) -> bool:
        """Ring for these callbacks; False when the broker could not be reached. Never raises."""
        ...

    def ask_soon(self, transaction_ids: Sequence[int], *, lane: Lane) -> bool:
        """Ring for questions about these; False when the broker could not be reached. Never raises."""
        ...

    def room_to_read(self) -> bool:
        """Whether ringing for more callbacks makes sense: False while as many wait as the workers can take for now."""
        ...

    def room_to_ask(self) -> bool:
        """The same for the sweep's questions; those somebody waits for are rung for without asking."""
        ...


class Wire(Protocol):
    """Reads what the gateway sends."""

    def read_callback(self, content_type: str, body: bytes) -> CallbackContent:
        """Raises Unreadable and nothing else."""
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
class Toolbox:
    """Everything a job may use besides its arguments. One per process."""

    sessions: Sessions
    gateway: Gateway
    locks: Locks
    queue: Queue
    wire: Wire
    shop: Shop
    lengths: Lengths
    pending_after: timedelta
    sweep_batch: int
    asking: Executor
    """Bounds how many questions this process asks at once."""
    draw: Callable[[], float] = field(default=random.random)
    """A number in [0, 1), for jitter."""


def in_batches(ids: Sequence[int], *, size: int) -> Iterator[Sequence[int]]:
    """Cut a long list into slices of at most `size`."""
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
