"""Every crash point: killed once in a real process, and what it left is healed as the published page says."""

from __future__ import annotations

import pytest

from tests.certification.certify import certify
from tests.certification.page import PAGE, page
from tests.certification.table import STEPS


@pytest.mark.processes
@pytest.mark.usefixtures("template_database")
@pytest.mark.timeout(600)
def test_whichever_step_a_process_dies_at_the_books_balance_afterwards(servers):
    """A step that goes wrong is played once more, with few others: a machine that was too busy is not so twice, a fault is."""
    played = certify(servers, STEPS.values())
    assert {one.step.name for one in played} == set(STEPS)
    if again := [one.step for one in played if one.faults]:
        played = certify(servers, again)
    assert [f"{one.step.name}: {fault}" for one in played for fault in one.faults] == []


def test_the_published_page_is_the_one_the_steps_give():
    assert PAGE.read_text(encoding="utf-8") == page()
