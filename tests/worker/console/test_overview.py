"""The first page: a person sees in ten seconds whether something needs them, and what."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import typer

from models.case import CaseKind
from tasks.sweep import SWEPT
from tasks.toolbox import BreakerState, BreakerView, Sign
from tests.ledger import add_pending, let_pass, open_books
from tests.settled import put_settled
from tests.webdoor import NOWHERE
from tests.worker.console.books import fill
from tests.worker.console.browser import open_console, words_of
from tests.worker.ops.test_status_view import FULL
from worker.console.gallery import Gallery
from worker.console.pictures import _steps
from worker.language import speaking
from worker.ops.command import app
from worker.ops.needs import MEANINGS, Topic, needs

AUDIT = Sign(age=60.0, ahead=0.0, facts={"settled_once": 2.0})
QUIET = replace(
    FULL,
    stops=[],
    books=replace(FULL.books, overdue=0, unread=0, oldest_unread_at=None, open_cases={}),
    notices=replace(FULL.notices, waiting=0, oldest_at=None, stopped=0),
    learned=None,
    breaker=BreakerView(state=BreakerState.CLOSED),
    spool=None,
    ran={"sweep": 2.0, "fsck": 299.0},
)


def test_books_without_trouble_need_nobody_while_the_sweep_runs(console):
    add_pending(console.sessions)
    console.fakes.signs.leave(SWEPT, life=60)
    told = words_of(console.person().get().text)
    assert "Nothing needs you" in told
    assert "1 payment is open." in told


def test_a_sweep_and_an_fsck_that_stopped_are_told_of_before_anything_is_late():
    def told(sweep, fsck):
        return [(need.topic, need.is_urgent) for need in needs(replace(QUIET, ran={"sweep": sweep, "fsck": fsck}))]

    assert told(91.0, 299.0) == [(Topic.SWEEP, True)]
    assert told(None, None) == [(Topic.SWEEP, True)]
    assert told(2.0, 1201.0) == [(Topic.FSCK, False)]
    assert needs(replace(QUIET, ran=None)) == []


def test_what_needs_somebody_stands_on_top_with_the_command_that_does_the_same(console):
    fill(console)
    add_pending(console.sessions)
    let_pass(console.sessions, 7200)
    console.fakes.signs.leave("watched", {"settled_once": 2}, life=60)
    html = console.person().get().text
    told = words_of(html)
    found = re.findall(r'<li class="(\w+)">', html)
    assert f"{len(found)} things need you" in told
    assert found == sorted(found), "bad before warn"
    at = [
        told.index(part) for part in ("fsck found 2 faults", "should have been asked", "not read", "1 case (mismatch)")
    ]
    assert at == sorted(at)
    assert "reconciler cases list --kind mismatch" in told
    assert re.findall(r'<a href="([^"]+)">[^<]*not read', html) == ["/console/callbacks?outcome=received"]


def test_a_day_is_drawn_with_its_figures_and_nothing_the_policy_would_refuse(console):
    put_settled(console.sessions, 30, ago=5400, heard=2.0)
    put_settled(console.sessions, 10, ago=60, lane="sweep")
    html = console.person().get().text
    assert "40 payments were settled in the last 24 hours; callbacks announced 75%." in words_of(html)
    drawings = re.findall(r"(?s)<svg.*?</svg>", html)
    assert len(drawings) == 3
    for drawing in drawings:
        assert re.search(r'role="img" aria-label="[^"]{20,}"', drawing)
        assert not re.findall(r"<style|<script|style=|href|http|<!--", drawing)
    assert '<td class="amount">30</td>' in html


def test_it_speaks_french_to_whoever_asks_for_it(console):
    fill(console)
    awa = console.person()
    told = words_of(awa.get(Accept_Language="fr-BF,fr;q=0.9,en;q=0.5").text)
    assert "besoin de vous" in told
    assert "1 dossier (écart)" in told or "payé pour un autre montant" in told
    assert "need" not in told
    assert "No data" not in told, "of a picture without figures"


def test_it_loads_itself_anew_only_where_somebody_wants_that(console):
    awa = console.person()
    assert 'http-equiv="refresh"' not in awa.get().text
    live = awa.get("?live=1")
    assert '<meta http-equiv="refresh" content="15">' in live.text
    assert "Stop that" in words_of(live.text)


def test_with_the_database_away_it_says_so_soon_and_shows_the_rest(redis_url):
    with open_books(NOWHERE) as sessions, open_console(NOWHERE, redis_url, sessions) as console:
        awa = console.person()
        answer = awa.get()
    told = words_of(answer.text)
    assert answer.status_code == 200
    assert "things need you" in told or "1 thing needs you" in told
    assert "The database: the database cannot be reached" in told
    assert "Callbacks are kept in the spool" in told
    assert "notices not known" in told


def test_with_redis_away_whoever_is_signed_in_sees_that(console):
    awa = console.person()
    console.fakes.queue.is_away = True
    told = words_of(awa.get().text)
    assert "Redis: " in told
    assert "payments are settled by the sweep, later than usual" in told


def test_pictures_are_drawn_once_for_all_and_anew_for_other_figures_and_in_another_language():
    gallery = Gallery()
    by_age, *of_hours = gallery.of(FULL, "en")
    assert [id(one) for one in gallery.of(replace(FULL), "en")] == [id(by_age), *map(id, of_hours)]
    later = gallery.of(replace(FULL, books=replace(FULL.books)), "en")
    assert (later[0] is by_age, [id(one) for one in later[1:]]) == (False, [*map(id, of_hours)])
    with speaking("fr"):
        assert gallery.of(FULL, "fr")[0].title != by_age.title
    assert gallery.of(replace(FULL, learned=None), "en")[1:] == []


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_topic_and_every_kind_of_case_is_told_of_and_money_first(language):
    with speaking(language):
        away = replace(FULL, database="cannot be reached", redis="no answer in time")
        found = needs(replace(away, account_faults=["a: b"], people_faults=["c: d"]))
        found += needs(replace(FULL, audits=[AUDIT], ran={"sweep": 91.0, "fsck": 1201.0}))
    assert {need.topic for need in found} == set(Topic)
    assert {need.case_kind for need in found} - {None} == set(CaseKind) == set(MEANINGS)
    urgent = [need.is_urgent for need in needs(FULL)]
    assert urgent == sorted(urgent, reverse=True)
    assert needs(QUIET) == []


def test_every_command_that_is_named_is_one():
    root = typer.main.get_command(app)
    broken = replace(FULL, database="x", redis="x", audits=[AUDIT], people_faults=["c: d"])
    for need in needs(replace(broken, ran={"sweep": None, "fsck": 1201.0})):
        command, words = root, need.command.split()[1:]
        while words and hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, need.command


def test_steps_of_an_axis_are_round_few_and_enough():
    for most in (0, 1, 2, 3, 4, 5, 7, 31, 99, 1000, 123_456):
        steps = _steps(most)
        assert steps[0] == 0
        assert 2 <= len(steps) <= 5, most
        assert steps[-1] <= max(most, 1) < steps[-1] + steps[1] + 1
