"""No text reaches a screen of the command without passing the catalogs, as far as reading the source can tell."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import worker

ROOM = Path(worker.__file__).parent
SCREENS = ("ops", "demo", "chaos")

PRINTERS = frozenset(
    {"echo", "secho", "print", "figure", "complaint", "assemble", "add_row", "add_column", "add_task"}
    | {"confirm", "prompt", "BadParameter", "NotFound", "Invalid", "Conflict", "NeedsHuman"}
)
"""What takes a text for a person, by the last part of its name."""

MARKUP = re.compile(r"\[/?[a-z ]+\]")
WORD = re.compile(r"[a-z]{3,}")

STAYS = {
    ("ops/command.py", "reconciler "),  # a name
    ("demo/drive.py", "no answer to POST "),  # a fault of the play itself, which ends it
    ("demo/drive.py", " within "),
    ("demo/clerk.py", "payout "),
    ("demo/clerk.py", " got nowhere within "),
    ("demo/office.py", "reconciler "),
    ("demo/office.py", " left with "),
    ("demo/office.py", "what the office waited for did not come within "),
    ("demo/till.py", "the API refused an order: "),
}


def unmarked() -> Iterator[tuple[str, str]]:
    """Words that are handed to a printer as they stand: the file and the text."""
    for path in (path for screen in SCREENS for path in sorted((ROOM / screen).rglob("*.py"))):
        name = path.relative_to(ROOM).as_posix()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and _name_of(call.func) in PRINTERS:
                texts = (text for argument in _arguments(call) for text in _literals(argument))
                yield from ((name, text) for text in texts if WORD.search(MARKUP.sub("", text)))


def test_every_text_that_is_printed_is_marked():
    assert {(name, text) for name, text in unmarked()} - STAYS == set()


def test_what_stays_english_is_still_there():
    assert set(unmarked()) >= STAYS


def _name_of(function):
    return getattr(function, "attr", getattr(function, "id", ""))


def _arguments(call):
    return [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("title", "caption"))]


def _literals(node):
    """The words that stand in an expression itself; what a call makes of others is its own matter."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield from (part.value for part in parts if isinstance(part, ast.Constant))
        case ast.BinOp(left=one, right=other) | ast.IfExp(body=one, orelse=other):
            yield from _literals(one)
            yield from _literals(other)
