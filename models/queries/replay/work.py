"""Working a plan off: started once, its items claimed under a lease, and what came of each read from the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.answers import Answer, Said
from models.decisions import Books
from models.foresight import Aftermath
from models.queries.replay.choice import EACH_ITS_PLAN
from models.replay import Upshot
from models.stop import Switch
from models.transaction import Kind, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One item that is ours to work. `lost`: how often somebody took it up and never came back."""

    position: int
    callback_id: int | None
    about_pk: int | None
    lost: int


# Conditional, so that of two who start it at once one does; the other learns that it runs.
START = text("""
    UPDATE replay_plans SET state = 'running', run_by = :author, reason = :reason, run_at = clock_timestamp()
    WHERE id = :plan_id AND state = 'ready' AND digest = :digest AND expires_at > clock_timestamp() RETURNING id
""")

CANCEL = text("""
    UPDATE replay_plans
    SET state = 'cancelled', cancelled_by = :author, cancelled_why = :reason, over_at = clock_timestamp(),
        leased_until = NULL
    WHERE id = :plan_id AND state IN ('drafting', 'ready', 'running') RETURNING id
""")

END = text("""
    UPDATE replay_plans p SET state = 'done', over_at = clock_timestamp()
    WHERE p.id = :plan_id AND p.state = 'running'
      AND NOT EXISTS (SELECT FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL) RETURNING p.id
""")


def start(session: Session, plan_id: int, *, author: str, reason: str, digest: bytes) -> bool:
    """Set it running; False when it is not ready with this hash, or expired."""
    parameters = {"plan_id": plan_id, "author": author, "reason": reason, "digest": digest}
    return session.scalar(START, parameters) is not None


def cancel(session: Session, plan_id: int, *, author: str, reason: str) -> bool:
    """What was not taken up yet never will be; False when it is over already, or unknown."""
    return session.scalar(CANCEL, {"plan_id": plan_id, "author": author, "reason": reason}) is not None


def end_if_over(session: Session, plan_id: int) -> bool:
    """Done, if nothing is left of it; whether this call ended it."""
    return session.scalar(END, {"plan_id": plan_id}) is not None


