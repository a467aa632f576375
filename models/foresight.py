"""What a replay would bring, and what one brought: pure, and in the same words, so that the two can be held together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from models.answers import Answer, Said
from models.decisions import Books, When, judge
from models.replay import Upshot
from models.transaction import Status

FIRST_ONLY = (Upshot.SETTLED, Upshot.CLOSED)
"""What comes of a transaction once, however many items are about it. For the others there is then nothing new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """What the books hold about the transaction of an item that was taken up, `since` it first was."""

    books: Books
    is_askable: bool
    """Whether there is a token to ask with."""
    settled: bool
    """Settled since then."""
    closed: bool
    """Closed as not completed since then."""
    is_first: bool
    """Whether what came of the transaction counts for this item, and for no other of its plan."""
    answer: Answer | None
    """The newest that was asked for since then and says something about the payment."""
    asked_at: datetime | None


def foresee(books: Books, answer: Answer, *, asked_at: datetime) -> Upshot:
    """What recording this answer now would come to; `TO_ASK` where it is none. Total, like `judge`, and moves nothing."""
    if books.status in (Status.CREATED, Status.REFUSED):
        return Upshot.UNASKABLE
    if not answer.said.is_an_answer:
        return Upshot.TO_ASK
    verdict = judge(books, answer, asked_at=asked_at)
    if verdict.move is not None:
        return Upshot.SETTLED if verdict.move is Status.COMPLETED else Upshot.CLOSED
    if verdict.case is not None:
        return Upshot(verdict.case.value)
    if answer.said in (Said.UNKNOWN, Said.NOT_FOUND):
        return Upshot.UNCLEAR
    is_open_again = answer.said is Said.PENDING and verdict.when is When.BY_AGE
    return Upshot.PENDING if is_open_again else Upshot.NOTHING_NEW


def came_to(after: Aftermath) -> Upshot | None:
    """What came of it; None while nothing did: no answer yet, or one that has not moved what it should."""
    if after.settled:
        return Upshot.SETTLED if after.is_first else Upshot.NOTHING_NEW
    if after.closed:
        return Upshot.CLOSED if after.is_first else Upshot.NOTHING_NEW
    if not after.is_askable:
        return Upshot.UNASKABLE
    if after.answer is None or after.asked_at is None:
        return None
    upshot = foresee(after.books, after.answer, asked_at=after.asked_at)
    return None if upshot in FIRST_ONLY else upshot


def again(upshot: Upshot) -> Upshot:
    """What is foreseen for each further item about a transaction of which this is foreseen."""
    return Upshot.NOTHING_NEW if upshot in FIRST_ONLY else upshot
