"""When the breaker opens, who may probe, and when it closes: pure values and functions, without clock and store."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from config import policy
from tasks.toolbox import BreakerState, Heard

BRIEFLY = 1.0
"""Seconds to wait at least while the breaker is open: a probe under way may end at any moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """What the fleet knows of the gateway. Times are seconds since 1970 by the store's clock.

    Closed while `step` is 0. Open until `until`; from then one probe at a time may ask, each until `probe_until` at most.
    """

    silences: int = 0
    """Unanswered questions since the last answer, while closed."""
    silent_since: float = 0.0
    step: int = 0
    """How many times in a row it has opened."""
    is_refused: bool = False
    reason: str = ""
    opened_at: float = 0.0
    until: float = 0.0
    probe: str = ""
    probe_until: float = 0.0
    held_back: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is open, waiting for a probe included."""
        return self.step > 0

    def state(self, now: float) -> BreakerState:
        """In one word."""
        if not self.is_open:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self.until else BreakerState.PROBING

    def wants_probe(self, now: float) -> bool:
        """Whether one question should go out now: its time has come, and no live probe is under way."""
        return self.is_open and now >= self.until and (not self.probe or now >= self.probe_until)

    def wait(self, now: float) -> float:
        """Seconds until asking makes sense again; 0 while closed."""
        return max(self.until - now, BRIEFLY) if self.is_open else 0.0

    def with_probe(self, name: str, *, now: float, life: float) -> Circuit:
        """Somebody sets out to ask the one question. A probe that is never heard of again is replaced after `life`."""
        return replace(self, probe=name, probe_until=now + life)

    def holding_back(self, count: int) -> Circuit:
        """So many more questions did not go out."""
        return replace(self, held_back=self.held_back + count)

    def after(self, heard: Heard, *, probe: str, now: float) -> Circuit:
        """What these outcomes make of it.

        While open only the probe counts: what comes in late was asked before, and says nothing new.
        """
        if self.is_open:
            return self._after_probe(heard, now=now) if probe and probe == self.probe else self
        if heard.answers:  # a mixed picture: whoever answers some of us is there
            return Circuit()
        if heard.refusals:
            return self.opened(heard, now=now)
        if not heard.silences:
            return self
        counted = replace(self, silences=self.silences + heard.silences, silent_since=self.silent_since or now)
        is_lasting = now - counted.silent_since >= policy.SILENCE_FOR
        return (
            counted.opened(heard, now=now) if counted.silences >= policy.SILENCES_IN_A_ROW and is_lasting else counted
        )

    def _after_probe(self, heard: Heard, *, now: float) -> Circuit:
        if heard.answers:
            return Circuit()
        if heard.refusals or heard.silences:
            return self.opened(heard, now=now)
        return replace(self, probe="", probe_until=0.0)  # it asked nothing, or learned nothing: the next one may

    def opened(self, heard: Heard, *, now: float) -> Circuit:
        """It opens because of these, or once more, for longer."""
        step = self.step + 1
        is_refused = heard.refusals > 0
        return Circuit(
            step=step,
            is_refused=is_refused,
            reason=heard.reason,
            opened_at=self.opened_at or now,
            until=now + policy.open_for(step, refused=is_refused),
            held_back=self.held_back,
        )


def dump(circuit: Circuit) -> str:
    """As text, to be compared and kept; empty for the one that knows nothing."""
    return "" if circuit == Circuit() else json.dumps(asdict(circuit))


def load(text: str) -> Circuit:
    """Read it back. What another release wrote counts as nothing known."""
    try:
        return Circuit(**json.loads(text)) if text else Circuit()
    except (ValueError, TypeError):
        return Circuit()
