"""What the jobs tell about their own work, to be counted. Nothing in them depends on whether somebody listens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from models.answers import Answer
from models.callback import Outcome
from models.check import Lane
from models.transaction import Kind, Status


class Ran(StrEnum):
    """How a task ended."""

    DONE = "done"
    PUT_OFF = "put_off"
    """By expected trouble."""
    FAILED = "failed"
    """By a surprise, which the log has."""


class Why(StrEnum):
    """Why a question did not go out."""

    BREAKER = "breaker"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedOne:
    """One transaction that reached an outcome by an answer. Amounts in whole francs, ages in seconds."""

    account: str
    kind: Kind
    status: Status
    lane: Lane
    amount: int
    after_creation: float
    after_callback: float | None = None
    """None for what no callback announced, and for what was not settled."""

    @property
    def learned_by(self) -> Lane:
        """As the books count it: by callback where one came before, whoever asked."""
        return self.lane if self.after_callback is None else Lane.CALLBACK


class Meter(Protocol):
    """Counts. Called from many threads, after the commit where there is one; never raises, and never waits."""

    def read(self, outcomes: Mapping[Outcome, int]) -> None:
        """So many callbacks were read, by what became of them."""
        ...

    def answered(self, account: str, lane: Lane, answers: Sequence[Answer]) -> None:
        """These came of questions to this account."""
        ...

    def put_off(self, account: str, lane: Lane, *, why: Why, count: int) -> None:
        """So many questions did not go out."""
        ...

    def moved(self, moved: Sequence[MovedOne]) -> None:
        """These reached an outcome."""
        ...

    def swept(self, *, callbacks: int, transactions: int, parked: int) -> None:
        """What one sweep found due."""
        ...

    def told(self, took: Sequence[float], *, failed: int, stopped: int) -> None:
        """Deliveries were tried, and took so many seconds each; how many of them came to nothing, or to nothing for good."""
        ...

    def ran(self, task: str, how: Ran, seconds: float) -> None:
        """A task of this name ended."""
        ...


class Unmetered:
    """Where nobody listens."""

    def read(self, outcomes: Mapping[Outcome, int]) -> None:
        """Nothing."""

    def answered(self, account: str, lane: Lane, answers: Sequence[Answer]) -> None:
        """Nothing."""

    def put_off(self, account: str, lane: Lane, *, why: Why, count: int) -> None:
        """Nothing."""

    def moved(self, moved: Sequence[MovedOne]) -> None:
        """Nothing."""

    def swept(self, *, callbacks: int, transactions: int, parked: int) -> None:
        """Nothing."""

    def told(self, took: Sequence[float], *, failed: int, stopped: int) -> None:
        """Nothing."""

    def ran(self, task: str, how: Ran, seconds: float) -> None:
        """Nothing."""
