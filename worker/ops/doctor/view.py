"""Findings, told to a person: a line each, and the sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from worker.language import _, ngettext, number
from worker.ops.doctor.finding import Finding, Grade
from worker.ops.shown import safe
from worker.ops.tables import print_lines

STYLES = {Grade.OK: "green", Grade.WARN: "yellow", Grade.BAD: "bold red", Grade.UNKNOWN: "dim"}


def print_findings(findings: Sequence[Finding], *, seconds: float) -> None:
    """All of them, in their order, then how many hurt."""
    width = max(len(finding.name.value) for finding in findings)
    print_lines([_line(finding, width=width) for finding in findings])
    print_lines(["", _sum(Counter(finding.grade for finding in findings), seconds=seconds)])


def _line(finding: Finding, *, width: int) -> Text:
    found, fix = finding.told()
    if finding.account:
        found = f"[{finding.account}] {found}"
    line = Text(f"{finding.grade.value:<4}", style=STYLES[finding.grade])
    line.append(f"  {finding.name.value:<{width}}  ", style="default")
    line.append(safe(_("{found}; {fix}").format(found=found, fix=fix) if fix else found), style="default")
    return line


def _sum(grades: Counter[Grade], *, seconds: float) -> str:
    bad, warnings, unseen = grades[Grade.BAD], grades[Grade.WARN], grades[Grade.UNKNOWN]
    parts = []
    if bad:
        parts.append(ngettext("{count} fault", "{count} faults", bad).format(count=bad))
    if warnings:
        parts.append(ngettext("{count} warning", "{count} warnings", warnings).format(count=warnings))
    if unseen:
        parts.append(_("{count} not looked at").format(count=unseen))
    told = ", ".join(parts) if parts else _("all is well")
    many = ngettext("{what}; {count} check in {seconds} s", "{what}; {count} checks in {seconds} s", grades.total())
    return many.format(what=told, count=grades.total(), seconds=number(seconds, ".1f"))
