"""Differences between a statement and the books: each is a matter for a person."""

from __future__ import annotations

from models.queries.fsck.rule import Rule, Walk

FACTS = """
WITH facts AS (
    SELECT d.id, d.match, d.file, d.line, k.id AS case_id, k.transaction_pk IS DISTINCT FROM d.transaction_pk AS is_misfiled
    FROM differences d LEFT JOIN cases k ON k.difference_id = d.id
    WHERE d.id > :after AND d.id <= :upto AND (:every OR d.id = ANY(CAST(:ids AS bigint[])))
)
"""

DIFFERENCES = Walk(
    facts=FACTS,
    subject="'difference ' || id",
    rules=(
        Rule(
            name="unseen_difference",
            promise="A difference that is kept has a case, about the same transaction.",
            broken="case_id IS NULL OR is_misfiled",
            detail="format('%s, from %s, line %s: %s', match, file, COALESCE(CAST(line AS text), '-'),"
            " CASE WHEN case_id IS NULL THEN 'no case' ELSE format('case %s is about another transaction', case_id) END)",
            advice="look at that line of the statement by hand; find out who changed the tables",
        ),
    ),
)
