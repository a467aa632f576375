"""Listen whether callbacks still come: a hush is when payments go on being completed and the callbacks about them stop.

Nothing is lost by it, for the sweep finds what nobody announces; it only takes longer, and somebody should ask the gateway
why. Mends nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from celery import shared_task

from config import hush, policy
from config.hush import Announced
from models.check import Lane
from models.queries.fsck.reading import reading
from models.queries.learned import Learned, Tally, learned_lately
from models.session import Sessions
from tasks.job import Job

log = structlog.get_logger()

HOURS = round(hush.BEFORE.total_seconds() / policy.HOUR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Callbacks that stopped, of one operator or altogether."""

    operator: str | None
    """None: whoever the operator is."""
    since: datetime | None
    """When the last callback came, if none came since; None when some still do, or none ever did."""
    completed: int
    """Payments completed: in the window, or since that callback as far as they were counted."""
    announced: int
    usual: float
    """The share that was to be expected, 0 to 1."""


def read_learned(sessions: Sessions, *, hours: int = 0) -> Learned:
    """How the payments of these hours came to be known, and of as many as it takes to say what is usual.

    How long they took is told of these hours alone. Raises `StoreAway`.
    """
    with reading(sessions) as session:
        return learned_lately(
            session,
            hours=max(hours, HOURS),
            window=hush.WINDOW,
            last=hush.LEAST,
            reach=hush.REACH,
            waits_of=hours,
        )


def hushes(learned: Learned) -> list[Hush]:
    """What has fallen silent: everything, or each operator that has. Pure."""
    first = learned.now - hush.BEFORE
    tallies = [tally for tally in learned.tallies if tally.hour > first]
    silent_for = None if learned.heard_at is None else learned.now - learned.heard_at
    everything = _hush(None, tallies, unread=learned.unread)
    if hush.is_cut_off(learned.missed, silent_for=silent_for):
        usual = hush.usual_share(_announced(tally for tally in tallies if not tally.is_recent))
        return [Hush(operator=None, since=learned.heard_at, completed=learned.missed, announced=0, usual=usual)]
    if everything is not None:
        return [everything]
    by_operator: dict[str, list[Tally]] = defaultdict(list)
    for tally in tallies:
        by_operator[tally.operator].append(tally)
    found = (_hush(name, ours, unread=learned.unread) for name, ours in sorted(by_operator.items()))
    return [hush for hush in found if hush is not None]


def _hush(operator: str | None, tallies: Iterable[Tally], *, unread: int) -> Hush | None:
    now: list[Tally] = []
    before: list[Tally] = []
    for tally in tallies:
        (now if tally.is_recent else before).append(tally)
    recent, earlier = _announced(now), _announced(before)
    if not hush.is_hushed(recent, earlier, unread=unread):
        return None
    return Hush(
        operator=operator,
        since=None,
        completed=recent.completed,
        announced=recent.announced,
        usual=hush.usual_share(earlier),
    )


def _announced(tallies: Iterable[Tally]) -> Announced:
    completed = announced = 0
    for tally in tallies:
        completed += tally.count
        announced += tally.count if tally.learned_by is Lane.CALLBACK else 0
    return Announced(completed=completed, announced=announced)


@shared_task(bind=True, base=Job, name="reconciler.listen")
def listen(self: Job) -> None:
    """Message from beat: listen, and write to the log what has fallen silent."""
    tell(self.tools.sessions)


def tell(sessions: Sessions) -> list[Hush]:
    """An error in the log for each hush, `operator` empty for all of them; else one line with the figures."""
    learned = read_learned(sessions)
    found = hushes(learned)
    for one in found:
        log.error(
            "callbacks_silent",
            operator=one.operator or "",
            completed=one.completed,
            announced=one.announced,
            usual=round(one.usual, 2),
            last_callback_at=learned.heard_at.isoformat() if learned.heard_at else None,
        )
    if not found:
        recent = _announced(tally for tally in learned.tallies if tally.is_recent)
        log.info("callbacks_heard", completed=recent.completed, announced=recent.announced)
    return found
