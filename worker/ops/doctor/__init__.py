"""`reconciler doctor`: settings and the running shape, looked at before they hurt. One line for each check."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from worker.ops.desk import desk_of
from worker.ops.edge import WENT_WRONG
from worker.ops.options import JsonOption

if TYPE_CHECKING:
    from worker.ops.doctor.finding import Finding


def add_to(app: typer.Typer) -> None:
    """Put this command on the command line."""
    app.command()(doctor)


def doctor(
    ctx: typer.Context,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out what takes seconds or asks others: workers, door, gateway.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0.1, max=600, help="Seconds that workers and beat have to show that they are there.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Check settings, servers, workers, beat, door and gateway: one line each, with what mends it.

    Changes nothing. Leaves with 1 when anything is BAD. docs/doctor.md explains each line.
    """
    from worker.ops.doctor.checkup import examine
    from worker.ops.doctor.finding import Grade
    from worker.ops.doctor.view import print_findings
    from worker.ops.shown import print_json

    began = time.monotonic()
    findings = examine(desk_of(ctx), quick=quick, wait=wait)
    is_well = all(finding.grade is not Grade.BAD for finding in findings)
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({"ok": is_well, "seconds": seconds, "checks": [_document(finding) for finding in findings]})
    else:
        print_findings(findings, seconds=seconds)
    if not is_well:
        raise typer.Exit(WENT_WRONG)


def _document(finding: Finding) -> dict[str, object]:
    found, fix = finding.in_english()
    grade = finding.grade.value.lower()
    return {"check": finding.name, "account": finding.account, "grade": grade, "found": found, "fix": fix}
