"""What holds for every page of the console, those included that are added later: they are walked by their list."""

from __future__ import annotations

import re

import pytest

from tests.worker.console.books import EXAMPLES, fill, secrets_of
from tests.worker.console.browser import OpenConsole, words_of
from worker.console.headers import HEADERS
from worker.console.rooms import Action, Page, all_rooms

ROOMS = [each for room in all_rooms() for each in room]
PAGES = [each for each in ROOMS if isinstance(each, Page)]
ACTIONS = [each for each in ROOMS if isinstance(each, Action)]


def path_of(each: Page | Action) -> str:
    """With an example for each parameter."""
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: EXAMPLES[found[1]], each.path)


@pytest.fixture
def filled(console) -> OpenConsole:
    fill(console)
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


def test_no_page_shows_a_key_or_a_token(filled):
    secrets = secrets_of(filled)
    awa = filled.person()
    pages = {page.path: awa.get(path_of(page)) for page in PAGES}
    # An action that is sent nothing has to say so, which is a page too.
    pages |= {action.path: awa.post(path_of(action)) for action in ACTIONS}
    assert {path: answer.status_code for path, answer in pages.items() if answer.status_code >= 500} == {}
    shown = [(path, name) for path, page in pages.items() for name, secret in secrets.items() if secret in page.text]
    assert all(secrets.values())
    assert shown == []


def test_every_page_is_there_in_french_and_has_no_text_of_another_language(filled):
    awa = filled.person()
    awa.post("/language", language="fr", next="/console")
    for page in PAGES:
        answer = awa.get(path_of(page))
        assert answer.status_code == 200, page.path
        assert '<html lang="fr">' in answer.text
        told = words_of(answer.text)
        assert "Se déconnecter" in told
        assert "Sign out" not in told


def test_every_page_can_be_read_without_a_mouse_a_script_or_another_host(filled):
    awa = filled.person()
    for page in PAGES:
        html = awa.get(path_of(page)).text
        assert html.count("<h1") == html.count("<main") == html.count('href="#main"') == 1, page.path
        assert not re.findall(r"<script|<style|\sstyle=|\son\w+=|javascript:|@import", html), page.path
        addresses = re.findall(r"""(?:href|src|action)=["']?([^"'\s>]*)""", html)
        assert {one for one in addresses if not one.startswith(("/console", "#", "data:,"))} == set(), page.path
        forms = re.findall(r'(?s)<form method="post" action="([^"]*)"(.*?)</form>', html)
        assert {to for to, inside in forms if 'name="csrf"' not in inside} == {"/console/language"}, page.path
        fields = re.findall(r'<(?:input|select|textarea)\b[^>]*\bid="([^"]+)"', html)
        assert {one for one in fields if f'for="{one}"' not in html} == set(), page.path
