"""Notices and how they were told: what waits has a date, what is over has its delivery, what was given up has a case."""

from __future__ import annotations

from models.queries.fsck.rule import Rule, Walk, moment

# What a person resolved since the last try was their decision; what ended by itself was not.
FACTS = """
WITH n AS (
    SELECT id, account, seq, state, attempts, next_try_at, delivered_at
    FROM notices
    WHERE id > :after AND id <= :upto AND (:every OR id = ANY(CAST(:ids AS bigint[])))
), d AS (
    SELECT notice_id, count(*) FILTER (WHERE trouble <> '') AS vain, bool_or(trouble = '') AS is_taken,
           max(tried_at) AS last_tried_at
    FROM deliveries
    WHERE notice_id > :after AND notice_id <= :upto AND (:every OR notice_id = ANY(CAST(:ids AS bigint[])))
    GROUP BY notice_id
), facts AS (
    SELECT n.*, COALESCE(d.vain, 0) AS vain, COALESCE(d.is_taken, FALSE) AS is_taken,
           state = 'stopped' AND NOT EXISTS (
               SELECT FROM cases k WHERE k.kind = 'endpoint' AND k.account = n.account AND (
                   k.resolved_at IS NULL OR k.resolved_by <> '' AND k.resolved_at >= d.last_tried_at
               )
           ) AS is_without_case
    FROM n LEFT JOIN d ON d.notice_id = n.id
)
"""

SEND_AGAIN = "`reconciler notices resend` it"

DELIVERIES = Walk(
    facts=FACTS,
    subject="format('notice %s of account %s', seq, account)",
    rules=(
        Rule(
            name="never_told",
            promise="A notice that waits has a time of its next try, and not a far one.",
            broken="state = 'waiting'"
            " AND (next_try_at IS NULL OR next_try_at > now() + CAST(:longest_notice_wait AS interval))",
            detail="CASE WHEN next_try_at IS NULL THEN 'waiting, without a next try'"
            f" ELSE format('waiting, and not due before %s', {moment('next_try_at')}) END",
            advice=SEND_AGAIN,
        ),
        Rule(
            name="told_unproven",
            promise="A delivered notice says when, and has a delivery that was taken; only what waits is due.",
            broken="(state = 'delivered') <> (delivered_at IS NOT NULL) OR (state = 'delivered' AND NOT is_taken)"
            " OR (state <> 'waiting' AND next_try_at IS NOT NULL)",
            detail="format('%s, %s, %s', state, CASE WHEN is_taken THEN 'with a delivery that was taken'"
            " ELSE 'without a delivery that was taken' END, CASE WHEN delivered_at IS NULL THEN 'no time of delivery'"
            f" ELSE 'delivered at ' || {moment('delivered_at')} END)",
            advice=f"{SEND_AGAIN}; the application deduplicates by its id",
        ),
        Rule(
            name="tries_gone",
            promise="A notice counts no more vain tries than are stored about it.",
            broken="attempts > vain",
            detail="format('%s vain tries are counted; %s are stored', attempts, vain)",
            advice="find out who removed deliveries by hand; the notice itself goes on",
        ),
        Rule(
            name="given_up_quietly",
            promise="A notice that was given up has a case, or had one that a person resolved afterwards.",
            broken="is_without_case",
            detail="'stopped, without a case'",
            advice=f"see with `reconciler notices show` why it was given up, and {SEND_AGAIN}",
        ),
    ),
)
