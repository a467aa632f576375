"""Replay plans: one that runs gets on, one that is done is done, and all stay as they were frozen."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.queries.fsck.rule import Rule, Violation, Walk, age, moment
from models.queries.replay.draft import digest_of

FEW = 20
"""Plans looked at together: each may have a hundred thousand items."""

FACTS = """
WITH chosen AS (
    SELECT * FROM replay_plans
    WHERE id > :after AND id <= :upto AND (:every OR id = ANY(CAST(:ids AS bigint[]))) AND state IN ('running', 'done')
), facts AS (
    SELECT p.id, p.state, p.items, i.there, i.unworked, GREATEST(p.run_at, i.moved_at) AS moved_at,
           EXISTS (SELECT FROM stops WHERE switch = 'replay'
                   AND LEAST(ended_at, until) > now() - CAST(:overdue AS interval)) AS was_held_back
    FROM chosen p CROSS JOIN LATERAL (
        SELECT count(*) AS there, count(*) FILTER (WHERE done_at IS NULL) AS unworked,
               max(GREATEST(begun_at, leased_until, due_at, done_at)) AS moved_at
        FROM replay_items WHERE plan_id = p.id
    ) AS i
)
"""

PLANS = Walk(
    facts=FACTS,
    subject="'plan ' || id",
    rules=(
        Rule(
            name="replay_stalled",
            promise="A replay plan that runs gets on, unless the switch holds it back.",
            broken="state = 'running' AND moved_at < now() - CAST(:overdue AS interval) AND NOT was_held_back",
            detail=f"format('%s of %s items left, nothing happened since %s, %s ago', unworked, items, {moment('moved_at')},"
            f" {age('moved_at')})",
            advice="see that beat and workers run and the gateway answers; `reconciler replay run --here` works it without",
        ),
        Rule(
            name="replay_unworked",
            promise="A replay plan that is done worked each of its items.",
            broken="state = 'done' AND (unworked > 0 OR there <> items)",
            detail="format('done, with %s of %s items not worked and %s there', unworked, items, there)",
            advice="make a new plan of what is left; find out who changed this one",
        ),
    ),
)

FROZEN = text("""
    SELECT id, digest FROM replay_plans WHERE id > :after AND digest <> '' ORDER BY id LIMIT 1
""")


def next_frozen(session: Session, *, after: int) -> tuple[int, Violation | None] | None:
    """The next plan that was frozen, and what is wrong with its hash; None when there are no more."""
    row = session.execute(FROZEN, {"after": after}).one_or_none()
    if row is None:
        return None
    if digest_of(session, row.id) == row.digest:
        return row.id, None
    return row.id, Violation(
        rule="replay_changed",
        subject=f"plan {row.id}",
        detail="its items or predictions are not those it was frozen with",
        advice="do not run it; find out who changed it",
    )
