"""What a step is: where a process can die, how an invoice comes there, what is left behind, and who heals it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from models.check import Lane


class Program(StrEnum):
    """Which process dies."""

    WEB = "web"
    WORKER = "worker"
    BEAT = "beat"


class When(StrEnum):
    """On which side of the named function the process dies."""

    BEFORE = "before"
    AFTER = "after"


class Scene(StrEnum):
    """How an invoice comes to the step."""

    ORDERED = "the merchant orders"
    PAID_OUT = "the merchant orders a payout"
    QUEUED = "the merchant orders a payout while sending is switched off, and then it goes on"
    TURNED_DOWN = "the same, and the gateway refuses it"
    CALLED_BACK = "the customer pays, one callback comes"
    UNTOLD = "the customer pays, no callback comes"
    UNRUNG = "the customer pays, one callback comes, its message is lost"
    AWAY = "the customer pays, one callback comes while the database takes nothing"
    BACK = "the same, and then the database takes it"


OUT_OF_QUEUE = (Scene.QUEUED, Scene.TURNED_DOWN)
PAYOUT_SCENES = (Scene.PAID_OUT, *OUT_OF_QUEUE)


class Healer(StrEnum):
    """Who makes it good."""

    NOBODY = "nobody has to: the books balance"
    MESSAGE = "its message, which is in the broker"
    DRAINER = "the next door, which drains the spool"
    SWEEP_READS = "the sweep, which finds the callback unread"
    SWEEP_ASKS = "the sweep, which finds the invoice due"
    READ_AGAIN = "its message, delivered again, or the sweep, which finds the callback unread"
    TOLD_AGAIN = "the sweep, which finds the notice due when its lease is over"
    SWEEP_SENDS = "the sweep, which finds the payout due when its lease is over"
    SENT_BY_MESSAGE = "its message, delivered again"
    SWEEP_TELLS = "the sweep, which finds the notice due"
    MERCHANT = "the merchant, who sends the same order again"
    PERSON = "a person: the sweep opens a case `token_lost`"


LEARNED_BY: Mapping[Healer, tuple[Lane, ...]] = {
    Healer.NOBODY: (Lane.CALLBACK,),
    Healer.MESSAGE: (Lane.CALLBACK,),
    Healer.DRAINER: (Lane.CALLBACK,),
    Healer.SWEEP_READS: (Lane.CALLBACK,),
    Healer.SWEEP_ASKS: (Lane.SWEEP,),
    Healer.READ_AGAIN: (Lane.CALLBACK,),
    Healer.TOLD_AGAIN: (Lane.CALLBACK,),
    Healer.SWEEP_SENDS: (Lane.CALLBACK,),
    Healer.SENT_BY_MESSAGE: (Lane.CALLBACK,),
    Healer.SWEEP_TELLS: (),
    Healer.MERCHANT: (Lane.CALLBACK,),
    Healer.PERSON: (),
}
"""The lane of the question that decided, by who made it good: the books tell who it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What the stores hold when the process is gone: committed rows, locks, messages.

    `invoice` and `callback` tell how it stands and, after a comma, when it is looked at by itself.
    """

    invoice: str
    callback: str = "none"
    is_locked: bool = False
    to_read: int | None = 0
    to_ask: int | None = 0
    """Messages about callbacks and about questions, waiting or taken and not acknowledged; None where another process
    works on them that very moment."""

    @property
    def is_moving(self) -> bool:
        """Whether somebody works on it that very moment: then the lock and the invoice's date move, too."""
        return self.to_read is None or self.to_ask is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One place to die at: before or after the first call of `where` that is `aimed` at."""

    name: str
    says: str
    program: Program
    when: When
    where: str
    """`module:name`, as its caller finds it."""
    left: Left
    healer: Healer
    within: float
    """Seconds from the death until the books balance, at most."""
    scene: Scene = Scene.CALLED_BACK
    aimed: Callable[..., bool] = field(default=lambda *_, **__: True)
    takes_parent: bool = False
    """The worker's main process dies too."""
    received: tuple[int, int] | None = None
    """Of a payout: how often the gateway was told of it by then, and how often in the end, however often it is ordered."""
    keeps_still: bool = False
    """The worker stands still until the process is dead: it would work on what was just published."""


def web_step(name: str, says: str, **more: Any) -> Step:
    """A step of the HTTP door."""
    return Step(name=name, says=says, program=Program.WEB, **more)


def worker_step(name: str, says: str, **more: Any) -> Step:
    """A step of the worker."""
    return Step(name=name, says=says, program=Program.WORKER, **more)
