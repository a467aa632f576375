"""Before and after a question: who may be asked about now, and the row locks under which answers are judged."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models import trace
from models.decisions import Books
from models.queries.traced import callbacks_about
from models.transaction import Kind, Status

NOW = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Leave to ask the gateway about one transaction, once. `token` is a secret and stays out of the repr."""

    transaction_pk: int
    account: str
    """Whose keys it is asked with."""
    token: str
    asked_at: datetime
    had_date: bool = True
    """Whether it would have been asked about by itself. If not, somebody wants to know all the same."""
    is_trusted: bool = True
    """Whether trouble would be everybody's: the transaction is young, and its last question, if any, had an answer."""
    kind: Kind = Kind.INVOICE
    """Says which question it is: payins and payouts are asked about in two ways."""
    callbacks: Sequence[int] = ()
    """The newest callbacks about it, for the log."""

    @property
    def trace(self) -> list[str]:
        """What log lines about it are found by."""
        return trace.of_transaction(self.transaction_pk, self.callbacks)

    def __repr__(self) -> str:
        return f"Question(transaction_pk={self.transaction_pk}, asked_at={self.asked_at.isoformat()})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One transaction under its row lock, as recording an answer needs it."""

    id: int
    account: str
    books: Books
    age: float
    """Seconds since creation, by the database's clock."""
    silences: int
    nudged_at: datetime | None
    held_asked_at: datetime | None
    now: datetime


# Conditional, so that the 3 s between two questions hold with Redis gone and two workers racing: the loser of the row
# lock re-reads `last_asked_at` and matches nothing.
BEGIN = text(f"""
    WITH locked AS (
        SELECT id, next_check_at FROM transactions
        WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t
    SET last_asked_at = clock_timestamp(), asked = t.asked + 1, next_check_at = clock_timestamp() + :lease
    FROM locked
    WHERE t.id = locked.id AND t.token IS NOT NULL AND (:anyway OR t.next_check_at IS NOT NULL)
      AND (t.last_asked_at IS NULL OR t.last_asked_at <= clock_timestamp() - CAST(:spacing AS interval))
    RETURNING t.id, t.account, t.token, t.last_asked_at, locked.next_check_at IS NOT NULL,
              t.silences = 0 AND COALESCE(t.sent_at, t.created_at) > clock_timestamp() - CAST(:young AS interval), t.kind,
              {callbacks_about("t.id")}
""")  # noqa: S608 - our own words

# Those that came too soon after their last question: due the moment the spacing is over, not a whole tier later.
POSTPONE = text("""
    WITH locked AS (
        SELECT id FROM transactions
        WHERE id = ANY(CAST(:ids AS bigint[])) AND token IS NOT NULL AND next_check_at IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET next_check_at = LEAST(t.next_check_at, t.last_asked_at + CAST(:spacing AS interval))
    FROM locked WHERE t.id = locked.id
""")


def begin_questions(
    session: Session,
    ids: Sequence[int],
    *,
    spacing: timedelta,
    lease: timedelta,
    young: timedelta,
    anyway: bool = False,
) -> list[Question]:
    """Leave to ask about those of `ids` that have a token, a date, and were not asked about within `spacing`, in their order.

    A row without a date wants no question: its outcome came while the message about it waited, so that a backlog of
    doubled messages costs the gateway nothing. `anyway` asks all the same, for a person who wants to know.

    Each is leased: should the asker die, the row is due again after `lease`. The others are due when their spacing ends.
    Up to the age of `young` a refusal is not about the token.
    """
    wanted = sorted(set(ids))
    parameters = {"ids": wanted, "spacing": spacing, "lease": lease, "young": young, "anyway": anyway}
    questions = [
        Question(
            transaction_pk=pk,
            account=account,
            token=token,
            asked_at=at,
            had_date=dated,
            is_trusted=trusted,
            kind=Kind(kind),
            callbacks=callbacks,
        )
        for pk, account, token, at, dated, trusted, kind, callbacks in sorted(session.execute(BEGIN, parameters))
    ]
    if too_soon := sorted(set(wanted) - {question.transaction_pk for question in questions}):
        session.execute(POSTPONE, {"ids": too_soon, "spacing": spacing})
    return questions


RENEW = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:asked AS timestamptz[])) AS g(id, asked_at)
    ), locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t SET last_asked_at = clock_timestamp()
    FROM locked JOIN given ON given.id = locked.id
    WHERE t.id = locked.id AND t.last_asked_at = given.asked_at
    RETURNING t.id, t.last_asked_at
