"""What holds for every page of the console, those included that are added later: they are walked by their list."""

from __future__ import annotations

import re

import pytest

from tests.soundbooks import write_sound_books
from tests.worker.console.browser import OpenConsole
from worker.console.headers import HEADERS
from worker.console.rooms import Action, Page, all_rooms

EXAMPLES: dict[str, str] = {"id": "ORD-3", "callback": "1", "case": "1", "plan": "1", "switch": "settle"}
"""A value for each parameter of a path, by its name; `fill` puts what they name into the books."""

ROOMS = [each for room in all_rooms() for each in room]
PAGES = [each for each in ROOMS if isinstance(each, Page)]
ACTIONS = [each for each in ROOMS if isinstance(each, Action)]


def path_of(each: Page | Action) -> str:
    """With an example for each parameter."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: EXAMPLES[found[1]], each.path)


@pytest.fixture
def filled(console) -> OpenConsole:
    write_sound_books(console.sessions)
    return console


def test_every_page_leads_a_stranger_to_the_gate_and_shows_nothing(filled):
    stranger = filled.browser()
    for page in PAGES:
        answer = stranger.get(path_of(page))
        assert (answer.status_code, answer.text) == (303, ""), page.path
        assert answer.headers["location"].startswith("/console/login?next=%2Fconsole"), page.path
    for action in ACTIONS:
        assert stranger.post(path_of(action)).headers["location"] == "/console/login?why=signed-out", action.path


def test_every_answer_carries_the_headers_that_guard_it(filled):
    awa, stranger = filled.person(), filled.browser()
    answers = [
        *(awa.get(path_of(page)) for page in PAGES),
        *(stranger.get(path_of(page)) for page in PAGES),
        stranger.get("/login"),
        awa.get("/nowhere"),
        awa.call("PUT", "/login"),
        awa.call("DELETE", "/"),
        stranger.call("POST", "/login", data=b"x" * 70_000, headers={"Origin": stranger.url}),
        stranger.call("POST", "/login", json={}, headers={"Origin": stranger.url}),
        stranger.call("POST", "/login"),
    ]
    assert {answer.status_code for answer in answers} >= {200, 303, 403, 404, 405, 413, 415}
    for answer in answers:
        there = {name: answer.headers.get(name) for name in HEADERS}
        assert there == HEADERS, (answer.request.method, answer.url)
        assert "unsafe" not in answer.headers["content-security-policy"]
