"""How one invoice or payout stands: its history, and all else in the books that bears on what happens to it next. Changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.callback import Callback, Outcome
from models.queries.history import History, find_history
from models.queries.overrides import OverrideLine
from models.queries.status import UNREAD
from models.queries.stops import StopLine, off_now
from models.queries.turn import waits_its_turn
from models.transaction import Transaction

NEWEST_BODIES = 50
"""Callbacks whose bodies are read again, the newest: of 64 kB at most each, and a forger may send any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Knock:
    """One callback about it, with what it takes to read it again. The body may hold secrets."""

    callback_id: int
    received_at: datetime
    content_type: str
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One invoice or payout and all that bears on it. `unread` callbacks may be about it: nobody has looked into them yet."""

    history: History
    nudged_at: datetime | None
    knocks: tuple[Knock, ...]
    stops: tuple[StopLine, ...]
    unread: int
    oldest_unread_at: datetime | None
    waits_its_turn: bool = False
    """It is in the queue of payouts, and that moves."""

    @property
    def override(self) -> OverrideLine | None:
        """The last one."""
        return self.history.overrides[-1] if self.history.overrides else None


TURN = text(f"""SELECT {waits_its_turn("interval '1 minute'")} FROM transactions WHERE id = :pk""")  # noqa: S608 - our own words


def find_standing(session: Session, transaction_id: str) -> Standing | None:
    """How the invoice or payout with this id of ours stands; None when there is none.

    Must come first in its transaction, which `find_history` makes read-only and a single snapshot of the books.
    """
    history = find_history(session, transaction_id)
    if history is None:
        return None
    pk = history.invoice.id
    unread = session.execute(UNREAD, {"received": Outcome.RECEIVED.value}).one()
    return Standing(
        history=history,
        nudged_at=session.scalar(select(Transaction.nudged_at).where(Transaction.id == pk)),
        knocks=_knocks(session, pk),
        stops=tuple(off_now(session)),
        unread=unread.unread,
        oldest_unread_at=unread.oldest,
        waits_its_turn=bool(session.scalar(TURN, {"pk": pk})),
    )


def _knocks(session: Session, pk: int) -> tuple[Knock, ...]:
    """The newest, oldest first."""
    rows = session.execute(
        select(Callback.id, Callback.received_at, Callback.content_type, Callback.body)
        .where(Callback.transaction_pk == pk, Callback.erased_at.is_(None))
        .order_by(Callback.id.desc())
        .limit(NEWEST_BODIES)
    ).all()
    return tuple(
        Knock(callback_id=i, received_at=at, content_type=kind, body=body) for i, at, kind, body in reversed(rows)
    )