""")


def renew(session: Session, questions: Collection[Question]) -> dict[int, datetime]:
    """Leave anew to ask what has not gone out yet, by id; the others have been begun by somebody else meanwhile."""
    parameters = {"ids": [q.transaction_pk for q in questions], "asked": [q.asked_at for q in questions]}
    return {row.id: row.last_asked_at for row in session.execute(RENEW, parameters)}


# Only where our question is still the last one begun: another asker's spacing and lease are not ours to undo. A row that
# had no date gets none, unless a callback came meanwhile.
GIVE_BACK = text("""
    WITH given AS (
        SELECT * FROM unnest(CAST(:ids AS bigint[]), CAST(:asked AS timestamptz[]), CAST(:dated AS bool[]))
            AS g(id, asked_at, had_date)
    ), locked AS (
        SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t
    SET next_check_at = CASE WHEN given.had_date OR t.nudged_at > given.asked_at
                             THEN clock_timestamp() + :wait + random() * CAST(:spread AS interval) END,
        asked = t.asked - 1, last_asked_at = NULL
    FROM locked JOIN given ON given.id = locked.id
    WHERE t.id = locked.id AND t.last_asked_at = given.asked_at
""")


def give_back(
    session: Session, questions: Sequence[Question], *, wait: timedelta = NOW, spread: timedelta = NOW
) -> None:
    """Questions that were begun and not asked after all: not counted, and due at once or somewhere in `spread` after `wait`."""
    parameters = {
        "ids": [q.transaction_pk for q in questions],
        "asked": [q.asked_at for q in questions],
        "dated": [q.had_date for q in questions],
        "wait": wait,
        "spread": spread,
    }
    session.execute(GIVE_BACK, parameters)


PUT_OFF = text("""
    WITH locked AS (
        SELECT id FROM transactions
        WHERE id = ANY(CAST(:ids AS bigint[])) AND next_check_at IS NOT NULL
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE transactions t
    SET next_check_at = GREATEST(t.next_check_at, clock_timestamp() + :wait + random() * CAST(:spread AS interval))
    FROM locked WHERE t.id = locked.id
""")


def put_off(session: Session, ids: Collection[int], *, wait: timedelta, spread: timedelta) -> None:
    """Nothing goes out about these for now: due somewhere in `spread` after `wait`, or later if they were. Not begun, not counted."""
    session.execute(PUT_OFF, {"ids": sorted(ids), "wait": wait, "spread": spread})


# The age of a payout counts from when it was sent: it may have waited for days before.
# Plain columns: a row of the mapped class costs more than the rest of recording an answer.
LOCK = text("""
    SELECT id, account, kind, status, amount, transaction_id, decided_asked_at, COALESCE(sent_at, created_at) AS begun_at,
           silences, nudged_at, held_asked_at, clock_timestamp() AS now
    FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE
""")


def lock_subjects(session: Session, ids: Sequence[int]) -> list[Subject]:
    """Lock these rows in id order and read them as they are now: what was read before the question is history."""
    found = session.execute(LOCK, {"ids": list(ids)}).all()
    by_hand = _settled_by_hand(session, [row.id for row in found if row.status == Status.COMPLETED])
    return [_subject(row, settled_amount=by_hand.get(row.id)) for row in found]


# After the locks, in a statement of its own: a join would show the settlements as they were before we waited for the lock.
SETTLED_BY_HAND = text("""
    SELECT transaction_pk, amount FROM settlements
    WHERE transaction_pk = ANY(CAST(:ids AS bigint[])) AND override_id IS NOT NULL
""")


def _settled_by_hand(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """The sums that persons answered for; those that rest on evidence are over the amount of their transaction."""
    if not ids:
        return {}
    return {pk: amount for pk, amount in session.execute(SETTLED_BY_HAND, {"ids": ids})}  # noqa: C416 - as above


def _subject(row: Row[Any], *, settled_amount: int | None) -> Subject:
    return Subject(
        id=row.id,
        account=row.account,
        books=Books(
            status=Status(row.status),
            amount=row.amount,
            transaction_id=row.transaction_id,
            decided_asked_at=row.decided_asked_at,
            kind=Kind(row.kind),
            settled_amount=settled_amount,
        ),
        age=(row.now - row.begun_at).total_seconds(),
        silences=row.silences,
        nudged_at=row.nudged_at,
        held_asked_at=row.held_asked_at,
        now=row.now,
    )
