"""The tables of the tuning page are those of the cost model."""

from __future__ import annotations

from tests.tuning import PAGE, page


def test_the_published_tables_are_those_that_the_cost_model_gives():
    written = PAGE.read_text(encoding="utf-8")
    assert page(written) == written, "see `python -m tests.tuning`"
