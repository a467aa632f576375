"""The catalogue in README.md names every failure once, with a test that exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
LINE = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| \[`(test_\w+)`\]\((test_\w+\.py)\) \|$", re.MULTILINE)


def catalogue() -> list[tuple[str, ...]]:
    return LINE.findall((HERE / "README.md").read_text())


def exhibits_in(file: Path) -> dict[str, str]:
    """Every function of this file with its docstring."""
    tree = ast.parse(file.read_text())
    return {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_catalogue_has_all_twenty_in_order():
    assert [int(number) for number, *_ in catalogue()] == list(range(1, 21))


def test_each_failure_has_its_test_where_the_catalogue_says_named_after_it():
    for number, failure, _, test, file in catalogue():
        words = re.sub(r"[^a-z0-9]+", "_", failure.lower()).strip("_")
        assert test == f"test_{int(number):02}_{words}"
        assert test in exhibits_in(HERE / file)


def test_each_docstring_says_where_it_was_seen():
    for _, _, seen, test, file in catalogue():
        said = exhibits_in(HERE / file)[test].lower()
        assert all(place.lower() in said for place in seen.split(", "))


def test_no_exhibit_is_missing_from_the_catalogue():
    exhibits = {
        n for file in HERE.glob("test_*.py") for n in exhibits_in(file) if re.match(r"test_\d\d_(?!in_the_naive)", n)
    }
    assert exhibits == {test for *_, test, _ in catalogue()}


def test_each_is_shown_to_fail_in_a_naive_design_or_says_which_line_of_ours_prevents_it():
    for number, _, _, test, file in catalogue():
        shown = any(name.startswith(f"test_{int(number):02}_in_the_naive_design") for name in exhibits_in(HERE / file))
        told = re.search(r"\b(without|with)\b `", exhibits_in(HERE / file)[test], re.IGNORECASE)
        assert shown or told, test
