"""Every language has words for everything, says nothing that is not shown, and leaves the same gaps as the source."""

from __future__ import annotations

import ast
from collections import Counter
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path
from string import Formatter

import pytest

import worker
from tests.texts import doubled, entries, missing, texts, unused
from worker.language import CATALOGS, SOURCE, languages

ROOT = Path(worker.__file__).parents[1]
LONGEST_FILE = 400

others = pytest.mark.parametrize("language", [name for name in languages() if name != SOURCE])


@others
def test_everything_that_is_shown_has_words(language):
    assert missing(language) == set(), "see `python -m tests.texts`"


@others
def test_nothing_is_there_that_nothing_shows(language):
    assert unused(language) == set()


@others
def test_nothing_is_there_twice(language):
    assert doubled(language) == {}


@others
def test_every_translation_has_the_gaps_of_its_text(language):
    for path, message in entries(language):
        sources, told = _forms(message.id), _forms(message.string)
        allowed = {frozenset(_gaps(source)) for source in sources}
        # A language may name the number where English says "once"; of one form, every gap must be there as often.
        if len(sources) == 1:
            assert _gaps(told[0]) == _gaps(sources[0]), (path.name, message.id)
        assert all(frozenset(_gaps(one)) in allowed for one in told), (path.name, message.id)


@others
def test_every_translation_keeps_the_blanks_at_its_ends_and_the_lines(language):
    for path, message in entries(language):
        for source, told in zip(_forms(message.id), _forms(message.string), strict=True):
            same = (source.count("\n"), source[-1:] == " ") == (told.count("\n"), told[-1:] == " ")
            assert same, (path.name, source)


@others
def test_a_catalog_is_short_enough_to_be_read(language):
    for path in (CATALOGS / language).glob("*.po"):
        assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_FILE, path.name


def test_no_text_hides_in_an_f_string_where_the_extractor_does_not_see_it():
    """Python 3.11 hands the extractor an f-string as one piece."""
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in Path(worker.__file__).parent.rglob("*.py")
        for call in _calls_in_f_strings(ast.parse(path.read_text(encoding="utf-8")))
        if getattr(call.func, "id", "") in ("_", "N_", "ngettext")
        and any(isinstance(argument, ast.Constant) for argument in call.args)
    ]
    assert hidden == []


def test_texts_of_all_four_sources_are_among_those_that_are_looked_for():
    """Or else the tests above would hold for want of texts."""
    assert {
        "no invoices",  # marked
        "paid, twin callbacks",  # marked, and stored as it is
        ("{count} violations", "{count} violations"),  # with a plural
        "Print one JSON document.",  # help of an option
        "Invoices: create, register, look at, ask about.",  # help of a group
        "TRANSACTION_ID",  # what stands for a value
        "late_success",  # a word of the books
        "restore the missing checks from a backup: they are the evidence",  # advice of a rule
        "the other lines about this day say which transactions; settle none of it by hand before",  # and of a check
    } <= texts()


def test_the_image_carries_the_catalogs():
    copied = "COPY worker worker" in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    kept_out = [line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] != "!"]
    catalogs = [path.relative_to(ROOT) for path in CATALOGS.rglob("*.po")]
    assert copied
    assert not [
        path for path in catalogs for pattern in kept_out if pattern != "*" and fnmatch(path.name, Path(pattern).name)
    ]


def _forms(text):
    return list(text) if isinstance(text, list | tuple) else [text]


def _gaps(text):
    """Each gap with its conversion and its format, and how often it is there."""
    return Counter((name, form, how) for _literal, name, form, how in Formatter().parse(text) if name is not None)


def _calls_in_f_strings(tree):
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr))
    return (node for node in chain.from_iterable(ast.walk(string) for string in strings) if isinstance(node, ast.Call))
