"""What strikes in the middle of the demo: processes killed with no warning, Redis emptied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import redis

from worker.embedded.environment import given
from worker.embedded.shape import Shape
from worker.language import _


@dataclass(frozen=True, slots=True)
class Fault:
    """One blow, at a share of the traffic's time."""

    at: float
    words: str
    strike: Callable[[], object]


AT_THE_DOOR = 0.55
"""When the door is killed, as a share of the traffic's time."""


def faults(shape: Shape, *, may_flush: bool, in_a_call: Callable[[], object] | None = None) -> list[Fault]:
    """The blows of one demo. Redis is emptied only when it is the embedded one: another may serve others too.

    `in_a_call` returns when the door is in the middle of sending a payout; without it the door is killed whatever it does.
    """
    wait = in_a_call or (lambda: None)
    at_the_door = _("kill -9 web, in the middle of a payout") if in_a_call else _("kill -9 web")
    blows = [
        Fault(0.25, _("kill -9 worker"), lambda: shape.kill("worker")),
        Fault(AT_THE_DOOR, at_the_door, lambda: (wait(), shape.kill("web"))),
        Fault(0.70, _("kill -9 beat"), lambda: shape.kill("beat")),
        Fault(0.85, _("kill -9 worker"), lambda: shape.kill("worker")),
    ]
    if may_flush:
        blows.append(Fault(0.40, _("FLUSHALL on Redis"), lambda: _flush(given(shape.environment, "REDIS_URL"))))
    return sorted(blows, key=lambda blow: blow.at)


def _flush(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        client.flushall()
