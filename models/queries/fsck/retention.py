"""What was erased, and what should have been: rules that the walks share, and how the shelves themselves get on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queries.fsck.rule import Rule, Violation, age, moment


def cleared(shelf: str) -> str:
    """SQL: up to which id nothing of this shelf is left that had to be erased; unknown where it is kept for ever."""
    return f"(SELECT upto FROM shelf_marks WHERE shelf = '{shelf}' AND days > 0)"  # noqa: S608 - our own words


def half_erased(broken: str) -> Rule:
    """Of rows of which something is left, so that neither the whole is there nor the promise kept."""
    return Rule(
        name="half_erased",
        promise="What is erased is erased whole, with a date, and of an answer its hash stays.",
        broken=broken,
        detail="'erased, and some of it is there, or its hash is not'",
        advice="find out who changed the tables by hand; what is missing is in a backup, if anywhere",
    )


def erased_early(broken: str, *, status: str) -> Rule:
    """Of rows that were still needed."""
    return Rule(
        name="erased_early",
        promise="Nothing is erased while the payment, or the callback, is still under way.",
        broken=broken,
        detail=f"format('%s, and erased', {status})",
        advice="find out who changed the tables by hand, and restore the row from a backup",
    )


def kept_too_long(broken: str) -> Rule:
    """Of rows behind the mark up to which nothing should be left."""
    return Rule(
        name="kept_too_long",
        promise="What is past its time is erased, up to the mark that says so.",
        broken=broken,
        detail="'past its time, passed by, and still there'",
        advice="`reconciler prune --anew` walks over everything once more",
    )


STALLED = text(f"""
    SELECT shelf, format('kept for %s days, and no walk over it has ended since %s, %s ago', days,
                         {moment("GREATEST(ended_at, set_at)")}, {age("GREATEST(ended_at, set_at)")}) AS detail
    FROM shelf_marks
    WHERE days > 0 AND GREATEST(ended_at, set_at) < now() - CAST(:late AS interval) ORDER BY shelf
""")  # noqa: S608 - our own words


def stalled(session: Session, *, late: timedelta) -> Sequence[Violation]:
    """The shelves that nobody clears, though somebody began to."""
    return [
        Violation(
            rule="prune_stalled",
            subject=f"shelf {row.shelf}",
            detail=row.detail,
            advice="see that beat and workers run; `reconciler prune` does it here and now",
        )
        for row in session.execute(STALLED, {"late": late})
    ]
