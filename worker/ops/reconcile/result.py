"""What came of reconciling one statement: findings, their sums, and whether these come to what the file does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from models.statement import Direction, Finding, Match, Sum, Terms, add_up
from worker.ops.reconcile.reading import Statement


@dataclass(kw_only=True)
class Result:
    """One statement, held against the books."""

    statement: Statement
    terms: Terms
    findings: Sequence[Finding]
    opened: list[int] | None = None
    """The cases that this run opened; none when none were wanted."""

    @cached_property
    def sums(self) -> dict[Match, Sum]:
        """By what came of the lines."""
        return add_up(self.findings)

    @cached_property
    def differences(self) -> list[Finding]:
        """What somebody has to look at."""
        return [finding for finding in self.findings if finding.match.is_difference]

    @cached_property
    def total(self) -> Sum:
        """All kinds together."""
        total = Sum()
        for one in self.sums.values():
            total.lines += one.lines
            total.entries += one.entries
            total.there.update(one.there)
            total.here.update(one.here)
        return total

    @property
    def in_file(self) -> int:
        """Francs of all lines that could be read, added up from the file alone."""
        return sum(line.amount for line in self.statement.lines)

    @property
    def adds_up(self) -> bool:
        """Whether every line of the file is in one kind, and their sums come to the file's."""
        return self.total.lines == len(self.statement.lines) and self.total.there.total() == self.in_file

    @property
    def fees(self) -> Counter[Direction] | None:
        """Francs that the statement says were kept of what was paid; none where it has no such column."""
        fees: Counter[Direction] = Counter()
        has_any = False
        for finding in self.findings:
            if finding.line is not None and finding.line.fee is not None and finding.line.is_paid:
                fees[finding.direction] += finding.line.fee
                has_any = True
        return fees if has_any else None

    @property
    def is_clean(self) -> bool:
        """Whether there is nothing to look at."""
        return not self.differences and not self.statement.faults and self.adds_up
