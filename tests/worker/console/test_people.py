"""Whoever is taken out of the file of people is out at their next request, the others stay, and a faulty file is told loudly."""

from __future__ import annotations

import json
import time

import pytest
from structlog.testing import capture_logs

from config.people import known_people
from config.reread import LOOK_EVERY
from config.settings import people_file
from tests.config.test_accounts import Clock, replace_file
from tests.fakes import settings_for
from tests.webdoor import NOWHERE, until
from tests.worker.console.browser import AWA, CHEAP, MOUSSA, words_of
from tests.worker.console.browser import open_console as opened
from worker.ops.desk import Desk

BOTH = f"{AWA}\n{MOUSSA}\n"
MOUSSA_ANEW = f"moussa:{CHEAP.hash('a password of today')}"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """The file, named as whoever runs a door names it."""
    found = tmp_path / "people"
    found.write_text(BOTH)
    monkeypatch.delenv("CONSOLE_USERS", raising=False)
    monkeypatch.setenv("CONSOLE_USERS_FILE", str(found))
    return found


@pytest.fixture
def console(database_of_consoles, redis_url, path):
    url, sessions = database_of_consoles
    with opened(url, redis_url, sessions, console_users=path.read_text()) as running:
        yield running


def is_in(browser):
    return browser.get().status_code == 200


def test_a_person_who_is_taken_out_is_out_and_who_has_a_new_password_signs_in_with_that(console, path):
    awa, moussa = console.person(), console.browser()
    moussa.sign_in("moussa", "another one altogether")
    assert is_in(awa)
    assert is_in(moussa)

    replace_file(path, f"{AWA}\n{MOUSSA_ANEW}\n")
    began = time.monotonic()
    until(lambda: not is_in(moussa))
    assert time.monotonic() - began < 5
    assert moussa.sign_in("moussa", "another one altogether").status_code == 403
    assert moussa.sign_in("moussa", "a password of today").status_code == 303

    replace_file(path, AWA)
    until(lambda: not is_in(moussa))
    assert moussa.post("/anything", csrf="").headers["location"] == "/console/login?why=signed-out"
    assert moussa.sign_in("moussa", "a password of today").status_code == 403
    assert is_in(awa)

    replace_file(path, "# awa has left as well\n")
    until(lambda: not is_in(awa))
    assert "Nobody may sign in here now" in words_of(awa.sign_in().text)
    replace_file(path, BOTH)
    until(lambda: awa.sign_in().status_code == 303)


def test_a_file_with_faults_keeps_everybody_and_says_so_where_they_look(console, path):
    awa = console.person()
    replace_file(path, f"{AWA}\nmoussa:in clear\n")
    until(lambda: "CONSOLE_USERS_FILE: entry 2 is not name:hash" in words_of(awa.get().text))
    assert "those taken out as well" in words_of(awa.get().text)
    assert console.browser().sign_in("moussa", "another one altogether").status_code == 303
    replace_file(path, AWA)
    until(lambda: "CONSOLE_USERS_FILE" not in words_of(awa.get().text))


def test_a_fault_is_logged_once_without_a_hash_and_so_is_what_changed(path):
    clock = Clock()
    people = known_people(settings_for(NOWHERE, console_users=BOTH), file=people_file(), clock=clock)

    def becomes(text):
        replace_file(path, text) if text else path.unlink()
        for _ in range(2):
            clock.now += LOOK_EVERY
            found = people.now()
        return list(found)

    with capture_logs() as lines:
        assert becomes(MOUSSA.replace("$argon2id", "")) == ["awa", "moussa"]
        assert becomes(None) == ["awa", "moussa"]
        assert people.faults == ("CONSOLE_USERS_FILE: cannot be read (No such file or directory)",)
        assert becomes(MOUSSA_ANEW) == ["moussa"]
        assert becomes("# nobody") == []
        assert becomes(AWA) == ["awa"]
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("people_not_read", "error"),
        ("people_not_read", "error"),
        ("people_read", "info"),
        ("people_gone", "error"),
        ("people_read", "info"),
        ("people_read", "info"),
    ]
    changed = [line["changed"] for line in lines if line["event"] == "people_read"]
    assert changed == [["awa", "moussa"], ["moussa"], ["awa"]]
    assert "argon2id$" not in json.dumps(lines)


def test_people_of_the_variable_stay_as_they_are_and_no_file_is_looked_at(path, monkeypatch):
    monkeypatch.setenv("CONSOLE_USERS", AWA)
    assert people_file() is None
    clock = Clock()
    people = known_people(settings_for(NOWHERE, console_users=AWA), file=people_file(), clock=clock)
    replace_file(path, MOUSSA)
    clock.now = LOOK_EVERY
    assert list(people.now()) == ["awa"]


def test_a_status_that_begins_with_a_faulty_file_shows_the_rest_all_the_same(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = settings_for(NOWHERE)
    for name in ("ligdicash_api_key", "ligdicash_api_token", "reconciler_api_key", "database_url", "redis_url"):
        monkeypatch.setenv(name.upper(), getattr(settings, name).get_secret_value())
    monkeypatch.setenv("CALLBACK_URL", settings.callback_url)
    path.unlink()
    monkeypatch.setenv("LIGDICASH_ACCOUNTS_FILE", str(tmp_path / "absent.toml"))
    desk = Desk()
    assert desk._without_what_it_spares().console_people == {}
    assert desk.people_faults == ["CONSOLE_USERS_FILE: cannot be read (No such file or directory)"]
    assert desk.account_faults == ["LIGDICASH_ACCOUNTS_FILE: cannot be read (No such file or directory)"]