# Nothing while the plan does not run or the switch is off, and no more than `most` under way: surplus workers go and do something
# else. What nobody came back from so often that it may be what kills its workers is taken up alone, when nothing else is left.
CLAIM = text("""
    WITH free AS (
        SELECT i.position FROM replay_items i
        WHERE i.plan_id = :plan_id AND i.done_at IS NULL AND (i.lost < :shy) = (NOT :alone)
          AND (i.leased_until IS NULL OR i.leased_until <= clock_timestamp())
          AND (i.due_at IS NULL OR i.due_at <= clock_timestamp())
          AND EXISTS (SELECT FROM replay_plans WHERE id = :plan_id AND state = 'running')
          AND NOT EXISTS (SELECT FROM stops WHERE switch = :switch AND ended_at IS NULL AND until > clock_timestamp())
          AND (SELECT count(*) FROM replay_items u WHERE u.plan_id = :plan_id AND u.done_at IS NULL
               AND u.leased_until > clock_timestamp()) + :limit <= :most
        ORDER BY i.position LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE replay_items i
    SET begun_at = COALESCE(i.begun_at, clock_timestamp()), leased_until = clock_timestamp() + :lease, due_at = NULL,
        tries = i.tries + 1, lost = i.lost + CASE WHEN i.leased_until IS NULL THEN 0 ELSE 1 END
    WHERE i.plan_id = :plan_id AND i.position = ANY(ARRAY(SELECT position FROM free))
    RETURNING i.position, i.callback_id, i.about_pk, i.lost
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """How items are claimed: at most `most` under way, for `lease` each; after `shy` losses an item is worked alone."""

    most: int
    lease: timedelta
    shy: int


def claim(session: Session, plan_id: int, *, limit: int, how: Claim, alone: bool = False) -> list[Claimed]:
    """Up to `limit` items that are free and due, first ones first; with `alone`, of those that are shied away from."""
    parameters = {
        "plan_id": plan_id,
        "limit": limit,
        "most": how.most,
        "lease": how.lease,
        "shy": how.shy,
        "alone": alone,
        "switch": Switch.REPLAY.value,
    }
    session.execute(EACH_ITS_PLAN)
    rows = session.execute(CLAIM, parameters)
    claimed = [Claimed(position=p, callback_id=c, about_pk=pk, lost=lost) for p, c, pk, lost in rows]
    return sorted(claimed, key=lambda item: item.position)


FOUND = text("""
    UPDATE replay_items i SET about_pk = f.pk
    FROM unnest(CAST(:positions AS bigint[]), CAST(:pks AS bigint[])) AS f(position, pk)
    WHERE i.plan_id = :plan_id AND i.position = f.position AND i.about_pk IS DISTINCT FROM f.pk
""")


def found(session: Session, plan_id: int, abouts: Mapping[int, int | None]) -> None:
    """Which transaction the item at each position turned out to be about."""
    parameters = {"plan_id": plan_id, "positions": list(abouts), "pks": list(abouts.values())}
    session.execute(FOUND, parameters)


LOCK = text("SELECT id FROM transactions WHERE id = ANY(CAST(:ids AS bigint[])) ORDER BY id FOR NO KEY UPDATE")

# What came of the transaction counts for the first of the plan's items about it that was under way; a statement on this page locks
# the transactions first, so that two workers cannot both find theirs to be the first.
AFTERMATHS = text("""
    SELECT i.position, t.kind, t.status, t.amount, t.transaction_id, t.decided_asked_at, t.token IS NOT NULL AS is_askable,
           CASE WHEN s.override_id IS NOT NULL THEN s.amount END AS settled_amount,
           COALESCE(s.settled_at >= i.begun_at, FALSE) AS settled,
           t.status = 'notcompleted' AND COALESCE(t.final_at >= i.begun_at, FALSE) AS closed,
           NOT EXISTS (
               SELECT FROM replay_items o
               WHERE o.plan_id = i.plan_id AND o.about_pk = i.about_pk AND o.position <> i.position
                 AND CASE WHEN o.done_at IS NULL THEN o.begun_at IS NOT NULL AND o.position < i.position
                          ELSE o.actual = CASE t.status WHEN 'completed' THEN 'settled' ELSE 'closed' END
                               AND o.done_at >= i.begun_at END
           ) AS is_first,
           k.said, k.amount AS said_amount, k.reference, k.asked_at
    FROM replay_items i JOIN transactions t ON t.id = i.about_pk
    LEFT JOIN settlements s ON s.transaction_pk = t.id
    LEFT JOIN LATERAL (
        SELECT said, amount, reference, asked_at FROM checks c
        WHERE c.transaction_pk = t.id AND c.asked_at >= i.begun_at AND c.said = ANY(CAST(:answers AS text[]))
        ORDER BY c.id DESC LIMIT 1
    ) AS k ON TRUE
    WHERE i.plan_id = :plan_id AND i.position = ANY(CAST(:positions AS bigint[])) AND i.done_at IS NULL
    ORDER BY i.position
""")


def aftermaths(session: Session, plan_id: int, abouts: Mapping[int, int]) -> dict[int, Aftermath]:
    """What the books hold now about the transactions of these items, by position. Locks them, in id order."""
    session.execute(LOCK, {"ids": sorted(set(abouts.values()))})
    answers = [said.value for said in Said if said.is_an_answer]
    rows = session.execute(AFTERMATHS, {"plan_id": plan_id, "positions": list(abouts), "answers": answers})
    return {row.position: _aftermath(row) for row in rows}


def _aftermath(row: Row[Any]) -> Aftermath:
    answer = None
    if row.said is not None:
        references = (row.reference,) if row.reference else ()
        answer = Answer(said=Said(row.said), amount=row.said_amount, references=references)
    return Aftermath(
        books=Books(
            status=Status(row.status),
            amount=row.amount,
            transaction_id=row.transaction_id,
            decided_asked_at=row.decided_asked_at,
            kind=Kind(row.kind),
            settled_amount=row.settled_amount,
        ),
        is_askable=row.is_askable,
        settled=row.settled,
        closed=row.closed,
        is_first=row.is_first,
        answer=answer,
        asked_at=row.asked_at,
    )


FINISH = text("""
    UPDATE replay_items i
    SET done_at = clock_timestamp(), actual = f.actual, leased_until = NULL, due_at = NULL
    FROM unnest(CAST(:positions AS bigint[]), CAST(:actuals AS text[])) AS f(position, actual)
    WHERE i.plan_id = :plan_id AND i.position = f.position AND i.done_at IS NULL
""")

PUT_OFF = text("""
    UPDATE replay_items i
    SET leased_until = NULL, due_at = clock_timestamp() + p.seconds * interval '1 second'
    FROM unnest(CAST(:positions AS bigint[]), CAST(:seconds AS float8[])) AS p(position, seconds)
    WHERE i.plan_id = :plan_id AND i.position = p.position AND i.done_at IS NULL
""")

TRIES = text("""
    SELECT position, tries FROM replay_items
    WHERE plan_id = :plan_id AND position = ANY(CAST(:positions AS bigint[])) AND done_at IS NULL
""")


def finish(session: Session, plan_id: int, actuals: Mapping[int, Upshot]) -> None:
    """Write down what came of these; an item that is done already stays as it is."""
    if actuals:
        values = [upshot.value for upshot in actuals.values()]
        session.execute(FINISH, {"plan_id": plan_id, "positions": list(actuals), "actuals": values})


def tries(session: Session, plan_id: int, positions: Sequence[int]) -> dict[int, int]:
    """How often each of these that are not done was taken up, by position."""
    rows = session.execute(TRIES, {"plan_id": plan_id, "positions": list(positions)})
    return {position: count for position, count in rows}  # noqa: C416 - rows are not plain tuples


def put_off(session: Session, plan_id: int, waits: Mapping[int, float]) -> None:
    """Nothing came of these yet: each is tried again after so many seconds."""
    if waits:
        parameters = {"plan_id": plan_id, "positions": list(waits), "seconds": list(waits.values())}
        session.execute(PUT_OFF, parameters)


# Running, with something to take up or nothing left, and nobody at it: its message was lost, or its worker died.
LEFT_ALONE = text("""
    SELECT p.id FROM replay_plans p
    WHERE p.state = 'running'
      AND NOT EXISTS (SELECT FROM stops WHERE switch = :switch AND ended_at IS NULL AND until > clock_timestamp())
      AND NOT EXISTS (SELECT FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL
                      AND i.leased_until > clock_timestamp())
      AND (NOT EXISTS (SELECT FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL)
           OR EXISTS (SELECT FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL
                      AND (i.due_at IS NULL OR i.due_at <= clock_timestamp())))
    ORDER BY p.id
""")


def left_alone(session: Session) -> list[int]:
    """Running plans that nobody works on at this moment, though there is something to do."""
    return list(session.scalars(LEFT_ALONE, {"switch": Switch.REPLAY.value}))
