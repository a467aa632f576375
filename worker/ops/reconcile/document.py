"""What came of reconciling a statement, for a machine. Sentences are English."""

from __future__ import annotations

from models.statement import Direction, Finding, Match, Sum
from worker.ops.reconcile.result import Result

WITHOUT_LINES = (Match.MATCHED, Match.UNPAID)
"""Counted, and not listed one by one."""


def document(result: Result) -> dict[str, object]:
    """Sums, every difference, and every line that cannot be read."""
    fees = result.fees
    return {
        "file": result.statement.file.name,
        "account": result.terms.account,
        "start": result.terms.start,
        "end": result.terms.end,
        "currency": "XOF",
        "lines": result.statement.count,
        "sums": {match.value: _sum(one) for match, one in result.sums.items()},
        "total": _sum(result.total),
        "adds_up": result.adds_up,
        "fees": None if fees is None else {way.value: fees[way] for way in Direction},
        "items": [_item(finding) for finding in result.findings if finding.match not in WITHOUT_LINES],
        "unreadable": result.statement.faults,
        "cases": result.opened,
    }


def _sum(one: Sum) -> dict[str, object]:
    return {
        "lines": one.lines,
        "settlements": one.entries,
        "statement": {way.value: one.there[way] for way in Direction},
        "books": {way.value: one.here[way] for way in Direction},
    }


def _item(finding: Finding) -> dict[str, object]:
    return {
        "result": finding.match.value,
        "is_difference": finding.match.is_difference,
        "direction": finding.direction.value,
        "at_stake": finding.at_stake,
        "statement": finding.line,
        "books": finding.entry,
    }
