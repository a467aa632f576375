"""Callbacks: each reaches an outcome in time, and what is over is over."""

from __future__ import annotations

from models.queries.fsck.retention import cleared, erased_early, half_erased, kept_too_long
from models.queries.fsck.rule import Rule, Walk, age, moment

FACTS = f"""
WITH facts AS (
    SELECT id, outcome, outcome IN ('received', 'unmatched') AS is_unfinished, transaction_pk, next_try_at, attempts,
           GREATEST(COALESCE(stored_at, received_at), reopened_at) AS known_at, erased_at,
           length(body) > 0 OR headers <> '{{}}' OR source <> '' AS is_there, {cleared("callbacks")} AS cleared
    FROM callbacks
    WHERE id > :after AND id <= :upto AND (:every OR id = ANY(CAST(:ids AS bigint[])))
)
"""  # noqa: S608 - our own words

CALLBACKS = Walk(
    facts=FACTS,
    subject="'callback ' || id",
    rules=(
        Rule(
            name="unread",
            promise="A callback reaches an outcome before its deadline.",
            broken="is_unfinished AND known_at < now() - CAST(:deadline AS interval)",
            detail=f"format('%s since %s, %s ago, after %s attempts', outcome, {moment('known_at')}, {age('known_at')},"
            " attempts)",
            advice="see that beat and workers run; `reconciler callbacks show` and `replay` when they do",
        ),
        Rule(
            name="never_tried_again",
            promise="A callback without an outcome has a time of its next try.",
            broken="is_unfinished AND next_try_at IS NULL",
            detail="format('%s, without a next try', outcome)",
            advice="`reconciler callbacks replay` it",
        ),
        Rule(
            name="tried_for_ever",
            promise="A callback with an outcome is not tried again.",
            broken="NOT is_unfinished AND next_try_at IS NOT NULL",
            detail=f"format('%s, and still due at %s', outcome, {moment('next_try_at')})",
            advice="`reconciler callbacks replay` it, which ends with no next try",
        ),
        Rule(
            name="matched_to_nothing",
            promise="A matched callback names its transaction.",
            broken="outcome = 'matched' AND transaction_pk IS NULL",
            detail="'matched, without a transaction'",
            advice="`reconciler callbacks replay` it",
        ),
        Rule(
            name="unreported",
            promise="A callback that nobody could use has a case.",
            broken="outcome IN ('orphan', 'unreadable')"
            " AND NOT EXISTS (SELECT FROM cases WHERE cases.callback_id = facts.id)"
            " AND NOT EXISTS (SELECT FROM cases WHERE cases.transaction_pk = facts.transaction_pk AND cases.kind = 'called_back')",
            detail="format('%s, without a case', outcome)",
            advice="read it with `reconciler callbacks show`, or `replay` it, which opens the case",
        ),
        Rule(
            name="unexplained",
            promise="A case about a callback that is over says why.",
            broken="EXISTS (SELECT FROM cases WHERE cases.callback_id = facts.id"
            " AND cases.resolved_at IS NOT NULL AND cases.resolution = '')",
            detail="'its case is over, and does not say why'",
            advice="find out who changed the tables by hand, and look at the callback with `reconciler callbacks show`",
        ),
        half_erased("erased_at IS NOT NULL AND is_there"),
        erased_early("erased_at IS NOT NULL AND is_unfinished", status="outcome"),
        kept_too_long("erased_at IS NULL AND id <= cleared"),
    ),
)
