"""One callback, shown whole."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from rich.table import Table

from config.logs import without_tokens
from models.queries.browse import CallbackFacts, CaseLine
from worker.language import _, number
from worker.ops.body import readable, text_of
from worker.ops.sentences import told
from worker.ops.shown import console, safe, stamp
from worker.ops.tables import print_lines, word


def print_callback(found: CallbackFacts) -> None:
    """For a person."""
    line = found.line
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row(_("callback"), str(line.id))
    source = safe(line.source) or (_("a source that was erased") if line.erased_at else _("nowhere known"))
    facts.add_row(_("received"), _("{at} UTC from {source}").format(at=stamp(line.received_at), source=source))
    facts.add_row(_("outcome"), word(line.outcome.value))
    for name, value in facts_of(found):
        if value:
            facts.add_row(name, value)
    console().print(facts)
    if line.erased_at is not None:
        print_lines(["", erased_line(line.erased_at, digest=found.digest)])
        return
    print_lines(["", _("headers"), *([f"  {line}" for line in header_lines(found)] or [_("  (none kept)")])])
    size = _("body, {size} bytes").format(size=number(line.size))
    print_lines(["", size, *(f"  {text}" for text in readable(found.body, secrets=found.secrets))])


def header_lines(found: CallbackFacts) -> list[str]:
    """Its headers by name, masked and safe to print."""
    known = found.secrets
    return [
        f"{safe(name)}: {safe(without_tokens(value, known=known))}" for name, value in sorted(found.headers.items())
    ]


def erased_line(at: datetime, *, digest: bytes) -> str:
    """What is said in place of a body that was erased: bytes with this hash are what stood there."""
    told = _("erased on {day}, body, headers and source; sha256 {digest}")
    return told.format(day=f"{at.astimezone(UTC):%Y-%m-%d}", digest=digest.hex())


def callback_document(found: CallbackFacts) -> dict[str, object]:
    r"""For a machine. The body is text; bytes that are not UTF-8 stand in it as `\xNN`."""
    return {
        **asdict(found.line),
        "repeats": found.repeats,
        "sha256": found.digest.hex(),
        "headers": {name: without_tokens(value, known=found.secrets) for name, value in found.headers.items()},
        "body": None if found.line.erased_at else text_of(found.body, secrets=found.secrets),
        "cases": found.cases,
    }


def facts_of(found: CallbackFacts) -> list[tuple[str, str]]:
    """Names and values, in order; a value may be empty."""
    line = found.line
    repeats = _("the same body as callback {callback_id}, about the same transaction") if found.repeats else ""
    again = f"{stamp(line.next_try_at)} UTC" if line.next_try_at else ""
    return [
        (_("note"), told(safe(line.note))),
        (_("transaction"), safe(line.transaction_id or "")),
        (_("repeats"), repeats.format(callback_id=found.repeats)),
        (_("read again"), again),
        (_("attempts"), str(line.attempts)),
        (_("type"), safe(line.content_type) or _("not said")),
        ("sha256", found.digest.hex()),
        *(_case(case) for case in found.cases),
    ]


def _case(case: CaseLine) -> tuple[str, str]:
    name = _("case {case_id}").format(case_id=case.id)
    what = _("{kind} (over: {resolution}): {detail}") if case.resolution else _("{kind}: {detail}")
    return name, what.format(
        kind=_(case.kind.value), resolution=told(safe(case.resolution)), detail=told(safe(case.detail))
    )
