"""How it is often done: small handlers with the faults the museum keeps, so that a test can show what each one loses."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from models.answers import Answer, Said
from models.transaction import Status

Ask = Callable[[str], Answer]


class SeenOnce:
    """Handles each callback once, by SETNX on the transaction id, before anything else: the vendor's own sample does so."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._seen: set[str] = set()
        self.settled: list[str] = []
        self.handled = 0

    def callback(self, transaction_id: str) -> None:
        if transaction_id in self._seen:
            return
        self._seen.add(transaction_id)
        self.handled += 1
        if self._ask(transaction_id).said is Said.COMPLETED:
            self.settled.append(transaction_id)


class KnownTokensOnly:
    """Drops a callback about an invoice whose token is not stored yet."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.to_ask: list[str] = []

    def callback(self, transaction_id: str) -> None:
        if transaction_id in self.tokens:
            self.to_ask.append(transaction_id)


class LastWriterWins:
    """Asks, and writes down what it heard, whatever the row has become meanwhile."""

    def __init__(self) -> None:
        self.status = Status.PENDING

    def record(self, answer: Answer) -> None:
        self.status = Status(answer.said.value)


class FinalIsFinal:
    """Believes the first outcome and never looks again."""

    def __init__(self) -> None:
        self.status = Status.PENDING

    def record(self, answer: Answer) -> None:
        if self.status is Status.PENDING:
            self.status = Status(answer.said.value)


class CountedAttempts:
    """Gives up after five questions, answered or not; an exception nobody thought of ends it as well."""

    def __init__(self) -> None:
        self.left = 5

    def ask(self, ask: Callable[[], Answer]) -> None:
        if not self.left:
            return
        self.left -= 1
        try:
            answer = ask()
        except Exception:  # noqa: BLE001 - the fault on show
            self.left = 0
        else:
            self.left = self.left if answer.said is not Said.COMPLETED else 0


def looks_back(ages: Iterable[float], *, window: float = 1800) -> list[float]:
    """What a scheduler finds that looks for what fell due within its window, in seconds."""
    return [age for age in ages if age <= window]


def newest_by_second(facts: Iterable[tuple[int, str]]) -> str:
    """The latest of some facts by their time in whole seconds: of two in one second the first stays."""
    kept_at, kept = -1, ""
    for at, fact in facts:
        if at > kept_at:
            kept_at, kept = at, fact
    return kept
