"""Every text of `reconciler cases` has its French, with the same values to be filled in, and none is left behind."""

from __future__ import annotations

import string
from pathlib import Path

from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[3]
PO = ROOT / "worker/language/fr/cases.po"
PARTS = ("case_actions", "case_list_view", "case_story", "case_view", "cases", "deciding", "deciding_view", "fsck_view")
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def texts() -> set[str | tuple[str, ...]]:
    """What these files say to a person."""
    return {
        message
        for part in PARTS
        for _, message, _, _ in extract_from_file("python", ROOT / f"worker/ops/{part}.py", keywords=KEYWORDS)
    }


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there():
    with PO.open("rb") as source:
        french = {message.id for message in read_po(source, locale="fr", abort_invalid=True)}
    assert texts() - french == set()


def test_what_is_filled_in_is_the_same():
    with PO.open("rb") as source:
        for message in read_po(source, locale="fr"):
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            strings = message.string if isinstance(message.string, tuple) else (message.string,)
            for text in strings:
                if message.id:
                    assert text, message.id
                    assert fields(text) == fields(ids[-1]), message.id
