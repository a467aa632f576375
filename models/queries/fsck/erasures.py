"""Erasures that customers asked for: what is called done is gone, and what waits for nothing does not wait for ever."""

from __future__ import annotations

from models.queries.fsck.rule import Rule, Walk, age, moment

# A callback that was being stored, or an answer that was under way, belongs to what came afterwards.
MEANWHILE = "interval '1 hour'"

FACTS = f"""
WITH facts AS (
    SELECT i.id, i.erasure_id, i.done_at, e.ended_at, COALESCE('transaction ' || t.transaction_id, 'callback ' || i.callback_id) AS subject,
           GREATEST(e.asked_at, t.final_at, (
               SELECT max(k.resolved_at) FROM cases k WHERE k.transaction_pk = t.id OR k.callback_id = i.callback_id
           )) AS free_at,
           COALESCE(t.status, ct.status, '') IN ('created', 'pending')
               OR (c.outcome IN ('received', 'unmatched')) IS TRUE OR EXISTS (
               SELECT FROM cases k WHERE k.resolved_at IS NULL
               AND (k.transaction_pk IN (t.id, ct.id) OR k.callback_id = i.callback_id)
           ) AS is_open,
           c.erased_at IS NULL AND c.id IS NOT NULL
           OR t.erased_at IS NULL AND (t.customer <> '' OR t.payer <> '' OR t.description <> '' OR t.refusal <> '') IS TRUE
              AND NOT (e.keeps_settled AND t.status = 'completed')
           OR EXISTS (SELECT FROM callbacks b WHERE b.transaction_pk = t.id AND b.erased_at IS NULL
                      AND GREATEST(COALESCE(b.stored_at, b.received_at), b.reopened_at) < i.done_at - {MEANWHILE})
           OR EXISTS (SELECT FROM checks b WHERE b.transaction_pk = t.id AND b.erased_at IS NULL AND length(b.body) > 0
                      AND b.asked_at < i.done_at - {MEANWHILE}
                      AND NOT (e.keeps_settled AND EXISTS (SELECT FROM settlements s WHERE s.check_id = b.id))) AS is_there
    FROM erasure_items i JOIN erasures e ON e.id = i.erasure_id
    LEFT JOIN transactions t ON t.id = i.transaction_pk
    LEFT JOIN callbacks c ON c.id = i.callback_id LEFT JOIN transactions ct ON ct.id = c.transaction_pk
    WHERE i.id > :after AND i.id <= :upto AND (:every OR i.id = ANY(CAST(:ids AS bigint[])))
)
"""  # noqa: S608 - our own words

ERASURES = Walk(
    facts=FACTS,
    subject="subject",
    rules=(
        Rule(
            name="kept_though_asked",
            promise="What an erasure calls done is gone.",
            broken="done_at IS NOT NULL AND is_there",
            detail=f"format('erasure %s calls it done at %s, and some of it is there', erasure_id, {moment('done_at')})",
            advice="erase it once more, by `reconciler customers erase`; find out who changed the tables by hand",
        ),
        Rule(
            name="erasure_stalled",
            promise="What a customer asked to have erased goes soon after it is over.",
            broken="done_at IS NULL AND NOT is_open AND free_at < now() - CAST(:late AS interval)",
            detail=f"format('erasure %s waits for it, and nothing is open since %s, %s ago', erasure_id,"
            f" {moment('free_at')}, {age('free_at')})",
            advice="see that beat and workers run; `reconciler prune` does it here and now",
        ),
        Rule(
            name="erasure_ended_early",
            promise="An erasure is over when nothing waits for it.",
            broken="done_at IS NULL AND ended_at IS NOT NULL",
            detail="format('erasure %s is over, and it still waits', erasure_id)",
            advice="erase it once more, by `reconciler customers erase`; find out who changed the tables by hand",
        ),
    ),
)
