"""Draws what is left to chance, so that one seed and one transaction id always give the same fate."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, replace

from worker.ligdicash.simulator.manners import Manners, Status, Stray, Twins
from worker.ligdicash.simulator.options import Fault, FaultKind, Faults, Options, Span

NO_FAULT = Fault()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What befalls one payment nobody decides. `mishap` names what befalls its callbacks, whoever decides."""

    outcome: Status
    pays_after: float
    mishap: str
    manners: Manners


def draw_fate(options: Options, key: str) -> Fate:
    """The fate of one transaction. Independent of order and of threads."""
    dice = random.Random(f"{options.seed}:{key}")  # noqa: S311 - a repeatable test, not a secret
    outcome = _outcome(options, dice.random())
    pays_after = within(options.pay_delay, dice)
    mishap = _mishap(options, dice.random())
    return Fate(
        outcome=outcome,
        pays_after=pays_after,
        mishap=mishap,
        manners=_suffer(options.manners, mishap, late_by=within(options.mishaps.late_by, dice)),
    )


def within(span: Span, dice: random.Random) -> float:
    """Seconds drawn from a span."""
    return dice.uniform(span.low, span.high)


def _outcome(options: Options, number: float) -> Status:
    if number < options.shares.completed:
        return Status.COMPLETED
    if number < options.shares.completed + options.shares.notcompleted:
        return Status.NOTCOMPLETED
    return Status.PENDING


def _mishap(options: Options, number: float) -> str:
    for name in ("lost", "late", "doubled", "reordered"):
        number -= getattr(options.mishaps, name)
        if number < 0:
            return name
    return ""


def _suffer(manners: Manners, mishap: str, *, late_by: float) -> Manners:
    match mishap:
        case "lost":
            return replace(manners, twins=Twins.NONE)
        case "late":
            return replace(manners, delay=manners.delay + late_by)
        case "doubled":
            return replace(manners, copies=manners.copies * 2)
        case "reordered":
            # The twins change places, and a `pending` arrives after the final word.
            return replace(manners, twins=manners.twins.reversed, pending=Stray.LAST)
        case _:
            return manners


class FaultBox:
    """The faults in force: one set for all calls, and one for each transaction that was given its own."""

    def __init__(self, faults: Faults, *, seed: int) -> None:
        self._everywhere = faults
        self._single: dict[str, Faults] = {}
        self._dice = random.Random(seed)  # noqa: S311 - as above
        self._lock = threading.Lock()

    @property
    def everywhere(self) -> Faults:
        """The faults of all calls."""
        return self._everywhere

    def single(self, key: str) -> Faults:
        """The faults of one transaction alone."""
        return self._single.get(key, Faults())

    def set(self, faults: Faults, *, key: str = "") -> None:
        """Put faults in force, for all calls or for one transaction, which need not exist yet."""
        with self._lock:
            if key:
                self._single[key] = faults
            else:
                self._everywhere = faults

    def on_create(self, key: str) -> Fault:
        """The fault this create meets; a transaction's own comes before that of all."""
        return self._first(self.single(key).create, self._everywhere.create)

    def on_otp(self) -> Fault:
        """The fault that the sending of a code meets; it belongs to no transaction yet."""
        return self._first(self._everywhere.otp)

    def on_confirm(self, key: str) -> Fault:
        """The fault this confirm meets."""
        return self._first(self.single(key).confirm, self._everywhere.confirm)

    def _first(self, *faults: Fault) -> Fault:
        for fault in faults:
            if fault.kind is not FaultKind.NONE and self._drawn(fault.share):
                return fault
        return NO_FAULT

    def _drawn(self, share: float) -> bool:
        if share >= 1:
            return True
        with self._lock:
            return self._dice.random() < share
