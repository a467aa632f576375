"""The side of the fake gateway that money goes out by; with memory, and usable from many threads."""

from __future__ import annotations

import threading
from collections.abc import Callable

from models.answers import Answer, Said
from models.payout import Accepted, PayoutOrder


class FakePayouts:
    """The side of a fake gateway that money goes out by; with memory.

    `send_fault` is raised instead of accepting. `during_send` runs in the middle of a call: the payout is then counted as
    received, whatever comes of it.
    """

    def __init__(self) -> None:
        self.received: list[PayoutOrder] = []
        self.asked: list[str] = []
        self.send_fault: Exception | None = None
        self.during_send: Callable[[PayoutOrder], object] = lambda _order: None
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()

    def says(self, token: str, *answers: Answer) -> None:
        """Answer questions about this token so, in this order; the last answer stands from then on."""
        with self._lock:
            self._answers[token] = list(answers)

    def send_payout(self, order: PayoutOrder) -> Accepted:
        """Remember the payout; its token says `pending` until told otherwise."""
        with self._lock:
            self.received.append(order)
        self.during_send(order)
        if self.send_fault is not None:
            raise self.send_fault
        with self._lock:
            token = f"payout-{len(self.received)}-of-{order.transaction_id}"
            self._answers.setdefault(token, [Answer(said=Said.PENDING)])
        return Accepted(token=token)

    def confirm_payout(self, token: str) -> Answer:
        """The next answer about this token; an unknown token is not understood."""
        with self._lock:
            self.asked.append(token)
            answers = self._answers.get(token, [Answer(said=Said.UNKNOWN)])
            return answers.pop(0) if len(answers) > 1 else answers[0]
