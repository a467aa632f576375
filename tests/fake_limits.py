"""Stand-ins for what keeps questions apart and bounds them: locks, budget, breaker. In one process, with memory."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.check import Lane
from tasks.toolbox import BreakerState, BreakerView, Heard, LaneLevel, Leave, LockView, OtpLeave, Turn


class FakeOtpLimit:
    """Gives leave, or says to wait; remembers for whom it was asked."""

    def __init__(self) -> None:
        self.leave = OtpLeave()
        self.asked: list[str] = []

    def take(self, number: str) -> OtpLeave:
        self.asked.append(number)
        return self.leave


class FakeLocks:
    """Locks in one process. `others` are held by somebody else; with `is_away` all count as taken."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.others: set[int] = set()
        self.is_away = False
        self._lock = threading.Lock()

    def take(self, ids: Sequence[int]) -> FakeHeld:
        with self._lock:
            free = set(ids) if self.is_away else set(ids) - self.held - self.others
            self.held |= free
        return FakeHeld(self, frozenset(free))

    def view(self, transaction_pk: int) -> LockView:
        if self.is_away:
            return LockView(is_held=None)
        is_held = transaction_pk in self.held | self.others
        return LockView(is_held=is_held, ends_in=20.0 * is_held, holder="4711@elsewhere" * is_held)


@dataclass(frozen=True)
class FakeHeld:
    """What one `take` got."""

    locks: FakeLocks
    ids: frozenset[int]

    def release(self, ids: Collection[int]) -> None:
        self.locks.held -= self.ids.intersection(ids)


class FakeBudget:
    """A budget that grants everything, or no more than what is `left`; it keeps who took how many."""

    def __init__(self) -> None:
        self.taken: list[tuple[Lane, int]] = []
        self.left: int | None = None
        self.next_in = 0.0
        self.all_in = 0.0
        self._lock = threading.Lock()

    def take(self, lane: Lane, count: int) -> Turn:
        with self._lock:
            granted = count if self.left is None else min(count, self.left)
            if self.left is not None:
                self.left -= granted
            self.taken.append((lane, granted))
        return Turn(granted=granted, next_in=self.next_in, all_in=self.all_in)

    def room(self, lane: Lane) -> int:
        del lane
        return 1_000_000 if self.left is None else self.left

    def levels(self) -> list[LaneLevel]:
        return [
            LaneLevel(lane=lane, room=self.room(lane), granted=sum(n for who, n in self.taken if who is lane))
            for lane in Lane
        ]


class FakeBreaker:
    """A breaker that is closed, or says to wait as long as it was told to; it keeps what was heard."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.wait = 0.0
        self.probe = ""
        self.probes_back: list[str] = []

    def leave(self, count: int) -> Leave:
        del count
        return Leave(wait=self.wait, why="the gateway is not asked for now" if self.wait else "", probe=self.probe)

    def room(self) -> int | None:
        return 0 if self.wait else 1 if self.probe else None

    def report(self, heard: Heard, *, probe: str = "") -> float:
        self.heard.append(heard)
        if probe:
            self.probes_back.append(probe)
        return self.wait

    def view(self) -> BreakerView:
        return BreakerView(state=BreakerState.OPEN if self.wait else BreakerState.CLOSED)
