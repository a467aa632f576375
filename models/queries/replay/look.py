"""Looking at plans, for a person: how far each got, prediction against actual, and the items page by page. Changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from models.queries.browse import Page, Paging
from models.replay import PlanState, Upshot


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """One plan. `hash` is in hex, empty while it is drafted; `done` counts the items that were worked."""

    id: int
    state: PlanState
    author: str
    filters: Mapping[str, str]
    asked: bool
    items: int
    done: int
    hash: str
    drafted_at: datetime
    expires_at: datetime
    is_expired: bool
    """Whether it would have to be run, and cannot be any more."""
    is_being_drafted: bool
    run_by: str
    reason: str
    run_at: datetime | None
    over_at: datetime | None
    cancelled_by: str
    cancelled_why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """So many items of which this was predicted, and of which that came; None while nothing has. Amounts are francs."""

    prediction: Upshot
    actual: Upshot | None
    items: int
    predicted_amount: int
    settled_amount: int

    @property
    def differs(self) -> bool:
        """Whether something was predicted and something else came."""
        return self.actual not in (None, self.prediction) and self.prediction is not Upshot.TO_ASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a running plan is. `under_way`: somebody works them; `waiting`: put off for now, after no answer."""

    state: PlanState
    items: int
    done: int
    under_way: int
    waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemLine:
    """One item in a list. `amount` is francs that would be settled."""

    position: int
    callback_id: int | None
    transaction_id: str | None
    prediction: Upshot
    amount: int
    actual: Upshot | None
    tries: int
    done_at: datetime | None


PLANS = """
    SELECT p.id, p.state, p.author, p.filters, p.asked, p.items, encode(p.digest, 'hex') AS hash, p.drafted_at,
           p.expires_at, p.run_by, p.reason, p.run_at, p.over_at, p.cancelled_by, p.cancelled_why,
           p.state = 'ready' AND p.expires_at <= clock_timestamp() AS is_expired,
           p.state = 'drafting' AND COALESCE(p.leased_until > clock_timestamp(), FALSE) AS is_being_drafted,
           p.items - (SELECT count(*) FROM replay_items i WHERE i.plan_id = p.id AND i.done_at IS NULL) AS done
    FROM replay_plans p
"""
ONE_PLAN = text(f"{PLANS} WHERE p.id = :plan_id")
PAGE_OF_PLANS = {
    oldest_first: text(
        f"{PLANS} WHERE p.id {'>' if oldest_first else '<'} :after ORDER BY p.id {'ASC' if oldest_first else 'DESC'} LIMIT :limit"
    )
    for oldest_first in (True, False)
}
BIGGEST_ID = 2**63 - 1


def find_plan(session: Session, plan_id: int) -> PlanLine | None:
    """The plan with this id."""
    row = session.execute(ONE_PLAN, {"plan_id": plan_id}).one_or_none()
    return None if row is None else _plan(row)


def list_plans(session: Session, paging: Paging) -> Page[PlanLine]:
    """One page of plans, newest first unless asked otherwise."""
    after = paging.after if paging.after is not None else (0 if paging.oldest_first else BIGGEST_ID)
    rows = session.execute(PAGE_OF_PLANS[paging.oldest_first], {"after": after, "limit": paging.limit + 1}).all()
    shown = rows[: paging.limit]
    return Page(items=tuple(_plan(row) for row in shown), next=shown[-1].id if len(rows) > len(shown) else None)


def _plan(row: Row[Any]) -> PlanLine:
    values = dict(row._mapping)  # noqa: SLF001 - the public name of a row's columns
    return PlanLine(**{**values, "state": PlanState(row.state)})


PAIRS = text("""
    SELECT i.prediction, i.actual, count(*) AS items, sum(i.amount)::bigint AS predicted_amount,
           COALESCE(sum(s.amount), 0)::bigint AS settled_amount
    FROM replay_items i LEFT JOIN settlements s ON s.transaction_pk = i.about_pk AND i.actual = 'settled'
    WHERE i.plan_id = :plan_id GROUP BY i.prediction, i.actual
""")


def pairs(session: Session, plan_id: int) -> list[Pair]:
    """Every pair of a prediction and what came of it, in the order of the words."""
    order = list(Upshot)
    found = [
        Pair(
            prediction=Upshot(row.prediction),
            actual=Upshot(row.actual) if row.actual else None,
            items=row.items,
            predicted_amount=row.predicted_amount,
            settled_amount=row.settled_amount,
        )
        for row in session.execute(PAIRS, {"plan_id": plan_id})
    ]
    return sorted(found, key=lambda p: (order.index(p.prediction), order.index(p.actual) if p.actual else -1))


# The index of what is left is all this reads: the items that are done cost nothing.
PROGRESS = text("""
    SELECT p.state, p.items, count(i.position) AS left_over,
           count(*) FILTER (WHERE i.leased_until > clock_timestamp()) AS under_way,
           count(*) FILTER (WHERE i.due_at > clock_timestamp()) AS waiting
    FROM replay_plans p LEFT JOIN replay_items i ON i.plan_id = p.id AND i.done_at IS NULL
    WHERE p.id = :plan_id GROUP BY p.id
""")


def progress(session: Session, plan_id: int) -> Progress:
    """How far this plan is; raises when there is no such plan."""
    row = session.execute(PROGRESS, {"plan_id": plan_id}).one()
    return Progress(
        state=PlanState(row.state),
        items=row.items,
        done=row.items - row.left_over,
        under_way=row.under_way,
        waiting=row.waiting,
    )


QUESTIONS = text("""
    SELECT count(DISTINCT about_pk) FROM replay_items
    WHERE plan_id = :plan_id AND done_at IS NULL
      AND prediction NOT IN ('unmatched', 'unreadable', 'unaskable') AND (callback_id IS NULL OR prediction <> 'nothing_new')
""")


def questions(session: Session, plan_id: int) -> int:
    """About how many questions working off what is left of it takes, if all comes as predicted."""
    return int(session.execute(QUESTIONS, {"plan_id": plan_id}).scalar_one())


ITEMS = text("""
    SELECT i.position, i.callback_id, t.transaction_id, i.prediction, i.amount, i.actual, i.tries, i.done_at
    FROM replay_items i LEFT JOIN transactions t ON t.id = COALESCE(i.about_pk, i.transaction_pk)
    WHERE i.plan_id = :plan_id AND i.position > :after
      AND (NOT :differing OR (i.actual NOT IN ('', i.prediction) AND i.prediction <> 'to_ask'))
    ORDER BY i.position LIMIT :limit
""")


def items(session: Session, plan_id: int, paging: Paging, *, differing: bool = False) -> Page[ItemLine]:
    """One page of a plan's items in their order; `differing`: only those of which came what was not predicted."""
    parameters = {
        "plan_id": plan_id,
        "after": paging.after or 0,
        "limit": paging.limit + 1,
        "differing": differing,
    }
    rows = session.execute(ITEMS, parameters).all()
    shown = rows[: paging.limit]
    lines = tuple(
        ItemLine(
            position=row.position,
            callback_id=row.callback_id,
            transaction_id=row.transaction_id,
            prediction=Upshot(row.prediction),
            amount=row.amount,
            actual=Upshot(row.actual) if row.actual else None,
            tries=row.tries,
            done_at=row.done_at,
        )
        for row in shown
    )
    return Page(items=lines, next=shown[-1].position if len(rows) > len(shown) else None)
