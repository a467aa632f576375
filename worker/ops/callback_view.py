"""One callback, shown whole."""

from __future__ import annotations

from dataclasses import asdict

from rich.table import Table

from models.queries.browse import CallbackFacts
from worker.ops.body import readable, text_of
from worker.ops.shown import console, safe, stamp, without_tokens
from worker.ops.tables import print_lines, word


def print_callback(found: CallbackFacts) -> None:
    """For a person."""
    line = found.line
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    facts.add_row("callback", str(line.id))
    facts.add_row("received", f"{stamp(line.received_at)} UTC from {safe(line.source) or 'nowhere known'}")
    facts.add_row("outcome", word(line.outcome.value))
    for name, value in _facts(found):
        if value:
            facts.add_row(name, safe(value))
    console().print(facts)
    headers = [f"  {safe(name)}: {safe(without_tokens(value))}" for name, value in sorted(found.headers.items())]
    print_lines(["", "headers", *(headers or ["  (none kept)"])])
    print_lines(["", f"body, {line.size:,} bytes", *(f"  {text}" for text in readable(found.body))])


def callback_document(found: CallbackFacts) -> dict[str, object]:
    r"""For a machine. The body is text; bytes that are not UTF-8 stand in it as `\xNN`."""
    return {
        **asdict(found.line),
        "repeats": found.repeats,
        "sha256": found.digest.hex(),
        "headers": {name: without_tokens(value) for name, value in found.headers.items()},
        "body": text_of(found.body),
        "cases": found.cases,
    }


def _facts(found: CallbackFacts) -> list[tuple[str, str]]:
    line = found.line
    repeats = f"the same body as callback {found.repeats}, about the same transaction" if found.repeats else ""
    again = f"{stamp(line.next_try_at)} UTC" if line.next_try_at else ""
    return [
        ("note", line.note),
        ("transaction", line.transaction_id or ""),
        ("repeats", repeats),
        ("read again", again),
        ("attempts", str(line.attempts)),
        ("type", line.content_type or "not said"),
        ("sha256", found.digest.hex()),
        *((f"case {case.id}", f"{case.kind.value}{_end(case.resolution)}: {case.detail}") for case in found.cases),
    ]


def _end(resolution: str) -> str:
    return f" (over: {resolution})" if resolution else ""
